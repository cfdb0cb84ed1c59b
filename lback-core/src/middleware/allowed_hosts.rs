//! Refuses requests for hosts that are not ours.

use crate::{Error, Middleware, Next, Request, Response, Result};

/// Answers 400 to a request whose `Host` is not one of the `ALLOWED_HOSTS`, or can be no host at all.
///
/// `"example.com"` allows that host, `".example.com"` it and every host below it, `"*"` any. While `DEBUG` is on and the
/// list is empty, the machine's own names are allowed.
#[derive(Clone, Copy, Debug)]
pub struct AllowedHosts;

impl Middleware for AllowedHosts {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        if self.skips(req) {
            return next.run(req).await;
        }
        tracing::warn!(id = %req.id(), host = req.host(), "refused: add the host to ALLOWED_HOSTS in settings.toml if it is yours");
        let hint = if req.app().config().debug { " Add it to ALLOWED_HOSTS in settings.toml if it is yours." } else { "" };
        Err(Error::bad_request(format!("This server does not answer for that host.{hint}")))
    }

    fn skips(&self, req: &Request) -> bool {
        is_allowed(req)
    }
}

/// Returns whether the request is for a host of ours. What only a developer may see is shown to no other: a name of somebody
/// else may lead to this machine, and then a page of theirs may read what is answered here (DNS rebinding).
pub(crate) fn is_allowed(req: &Request) -> bool {
    let settings = req.app().config();
    match req.host_as_sent() {
        // Two, or what can be no host. The latter could end like one that is allowed, and lead elsewhere in a link.
        None if req.names_host() => false,
        // A request of HTTP/1.0 may come without one.
        None => settings.allowed_hosts.iter().any(|pattern| pattern == "*"),
        Some(host) if settings.allowed_hosts.is_empty() && settings.debug => LOCAL.iter().any(|pattern| fits(pattern, host)),
        Some(host) => settings.allowed_hosts.iter().any(|pattern| fits(pattern, host)),
    }
}

/// The machine's own names.
const LOCAL: [&str; 4] = [".localhost", "127.0.0.1", "[::1]", "0.0.0.0"];

fn fits(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('.') {
        // As most clients send it.
        None if host == pattern => true,
        None => pattern == "*" || host.eq_ignore_ascii_case(pattern),
        Some(domain) => {
            let end = host.len().checked_sub(pattern.len()).and_then(|start| host.get(start..)).unwrap_or_default();
            host.eq_ignore_ascii_case(domain) || end.eq_ignore_ascii_case(pattern)
        }
    }
}
