//! Checks which site a request comes from, according to the browser.

use hyper::header;

use super::refusal::CsrfRefusal;
use crate::{Error, Request, Result};

/// Scheme, host and port of a page.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    https: bool,
    /// In lower case.
    host: String,
    port: u16,
}

impl Origin {
    /// Parses `https://example.com:8443`, without a path. Returns `None` for `null` and for an invalid origin.
    fn parse(text: &str) -> Option<Self> {
        let (https, authority) = match text.strip_prefix("https://") {
            Some(authority) => (true, authority),
            None => (false, text.strip_prefix("http://")?),
        };
        let (host, port) = host_and_port(authority, https)?;
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:*".contains(&byte);
        (!host.is_empty() && host.bytes().all(is_host)).then_some(Origin { https, host, port })
    }

    /// Returns the origin of the page at `url`.
    fn of_url(url: &str) -> Option<Self> {
        let start = url.find("://")? + 3;
        let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |end| start + end);
        Self::parse(&url[..end])
    }

    /// Returns whether this request was sent to this origin.
    ///
    /// An HTTPS page matches a request that seems to be plain HTTP, because the settings may not name the proxy that terminates
    /// TLS. The reverse does not match: the page could have been modified in transit.
    fn is_target_of(&self, req: &Request) -> bool {
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

/// Other sites that may send forms to this one: `CSRF_TRUSTED_ORIGINS`.
pub(crate) struct TrustedOrigins(Vec<Origin>);

impl TrustedOrigins {
    /// Parses the entries of the setting.
    ///
    /// # Errors
    /// Returns an error if an entry is not an origin. The message names it.
    pub(crate) fn of_settings(texts: &[String]) -> Result<Self> {
        let origins = texts.iter().map(|text| {
            let text = text.strip_suffix('/').unwrap_or(text);
            // A star at the beginning stands for one or more whole labels.
            let fits = |origin: &Origin| !origin.host.strip_prefix("*.").unwrap_or(&origin.host).contains('*');
            Origin::parse(text).filter(fits).ok_or_else(|| {
                Error::internal(format!(
                    "CSRF_TRUSTED_ORIGINS: \"{text}\" is not an origin. Write the scheme and host, and the port if it is not the default: \
                     CSRF_TRUSTED_ORIGINS = [\"https://app.example.com\", \"https://*.example.com\"]"
                ))
            })
        });
        origins.collect::<Result<_>>().map(TrustedOrigins)
    }

    fn has(&self, origin: &Origin) -> bool {
        self.0.iter().any(|trusted| {
            let host = match trusted.host.strip_prefix('*') {
                Some(domain) => origin.host.len() > domain.len() && origin.host.ends_with(domain),
                None => origin.host == trusted.host,
            };
            host && origin.https == trusted.https && origin.port == trusted.port
        })
    }
}

/// Checks that the request comes from this site or from a trusted one.
///
/// Browsers send this information in up to three headers, which a page cannot forge. Old browsers may send none of them over
/// plain HTTP; then the token is the only protection.
pub(super) fn check(req: &Request, trusted: &TrustedOrigins) -> Result<(), CsrfRefusal> {
    let headers = req.headers();
    let origin = match headers.get_all(header::ORIGIN).iter().collect::<Vec<_>>().as_slice() {
        [] => None,
        [origin] => Some(String::from_utf8_lossy(origin.as_bytes()).into_owned()),
        _ => Some("the header appears more than once".to_owned()),
    };
    let parsed = origin.as_deref().and_then(Origin::parse);
    let is_trusted = parsed.as_ref().is_some_and(|origin| trusted.has(origin));
    let mut site = headers.get_all("sec-fetch-site").iter().peekable();
    if site.peek().is_some() {
        // The most reliable header: it is correct even if a proxy has changed the headers that the others are compared with.
        return if is_trusted || site.all(|site| site == "same-origin" || site == "none") { Ok(()) } else { Err(CsrfRefusal::OtherSite) };
    }
    if let Some(origin) = origin {
        let is_own = parsed.is_some_and(|origin| origin.is_target_of(req));
        return if is_trusted || is_own { Ok(()) } else { Err(CsrfRefusal::OtherOrigin(shortened(origin))) };
    }
    if !req.is_secure() {
        return Ok(());
    }
    let Some(referer) = req.headers().get(header::REFERER) else { return Err(CsrfRefusal::NoReferer) };
    let referer = String::from_utf8_lossy(referer.as_bytes());
    match Origin::of_url(&referer) {
        Some(origin) if origin.is_target_of(req) || trusted.has(&origin) => Ok(()),
        Some(Origin { host, .. }) => Err(CsrfRefusal::OtherReferer(shortened(host))),
        None => Err(CsrfRefusal::OtherReferer("the header is invalid".to_owned())),
    }
}

/// Shortens untrusted text for the log and removes its control characters.
fn shortened(origin: String) -> String {
    origin.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(texts: &[&str]) -> Result<TrustedOrigins> {
        TrustedOrigins::of_settings(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
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
        let list = trusted(&["https://*.example.com", "http://localhost:3000/"]).unwrap();
        let has = |text| list.has(&Origin::parse(text).unwrap());
        assert!(has("https://a.example.com") && has("https://a.b.example.com") && has("http://localhost:3000"));
        for other in
            ["https://example.com", "https://evilexample.com", "http://a.example.com", "https://a.example.com:444", "http://localhost"]
        {
            assert!(!has(other), "{other}");
        }
    }

    #[test]
    fn invalid_origins_are_named_in_the_error() {
        for wrong in ["example.com", "https://a.*.com", "*", "https://example.com/path", "null"] {
            assert!(trusted(&[wrong]).err().unwrap().message().contains(&format!("\"{wrong}\" is not an origin")), "{wrong}");
        }
    }
}
