//! The signal of the pages.

use lback_core::Signal;
use serde::Serialize;

/// `user.registered`: a visitor has registered, and the request is committed.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct UserRegistered {
    /// The new user.
    pub user_id: i64,
}

impl Signal for UserRegistered {
    const NAME: &'static str = "user.registered";
}
