//! Signals: what has happened, told to whoever listens.
//!
//! A signal is a value of a type that implements [`Signal`]. Listeners are registered before the application is built:
//! with `App::on` and its siblings, or, by crates below it, on [`Assembly::listeners_mut`](crate::Assembly::listeners_mut).
//! Whoever has something to tell calls [`Application::send`](crate::Application::send).
//!
//! ```
//! use std::sync::atomic::{AtomicI64, Ordering};
//! use lback_core::{Assembly, Request, Router, Settings, Signal};
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
//! The signals of this crate carry no secret: no cookie, no body, no query, and of the path only the pattern of its
//! route, for a path may hold a token too.

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

/// Something that has happened, and what is told of it.
///
/// ```
/// use lback_core::Signal;
///
/// #[derive(Debug)]
/// struct OrderPlaced { id: i64 }
///
/// impl Signal for OrderPlaced {
///     const NAME: &str = "order.placed";
/// }
/// ```
///
/// Listeners write signals to logs and send them to other machines, so a signal holds no secret: the id of an order, and
/// not the number of the card that paid it.
pub trait Signal: Debug + Send + Sync + 'static {
    /// The name by which listeners may ask for it: what it is about and what happened, `order.placed`.
    const NAME: &'static str;
}

/// What a listener returns: nothing, or a [`Result`] whose error is logged.
#[diagnostic::on_unimplemented(message = "a listener returns nothing or a `lback::Result<()>`, and not `{Self}`")]
pub trait Outcome {
    /// The same as a `Result`.
    ///
    /// # Errors
    /// That of the listener.
    fn into_result(self) -> Result<()>;
}

impl Outcome for () {
    fn into_result(self) -> Result<()> {
        Ok(())
    }
}

impl Outcome for Result<()> {
    fn into_result(self) -> Result<()> {
        self
    }
}
