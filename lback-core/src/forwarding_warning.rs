//! Warns about forwarding headers that are ignored.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::header::{FORWARDED, HeaderMap, HeaderName};

use crate::Request;

pub(crate) static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(crate) static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Logs a warning about forwarding headers that are ignored. It does so only once, because any client can send them with every
/// request.
#[derive(Debug, Default)]
pub(crate) struct ForwardingWarning(AtomicBool);

impl ForwardingWarning {
    pub(crate) fn check(&self, req: &Request) {
        let sent = |name: &HeaderName| req.headers().contains_key(name);
        let is_forwarded = !self.0.load(Ordering::Relaxed) && (sent(&X_FORWARDED_FOR) || sent(&X_FORWARDED_PROTO) || sent(&FORWARDED));
        if !is_forwarded {
            return;
        }
        let Some(peer) = req.peer_addr().map(|peer| peer.ip().to_canonical()) else { return };
        if let Some(warning) = warning(peer, req.trusts(peer), req.headers())
            && !self.0.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(target: "lback::proxies", "{warning} This warning is logged only once.");
        }
    }
}

fn warning(peer: IpAddr, is_trusted: bool, headers: &HeaderMap) -> Option<String> {
    if !is_trusted {
        return Some(format!(
            "{peer} sent forwarding headers, which are ignored because it is not one of the TRUSTED_PROXIES. If it is your proxy, all its \
             visitors appear to come from {peer} over plain HTTP: set TRUSTED_PROXIES = [\"{peer}\"], or name its network."
        ));
    }
    let sends_only_forwarded = headers.contains_key(FORWARDED) && !headers.contains_key(&X_FORWARDED_FOR);
    sends_only_forwarded.then(|| {
        format!(
            "the proxy {peer} sends Forwarded but not X-Forwarded-For, so all its visitors appear to come from {peer}. Configure it to send \
             X-Forwarded-For and X-Forwarded-Proto."
        )
    })
}
