//! Panics of views and middleware, caught and turned into errors.

use std::any::Any;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Once;
use std::task::Poll;

use crate::{Error, Result};

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has every panic leave its place in the source, for the debug page and the log.
pub(crate) fn remember_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            LAST.set(info.location().map(ToString::to_string));
            previous(info);
        }));
    });
}

/// The error that a panic becomes.
pub(crate) fn error(payload: Box<dyn Any + Send>) -> Error {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    Error::panic(format!("panic: {}", text.unwrap_or("of an unknown kind")), LAST.take())
}

/// Runs `future`; a panic in it becomes an error.
// No async fn: its future would hold `future` twice, and every layer of the pipeline has one of these.
pub(crate) fn catch_panic<T>(mut future: impl Future<Output = Result<T>> + Unpin) -> impl Future<Output = Result<T>> {
    poll_fn(move |cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut future).poll(cx)));
        polled.unwrap_or_else(|payload| Poll::Ready(Err(error(payload))))
    })
}
