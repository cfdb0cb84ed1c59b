//! Checks which site a request comes from, according to the browser.

use hyper::header;

use super::refusal::CsrfRefusal;
use crate::origin::{Origin, Origins, shortened};
use crate::{Error, Request, Result};

/// Other sites that may send forms to this one: `CSRF_TRUSTED_ORIGINS`.
pub(crate) struct TrustedOrigins(Origins);

impl TrustedOrigins {
    /// Parses the entries of the setting.
    ///
    /// # Errors
    /// Returns an error if an entry is not an origin. The message names it.
    pub(crate) fn of_settings(texts: &[String]) -> Result<Self> {
        let not_an_origin = |text| {
            Error::internal(format!(
                "CSRF_TRUSTED_ORIGINS: \"{text}\" is not an origin. Write the scheme and host, and the port if it is not the default: \
                 CSRF_TRUSTED_ORIGINS = [\"https://app.example.com\", \"https://*.example.com\"]"
            ))
        };
        Origins::parse(texts).map(TrustedOrigins).map_err(not_an_origin)
    }

    fn has(&self, origin: &Origin) -> bool {
        self.0.has(origin)
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
        return if is_trusted || is_own { Ok(()) } else { Err(CsrfRefusal::OtherOrigin(shortened(&origin))) };
    }
    if !req.is_secure() {
        return Ok(());
    }
    let Some(referer) = req.headers().get(header::REFERER) else { return Err(CsrfRefusal::NoReferer) };
    let referer = String::from_utf8_lossy(referer.as_bytes());
    match Origin::of_url(&referer) {
        Some(origin) if origin.is_target_of(req) || trusted.has(&origin) => Ok(()),
        Some(Origin { host, .. }) => Err(CsrfRefusal::OtherReferer(shortened(&host))),
        None => Err(CsrfRefusal::OtherReferer("the header is invalid".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_origin_is_named_in_the_error() {
        let error = TrustedOrigins::of_settings(&["example.com".to_owned()]).err().unwrap();
        assert!(error.message().contains("\"example.com\" is not an origin"), "{error}");
    }
}
