//! Rejects requests for unknown hosts.

use crate::{Error, Middleware, Next, Request, Response, Result};

/// Answers 400 if the `Host` of a request is invalid or not one of the `ALLOWED_HOSTS`.
///
/// `"example.com"` allows that host, `".example.com"` that host and every host below it, and `"*"` any host. While `DEBUG` is
/// on and the list is empty, the names and addresses of the local machine are allowed.
#[derive(Clone, Copy, Debug)]
pub struct AllowedHosts;

impl Middleware for AllowedHosts {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        if self.skips(req) {
            return next.run(req).await;
        }
        tracing::warn!(id = %req.id(), host = req.host(), "host refused: if it is yours, add it to ALLOWED_HOSTS in settings.toml");
        let hint = if req.app().config().debug { " If it is yours, add it to ALLOWED_HOSTS in settings.toml." } else { "" };
        Err(Error::bad_request(format!("This server does not serve that host.{hint}")))
    }

    fn skips(&self, req: &Request) -> bool {
        is_allowed(req)
    }
}

/// Returns whether the request is for an allowed host. Pages for developers are shown for no other host: the name of another
/// site may resolve to this machine, and a page of that site could then read the responses (DNS rebinding).
pub(crate) fn is_allowed(req: &Request) -> bool {
    let settings = req.app().config();
    match req.host_as_sent() {
        // Several hosts, or an invalid one. An invalid host could end like an allowed one and still lead elsewhere in a link.
        None if req.names_host() => false,
        // An HTTP/1.0 request may have no host.
        None => settings.allowed_hosts.iter().any(|pattern| pattern == "*"),
        Some(host) if settings.allowed_hosts.is_empty() && settings.debug => LOCAL_HOSTS.iter().any(|pattern| matches(pattern, host)),
        Some(host) => settings.allowed_hosts.iter().any(|pattern| matches(pattern, host)),
    }
}

/// Names and addresses of the local machine.
const LOCAL_HOSTS: [&str; 4] = [".localhost", "127.0.0.1", "[::1]", "0.0.0.0"];

fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('.') {
        // The common case needs no case-insensitive comparison.
        None if host == pattern => true,
        None => pattern == "*" || host.eq_ignore_ascii_case(pattern),
        Some(domain) => {
            let end = host.len().checked_sub(pattern.len()).and_then(|start| host.get(start..)).unwrap_or_default();
            host.eq_ignore_ascii_case(domain) || end.eq_ignore_ascii_case(pattern)
        }
    }
}
