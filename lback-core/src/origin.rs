//! Origins: the sites that pages and their requests come from.

use crate::Request;

/// Scheme, host and port of a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    https: bool,
    /// In lower case.
    pub(crate) host: String,
    port: u16,
}

impl Origin {
    /// Parses `https://example.com:8443`, without a path. Returns `None` for `null` and for an invalid origin.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (https, authority) = match text.strip_prefix("https://") {
            Some(authority) => (true, authority),
            None => (false, text.strip_prefix("http://")?),
        };
        let (host, port) = host_and_port(authority, https)?;
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:*".contains(&byte);
        (!host.is_empty() && host.bytes().all(is_host)).then_some(Origin { https, host, port })
    }

    /// Returns the origin of the page at `url`.
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        let start = url.find("://")? + 3;
        let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |end| start + end);
        Self::parse(&url[..end])
    }

    /// Returns whether this request was sent to this origin.
    ///
    /// An HTTPS page matches a request that seems to be plain HTTP, because the settings may not name the proxy that terminates
    /// TLS. The reverse does not match: the page could have been modified in transit.
    pub(crate) fn is_target_of(&self, req: &Request) -> bool {
        let own = req.authority().and_then(|authority| host_and_port(authority, self.https));
        own.is_some_and(|(host, port)| host == self.host && port == self.port) && (self.https || !req.is_secure())
    }
}

/// Returns the host in lower case and the port, which defaults to that of the scheme.
fn host_and_port(authority: &str, https: bool) -> Option<(String, u16)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port.parse().ok()?),
        _ => (authority, if https { 443 } else { 80 }),
    };
    Some((host.trim_end_matches('.').to_ascii_lowercase(), port))
}

/// A list of origins from settings or code. `https://*.example.com` stands for all subdomains.
#[derive(Debug)]
pub(crate) struct Origins(Vec<Origin>);

impl Origins {
    /// Parses the entries.
    ///
    /// # Errors
    /// Returns the first entry that is not an origin.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, &str> {
        let origins = texts.iter().map(|text| {
            let text = text.strip_suffix('/').unwrap_or(text);
            // A star at the beginning stands for one or more whole labels.
            let fits = |origin: &Origin| !origin.host.strip_prefix("*.").unwrap_or(&origin.host).contains('*');
            Origin::parse(text).filter(fits).ok_or(text)
        });
        origins.collect::<Result<_, _>>().map(Origins)
    }

    pub(crate) fn has(&self, origin: &Origin) -> bool {
        self.0.iter().any(|listed| {
            let host = match listed.host.strip_prefix('*') {
                Some(domain) => origin.host.len() > domain.len() && origin.host.ends_with(domain),
                None => origin.host == listed.host,
            };
            host && origin.https == listed.https && origin.port == listed.port
        })
    }
}

/// Shortens untrusted text for the log and removes its control characters.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn origins_differ_by_scheme_host_and_port() {
        let origin = |text| Origin::parse(text).unwrap();
        assert_eq!(origin("https://Example.com"), origin("https://example.com:443"));
        assert_ne!(origin("https://example.com"), origin("http://example.com"));
        assert_ne!(origin("https://example.com"), origin("https://example.com:8443"));
        assert_eq!(origin("http://[::1]:8000").host, "[::1]");
        for wrong in
            ["null", "", "example.com", "ftp://example.com", "https://", "https://a@b", "https://a/b", "https://a:99999", "https://a b"]
        {
            assert!(Origin::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(Origin::of_url("https://example.com/a?b#c"), Origin::parse("https://example.com"));
        assert!(Origin::of_url("https://user@example.com/").is_none());
    }

    #[test]
    fn stars_stand_for_subdomains() {
        let list = Origins::parse(&texts(&["https://*.example.com", "http://localhost:3000/"])).unwrap();
        let has = |text| list.has(&Origin::parse(text).unwrap());
        assert!(has("https://a.example.com") && has("https://a.b.example.com") && has("http://localhost:3000"));
        for other in
            ["https://example.com", "https://evilexample.com", "http://a.example.com", "https://a.example.com:444", "http://localhost"]
        {
            assert!(!has(other), "{other}");
        }
    }

    #[test]
    fn the_first_invalid_entry_is_returned() {
        for wrong in ["example.com", "https://a.*.com", "*", "https://example.com/path", "null"] {
            assert_eq!(Origins::parse(&texts(&["https://example.com", wrong, "?"])).unwrap_err(), wrong);
        }
    }
}
