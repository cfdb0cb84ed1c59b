//! The client's address, protocol and host, as seen through trusted proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use hyper::header::{HOST, HeaderMap, HeaderName};

use crate::Request;
use crate::forwarding_warning::{X_FORWARDED_FOR, X_FORWARDED_PROTO};

/// The headers in which browsers state the purpose of a request: the header of the Fetch standard, and those of Safari and
/// older versions of Chromium and Firefox.
static PURPOSE: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

/// Their values for a page that the user has not opened yet. Safari sends `preview` for its start page.
static PREFETCH: [&[u8]; 3] = [b"prefetch", b"prerender", b"preview"];

impl Request {
    /// Returns the client's address.
    ///
    /// This is the peer of the connection, unless the peer is one of the `TRUSTED_PROXIES`: then it is the last address in
    /// `X-Forwarded-For` that is not itself a trusted proxy. A client cannot choose its address by sending that header. An
    /// entry that is not an address ends the chain. `Forwarded` (RFC 7239) is not read: a proxy that sets only one of the two
    /// headers would pass on the other one as the client sent it.
    pub fn client_addr(&self) -> Option<IpAddr> {
        let mut client = self.peer_addr()?.ip().to_canonical();
        let mut hops = nearest_first(self.headers(), &X_FORWARDED_FOR);
        while self.trusts(client) {
            let Some(address) = hops.next().and_then(parse) else { break };
            client = address;
        }
        Some(client)
    }

    /// Returns the client's [address](Self::client_addr) as limits count it: an IPv6 address stands for its /64 network, which providers
    /// assign to one customer.
    pub fn client_network(&self) -> Option<IpAddr> {
        Some(match self.client_addr()? {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
            address @ IpAddr::V4(_) => address,
        })
    }

    /// Returns whether the request came over HTTPS, as stated by a trusted proxy in `X-Forwarded-Proto`.
    ///
    /// Lback itself serves plain HTTP, behind a proxy that terminates TLS.
    pub fn is_secure(&self) -> bool {
        // The last value is what the nearest proxy saw; the values before it cannot be trusted.
        let by_https =
            || nearest_first(self.headers(), &X_FORWARDED_PROTO).next().is_some_and(|proto| proto.eq_ignore_ascii_case(b"https"));
        self.peer_addr().is_some_and(|peer| self.trusts(peer.ip())) && by_https()
    }

    /// Returns whether the browser fetches this page in advance, before the user opens it: whether it sends `prefetch` or
    /// `prerender` in `Sec-Purpose`, or in a header that older browsers send. The page may never be shown.
    pub fn is_prefetch(&self) -> bool {
        let values = PURPOSE.iter().flat_map(|name| self.headers().get_all(name));
        let words = values.flat_map(|value| value.as_bytes().split(|byte| b",;".contains(byte)));
        words.map(<[u8]>::trim_ascii).any(|word| PREFETCH.iter().any(|value| word.eq_ignore_ascii_case(value)))
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.app().config().trusted_proxies.iter().any(|proxy| proxy.contains(address))
    }

    /// Returns the requested host in lower case, without the port.
    pub fn host(&self) -> Option<String> {
        self.host_as_sent().map(str::to_ascii_lowercase)
    }

    /// Returns the host without the port, in the case in which it was sent.
    pub(crate) fn host_as_sent(&self) -> Option<&str> {
        let host = without_port(self.authority_as_sent()?)?;
        Some(host.trim_end_matches('.'))
    }

    /// Returns the requested host, with the port if the client sent one: `example.com:8000`. Returns `None` if the client sent
    /// no host or an invalid one.
    pub fn authority(&self) -> Option<&str> {
        self.authority_as_sent().filter(|authority| without_port(authority).is_some())
    }

    fn authority_as_sent(&self) -> Option<&str> {
        let mut hosts = self.headers().get_all(HOST).iter();
        let host = hosts.next();
        // RFC 9112, 3.2: if there are two, neither can be trusted.
        if hosts.next().is_some() {
            return None;
        }
        self.uri().authority().map(|authority| authority.as_str()).or_else(|| host?.to_str().ok())
    }

    /// Returns whether the client sent a host, valid or not.
    pub(crate) fn names_host(&self) -> bool {
        self.uri().authority().is_some() || self.headers().contains_key(HOST)
    }
}

/// Returns the name or address in an authority, which may be followed by a port. Returns `None` if it is invalid: if it
/// contained a `/`, `?` or `#`, a link would lead to the part before that character.
fn without_port(authority: &str) -> Option<&str> {
    let end_of = |letter: u8| authority.bytes().position(|byte| byte == letter);
    let end = if authority.starts_with('[') { end_of(b']')? + 1 } else { end_of(b':').unwrap_or(authority.len()) };
    let (host, port) = authority.split_at(end);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_name),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    (is_host && is_port).then_some(host)
}

/// Returns what proxies have added to the lists of this name, starting with the nearest proxy. Empty entries do not count (RFC
/// 9110, 5.6.1).
fn nearest_first<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let hops = headers.get_all(name).into_iter().rev().flat_map(|list| list.as_bytes().rsplit(|byte| *byte == b','));
    hops.map(<[u8]>::trim_ascii).filter(|hop| !hop.is_empty())
}

/// Parses an address as proxies write it, some of them with a port or in brackets. An IPv4 address that is mapped into IPv6 is
/// the same machine.
fn parse(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?;
    let hop = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    Some(hop.parse().ok().or_else(with_port)?.to_canonical())
}
