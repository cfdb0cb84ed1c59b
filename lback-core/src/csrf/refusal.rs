//! The reasons for refusing a request, explained to the visitor and to the developer.

use std::fmt;

use crate::{Error, Request};

/// The check of the CSRF protection that refused a request.
///
/// It is the [source](Error::source) of the error, where middleware can find it. Its text is meant for the developer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CsrfRefusal {
    /// The browser's `Sec-Fetch-Site` says that another site sent the request.
    OtherSite,
    /// `Origin` names another site or is `null`.
    OtherOrigin(String),
    /// The request came over HTTPS without `Origin`, and its `Referer` names another site.
    OtherReferer(String),
    /// The request came over HTTPS with neither `Origin` nor `Referer`.
    NoReferer,
    /// The request has no token.
    NoToken,
    /// The request has more than one token.
    SeveralTokens,
    /// The request's token is malformed.
    NotAToken,
    /// The cookie that belongs to the token is missing or has no valid signature.
    NoCookie,
    /// The token was made for another browser or session, or before a login or logout.
    WrongToken,
}

use CsrfRefusal::*;

impl CsrfRefusal {
    /// Logs the refusal and returns an error with status 403.
    #[track_caller]
    pub(super) fn into_error(self, req: &Request) -> Error {
        self.log(req);
        let mut error = Error::forbidden(self.for_visitor());
        // The location is inside the framework, which does not help the developer.
        error.forget_location();
        let streaming = req.route().is_some_and(|route| route.is_streaming());
        match self {
            NoToken if streaming => error.with_source(Detail { refusal: self, note: STREAMING }),
            refusal => error.with_source(refusal),
        }
    }

    fn log(&self, req: &Request) {
        let (id, method, path) = (req.id(), req.method(), req.logged_path());
        tracing::warn!(target: "lback::csrf", %id, %method, path, "refused: {}", self.check());
    }

    /// Logs the refusal of a connection and returns an error with status 403.
    #[track_caller]
    pub(super) fn into_connection_error(self, req: &Request) -> Error {
        self.log(req);
        let mut error = Error::forbidden("A page of another site tried to open this connection, which only pages of this site may do.");
        error.forget_location();
        error.with_source(self)
    }

    /// Returns what visitors can do to get their form accepted.
    fn for_visitor(&self) -> &'static str {
        match self {
            OtherSite | OtherOrigin(_) | OtherReferer(_) => {
                "This form was not sent from a page of this site, so nothing was done. Open the page on this site and send the form \
                 from there."
            }
            NoReferer => {
                "Your browser did not say which page the form is on. This site needs to know that, so nothing was done. Allow your \
                 browser to send the referrer to this site (an extension may prevent it), reload the page and send the form again."
            }
            NoCookie => {
                "Your browser sent no cookie with the form, so nothing was done. Allow cookies for this site, go back, reload the page \
                 and send the form again."
            }
            NoToken | SeveralTokens | NotAToken | WrongToken => {
                "This form could not be accepted, so nothing was done. You may have logged in or out since you opened the page, or it \
                 may have been open for too long. Go back, reload the page and send the form again."
            }
        }
    }

    /// Returns which check failed.
    fn check(&self) -> String {
        match self {
            OtherSite => "Sec-Fetch-Site says that another site sent the request".to_owned(),
            OtherOrigin(origin) => format!("the request's Origin is not this site: {origin}"),
            OtherReferer(origin) => format!("the request's Referer is not this site: {origin}"),
            NoReferer => "the request came over HTTPS with neither Origin nor Referer".to_owned(),
            NoToken => "the request has no token".to_owned(),
            SeveralTokens => "the request has more than one token".to_owned(),
            NotAToken => "the request's token is malformed".to_owned(),
            NoCookie => "the request has a token, but no cookie that belongs to it".to_owned(),
            WrongToken => "the token belongs to another browser or session, or was made before a login or logout".to_owned(),
        }
    }

    /// Returns what the developer can do, with the line to write.
    fn remedy(&self) -> &'static str {
        match self {
            OtherSite | OtherOrigin(_) | OtherReferer(_) => {
                "If that is one of your sites and may send forms to this one, add it to settings.toml: CSRF_TRUSTED_ORIGINS = \
                 [\"https://app.example.com\"]. If it is this site behind a proxy, have the proxy pass on the Host header as the \
                 browser sent it"
            }
            NoReferer => {
                "Browsers send one of them unless the page sets Referrer-Policy: no-referrer. If the client is a program without \
                 cookies, write .csrf_exempt() after the route"
            }
            NoToken => {
                "Write {{ csrf_input() }} inside the <form method=\"post\"> of the template. A script sends the value of \
                 {{ csrf_token() }} in the header X-CSRF-Token. If the route is called by programs without cookies, write \
                 .csrf_exempt() after it"
            }
            SeveralTokens => "Write {{ csrf_input() }} only once in each form",
            NotAToken => "Write {{ csrf_input() }} in the form, or send the value of {{ csrf_token() }} unchanged",
            NoCookie => {
                "A page that contains {{ csrf_input() }} sets the cookie: \"csrf\" over HTTP, \"__Host-csrf\" over HTTPS. Check whether \
                 it was blocked, SECRET_KEY has changed, the page came from a cache, or TRUSTED_PROXIES does not name the proxy that \
                 terminates TLS"
            }
            WrongToken => "Reload the page that contains the form. A page with a token must not come from a shared cache",
        }
    }
}

const STREAMING: &str = "The route reads its body itself, so only the header counts";

impl fmt::Display for CsrfRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CSRF: {}. {}.", self.check(), self.remedy())
    }
}

impl std::error::Error for CsrfRefusal {}

/// A refusal with a note about the route.
#[derive(Debug)]
struct Detail {
    refusal: CsrfRefusal,
    note: &'static str,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.", self.refusal, self.note)
    }
}

impl std::error::Error for Detail {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.refusal)
    }
}
