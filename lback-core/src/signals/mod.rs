//! Signals notify listeners of events.
//!
//! A signal is a value of a type that implements [`Signal`]. Listeners are registered before the application is built, with
//! `App::on` and its siblings or, in crates below `App`, with [`Assembly::listeners_mut`](crate::Assembly::listeners_mut).
//! [`Application::send`](crate::Application::send) sends a signal.
//!
//! ```
//! use std::sync::atomic::{AtomicI64, Ordering};
//! use lback::{Request, Router};
//! use lback::app::Assembly;
//! use lback::settings::Settings;
//! use lback::signals::Signal;
//! use lback_core::testing::Client;
//!
//! #[derive(Debug)]
//! struct OrderPlaced { id: i64 }
//!
//! impl Signal for OrderPlaced {
//!     const NAME: &str = "order.placed";
//! }
//!
//! static LAST: AtomicI64 = AtomicI64::new(0);
//!
//! let buy = |req: &mut Request| req.app().send(OrderPlaced { id: 7 });
//! let settings = Settings::from_toml(".", "SECRET_KEY = 'only an example would show its secret key'").unwrap();
//! let mut assembly = Assembly::new(Router::new().post("/buy", buy), settings);
//! assembly.listeners_mut().on(|order: &OrderPlaced, _| LAST.store(order.id, Ordering::Relaxed));
//!
//! Client::new(assembly.build().unwrap()).post("/buy").send().assert_status(204);
//! assert_eq!(LAST.load(Ordering::Relaxed), 7);
//! ```
//!
//! The signals of this crate contain no secrets: no cookies, no body and no query. Instead of the path, which may contain a token,
//! they contain the pattern of its route.

mod any;
mod deliver;
mod http;
mod listeners;
mod pattern;
mod send;
mod server;

pub use any::AnySignal;
pub(crate) use http::{Exchange, failed};
pub use http::{RequestFailed, RequestReceived, ResponseSent};
pub use listeners::Listeners;
pub(crate) use server::Announcer;
pub use server::{ServerStarted, ServerStopping};

use std::fmt::Debug;

use crate::Result;
use crate::sealed::Sealed;

/// An event that listeners are notified of.
///
/// ```
/// use lback::signals::Signal;
///
/// #[derive(Debug)]
/// struct OrderPlaced { id: i64 }
///
/// impl Signal for OrderPlaced {
///     const NAME: &str = "order.placed";
/// }
/// ```
///
/// Listeners write signals to logs and send them to other machines, so a signal must not contain secrets: it may contain the id of
/// an order, but not the number of the credit card.
pub trait Signal: Debug + Send + Sync + 'static {
    /// The name of the signal, which consists of the subject and what happened to it: `order.placed`.
    const NAME: &'static str;
}

/// The return type of a listener: nothing, or a [`Result`] whose error is logged.
#[diagnostic::on_unimplemented(message = "a listener must return nothing or a `lback::Result<()>`, not `{Self}`")]
pub trait ListenerOutput: Sealed {
    /// Converts the outcome to a `Result`.
    ///
    /// # Errors
    /// Returns an error if the listener has failed.
    fn into_result(self) -> Result<()>;
}

impl ListenerOutput for () {
    fn into_result(self) -> Result<()> {
        Ok(())
    }
}

impl ListenerOutput for Result<()> {
    fn into_result(self) -> Result<()> {
        self
    }
}
