//! Routes, their views and their options.
//!
//! [`Router`](crate::Router) itself is at the root of the crate.

#[doc(inline)]
pub use lback_core::{BodyLimit, Cors, CsrfExempt, JsonErrors, Route, SecretPath, Streaming, View, ViewTimeout};
