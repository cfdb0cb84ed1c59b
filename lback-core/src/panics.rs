//! Catches panics in views and middleware and turns them into errors.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Once;
use std::task::Poll;

use crate::error_page::capture_stack;
use crate::{Error, Result};

thread_local! {
    /// The source location of the thread's last panic, and its call stack.
    static LAST: RefCell<(Option<String>, Option<Backtrace>)> = const { RefCell::new((None, None)) };
}

/// Installs a hook that records the source location of every panic, for the debug page and the log.
pub(crate) fn remember_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            LAST.set((info.location().map(ToString::to_string), capture_stack()));
            previous(info);
        }));
    });
}

/// Turns the payload of a panic into an error.
pub(crate) fn error(payload: Box<dyn Any + Send>) -> Error {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let (location, stack) = LAST.take();
    Error::panic(format!("panic: {}", text.unwrap_or("the payload is not a string")), location, stack)
}

/// Runs `future`, and turns a panic in it into an error whose [`is_panic`](Error::is_panic) is true.
///
/// ```
/// use std::pin::pin;
///
/// use lback_core::{Result, catch_panic};
///
/// # lback_core::testing::block_on(async {
/// let work = async { if true { panic!("oh") } else { Ok(()) } };
/// let result: Result<()> = catch_panic(pin!(work)).await;
/// assert!(result.unwrap_err().is_panic());
/// # });
/// ```
// Not an async fn, because that would store `future` twice, and every layer of the middleware stack has one of these.
pub fn catch_panic<T>(mut future: impl Future<Output = Result<T>> + Unpin) -> impl Future<Output = Result<T>> {
    poll_fn(move |cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut future).poll(cx)));
        polled.unwrap_or_else(|payload| Poll::Ready(Err(error(payload))))
    })
}
