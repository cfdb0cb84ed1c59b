//! A signal without its static type.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::Signal;

/// A signal of any type, as received by listeners that are registered by name. Its `Debug` output is that of the signal. Cloning it
/// is cheap.
///
/// ```
/// use lback::signals::{AnySignal, ServerStarted};
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

    /// Returns the name of the signal.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the signal if it is of type `T`.
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
