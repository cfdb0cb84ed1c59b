//! Saves the session at the end of a request, and tells the browser about it.

mod in_cookie;
mod on_server;
mod plan;

use std::pin::Pin;

use lback_core::header::{HeaderMap, HeaderValue};
use lback_core::{Caching, CookieSent, Request, Response, Result};

use crate::backend::Backend;
use crate::request::Slot;
use crate::{AppSession, SessionId};

/// Whether the end of a request must wait for the store.
pub(crate) enum End<'r> {
    /// The store has nothing to write.
    Reached(Result<Response>),
    /// The store is writing. Boxed, so that requests that only read have no room for this in their future.
    Writing(Pin<Box<dyn Future<Output = Result<Response>> + Send + 'r>>),
}

pub(crate) fn finish(req: &mut Request, mut session: AppSession, result: Result<Response>) -> End<'_> {
    let outcome = req.conclude(result.as_ref());
    if let Some(error) = session.why_broken() {
        return End::Reached(if outcome.has_failed() { result } else { Err(error) });
    }
    // Nothing of it is kept, not even that it ends a session, which a request that fails does.
    if req.is_repeated() || req.ignores_cookies() {
        put_back(req, session);
        return End::Reached(result);
    }
    if !is_seen(&result) {
        session.leave_taken_flashes();
    }
    let manager = session.manager().clone();
    match manager.backend() {
        Backend::Server(_) => on_server::finish(req, manager, session, result),
        Backend::Cookie => End::Reached(in_cookie::finish(req, &manager, session, result)),
    }
}

/// Returns whether a person sees the page that the view has made. An error is answered with another page.
fn is_seen(result: &Result<Response>) -> bool {
    result.as_ref().is_ok_and(|response| !response.status().is_redirection())
}

/// The change to the browser's session cookie.
enum BrowserCookie {
    Keep,
    Set(HeaderValue),
    Remove(HeaderValue),
}

impl BrowserCookie {
    /// Sends the cookie with the response that leaves in the end: one that is set unless that has failed, a removal in any case. Keeps
    /// the response from caches that would hand it to another visitor, even if middleware further out changes its headers.
    fn send(self, req: &mut Request, result: &mut Result<Response>) {
        let caching = if matches!(self, BrowserCookie::Keep) { Caching::PerVisitor } else { Caching::NotStored };
        req.limit_caching(caching);
        caching.apply(headers(result));
        match self {
            BrowserCookie::Keep => {}
            BrowserCookie::Set(value) => req.cookies().add_header(value, CookieSent::UnlessFailed),
            BrowserCookie::Remove(value) => req.cookies().add_header(value, CookieSent::Always),
        }
    }
}

fn headers(result: &mut Result<Response>) -> &mut HeaderMap {
    match result {
        Ok(response) => response.headers_mut(),
        Err(error) => error.headers_mut(),
    }
}

/// Puts the session back into the request, read-only, for middleware that looks at it on the way out.
fn put_back(req: &mut Request, session: AppSession) {
    if let Some(slot) = req.extensions_mut().get_mut::<Slot>() {
        slot.put_back(session);
    }
}

fn log_interrupted(req: &Request, id: SessionId) {
    let what = "interrupted: the session has ended, and the changes of a late request are dropped";
    tracing::warn!(target: "lback::session", request = %req.id(), %id, "{what}");
}
