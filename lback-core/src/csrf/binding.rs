//! Whose tokens are whose.

use crate::{Request, Result};

/// What tokens are bound to besides the browser: its session. The crate that owns sessions implements this.
///
/// None of the methods but [`is_anonymous`](CsrfBinding::is_anonymous) may cost a query, unless the request came with the
/// cookies of several sessions.
pub trait CsrfBinding: Send + Sync + 'static {
    /// The id of the session that the request came with; `None` where it came without.
    ///
    /// # Errors
    /// If the session cannot be read.
    fn received(&self, req: &mut Request) -> Result<Option<String>>;

    /// The id of the session that the browser will come with after this request, as far as that is known now.
    ///
    /// `None` where there is none yet, and where a new one belongs to nobody: what is bound to none is accepted from
    /// every session of somebody who is not logged in.
    ///
    /// # Errors
    /// As [`received`](CsrfBinding::received).
    fn next(&self, req: &mut Request) -> Result<Option<String>>;

    /// Has this request logged somebody in or out, or given the session a new id?
    fn has_changed(&self, req: &Request) -> bool;

    /// Is nobody logged in? Asked only where a token was made before there was a session, and comes back with one.
    ///
    /// # Errors
    /// Where the session cannot be read.
    fn is_anonymous(&self, req: &mut Request) -> Result<bool>;
}
