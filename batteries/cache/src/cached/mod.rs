//! Routes whose responses are cached.

mod key;
mod options;
mod page;

use std::sync::Arc;

use lback_core::header::{self, HeaderMap};
use lback_core::{
    Application, Caching, Method, Middleware, Next, ProgramError, ProgramResult, Request, Response, Result, Route, StatusCode,
};
use lback_session::RequestSession;

pub use self::options::{Cached, RouterCache};
use self::page::Page;
use crate::{Cache, CacheEntry, RequestCache};

/// The name of the middleware.
const NAME: &str = "Cached";

impl Middleware for Cached {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        // A re-render asks the view what the viewer sees now, and its page is not complete.
        if !matches!(*req.method(), Method::GET | Method::HEAD) || req.is_rerender() {
            return next.run(req).await;
        }
        let Some(key) = self.key(req).await? else { return next.run(req).await };
        let entry = self.entry(&req.cache()?, &key.text);
        if *req.method() == Method::HEAD {
            let page = entry.get_async::<Page>().await?;
            if self.per_user {
                req.limit_caching(Caching::PerVisitor);
            }
            return match page {
                Some(page) => Ok(page.response(req)),
                None => next.run(req).await,
            };
        }
        let mut own = None;
        let page = entry.get_or_set_shared_async(async {
            let before = req.own_parts();
            let result = next.run(req).await;
            if let Ok(response) = &result {
                match self.refusal(req, response, before, key.is_of_user) {
                    None => return Ok((Page::of(response, req.caching() > Caching::Unlimited), true)),
                    Some(why) => self.refuse(req, why),
                }
            }
            // Others make their own.
            own = Some(result);
            Ok((Page::default(), false))
        });
        let page: Arc<Page> = page.await?;
        if self.per_user {
            req.limit_caching(Caching::PerVisitor);
        }
        match own {
            Some(result) => result,
            None => Ok(page.response(req)),
        }
    }

    fn name(&self) -> &'static str {
        NAME
    }
}

impl Cached {
    fn entry<'k>(&self, cache: &Cache, key: &'k str) -> CacheEntry<'k> {
        let mut entry = cache.entry(key).version(self.version).stale_for(self.stale_for).tags(&self.tags);
        if let Some(ttl) = self.ttl {
            entry = entry.ttl(ttl);
        }
        self.tables.iter().fold(entry, |entry, table| entry.depends_on_table(table))
    }

    /// Returns whether a response says by `Vary` that it differs by something that is not in its key.
    fn varies(&self, headers: &HeaderMap) -> bool {
        let is_in_key = |name: &str| match name {
            "*" => false,
            name if name.eq_ignore_ascii_case("accept-language") => !self.languages.is_empty() || !self.parts.is_empty(),
            // The function of `by` may look at any header.
            _ => !self.parts.is_empty(),
        };
        parts(headers, header::VARY).any(|name| !is_in_key(name))
    }

    /// Returns why a response is not stored. `before` is the number of the request's own parts before the view.
    fn refusal(&self, req: &mut Request, response: &Response, before: usize, is_of_user: bool) -> Option<&'static str> {
        let headers = response.headers();
        if response.status() != StatusCode::OK {
            return Some("its status is not 200");
        }
        if response.body().as_bytes().is_none() {
            return Some("it is streamed");
        }
        if headers.contains_key(header::SET_COOKIE) {
            return Some("it sets a cookie");
        }
        if req.own_parts() != before {
            return Some("it contains a CSRF token, a nonce or a live fragment, or sets a cookie");
        }
        if forbids(headers, is_of_user) {
            return Some("its Cache-Control forbids it");
        }
        if self.varies(headers) {
            return Some("it differs by a header of the request. Write Cached::…per_language(…) or by(|req| …)");
        }
        match req.caching() {
            Caching::Unlimited => None,
            Caching::PerVisitor if is_of_user => {
                let is_changed = req.session_if_loaded().is_some_and(lback_session::AppSession::modified);
                is_changed.then_some("the view has changed the session, for example by showing a message")
            }
            Caching::PerVisitor if self.per_user => Some("it depends on the session of a visitor who is not logged in"),
            Caching::PerVisitor => Some("it depends on the session. Write Cached::…per_user() if it depends on the user only"),
            _ => Some("it is private to its visitor"),
        }
    }
}

/// Returns the parts of a header that is a list.
fn parts(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Returns whether `Cache-Control` forbids to store the response.
fn forbids(headers: &HeaderMap, is_of_user: bool) -> bool {
    let mut directives = parts(headers, header::CACHE_CONTROL);
    directives.any(|part| {
        let name = part.split('=').next().unwrap_or_default();
        name.eq_ignore_ascii_case("no-store") || (name.eq_ignore_ascii_case("private") && !is_of_user)
    })
}

/// Checks that nothing within a cached route refuses requests: a stored response would get around it.
pub(crate) fn check_routes(app: &Arc<Application>) -> ProgramResult {
    for route in app.routes() {
        let within: Vec<&str> = route.middleware().skip_while(|name| *name != NAME).skip(1).collect();
        if !within.is_empty() {
            let (pattern, place, within) = (route.pattern(), route.place(), within.join(", "));
            return Err(ProgramError::new(format!(
                "the cached route {pattern} ({place}) has middleware within its cache, which would not run for a cached response: {within}. \
                 Write .cached(…) after it, and at the route itself instead of an include"
            )));
        }
    }
    Ok(())
}

/// Returns the note of a cached route in the output of the command `routes`.
pub(crate) fn note(route: &Route) -> Option<String> {
    route.middleware_of::<Cached>().next().map(|cached| match cached.ttl {
        Some(ttl) => format!("cached for {} s", ttl.as_secs()),
        None => "cached until changed".to_owned(),
    })
}
