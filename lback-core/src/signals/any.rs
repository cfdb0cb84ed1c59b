//! A signal whose type the listener does not know.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::Signal;

/// A signal as a listener by name gets it. Prints (`{signal:?}`) as the signal does; cheap to clone.
///
/// ```
/// use lback_core::signals::{AnySignal, ServerStarted};
///
/// fn note(signal: &AnySignal) -> String {
///     match signal.downcast_ref::<ServerStarted>() {
///         Some(started) => format!("listening on {}", started.address),
///         None => format!("{}: {signal:?}", signal.name()),
///     }
/// }
/// # let _ = note;
/// ```
#[derive(Clone)]
pub struct AnySignal {
    name: &'static str,
    value: Arc<dyn Any + Send + Sync>,
    debug: fn(&dyn Any, &mut fmt::Formatter<'_>) -> fmt::Result,
}

impl AnySignal {
    pub(super) fn new<T: Signal>(signal: T) -> Self {
        AnySignal { name: T::NAME, value: Arc::new(signal), debug: debug::<T> }
    }

    /// The signal's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The signal, if it is a `T`.
    pub fn downcast_ref<T: Signal>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }

    pub(super) fn downcast<T: Signal>(self) -> Option<Arc<T>> {
        self.value.downcast().ok()
    }
}

impl fmt::Debug for AnySignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.debug)(&*self.value, f)
    }
}

fn debug<T: Signal>(value: &dyn Any, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    value.downcast_ref::<T>().map_or(Ok(()), |signal| signal.fmt(f))
}
