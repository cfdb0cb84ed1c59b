//! Binds CSRF tokens to sessions.

use crate::{Request, Result};

/// Binds CSRF tokens to the session of a browser, in addition to the browser itself. The crate that owns sessions implements
/// this trait.
///
/// Only [`is_anonymous`](CsrfBinding::is_anonymous) may run a query. The other methods may do so only if the request carries the
/// cookies of several sessions.
pub trait CsrfBinding: Send + Sync + 'static {
    /// Returns the id of the session that the request came with, or `None` if it came without one.
    ///
    /// # Errors
    /// Returns an error if the session cannot be read.
    fn received(&self, req: &mut Request) -> Result<Option<String>>;

    /// Returns the id of the session that the browser will have after this request, as far as it is known now.
    ///
    /// Returns `None` if there is no session yet, or if the session is new and has no user. A token that is bound to no
    /// session is accepted from every session without a user.
    ///
    /// # Errors
    /// Returns an error if the session cannot be read.
    fn next(&self, req: &mut Request) -> Result<Option<String>>;

    /// Returns whether this request has logged a user in or out, or given the session a new id.
    fn has_changed(&self, req: &Request) -> bool;

    /// Returns whether the session has no user. Called only if a token was made before the session existed and is sent with it.
    ///
    /// # Errors
    /// Returns an error if the session cannot be read.
    fn is_anonymous(&self, req: &mut Request) -> Result<bool>;
}
