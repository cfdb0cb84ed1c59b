//! Why a request was refused: in the visitor's words, and in the developer's.

use std::fmt;

use crate::{Error, Request};

/// Which check of the CSRF protection refused a request. It is the [source](Error::source) of the error, for a middleware
/// that wants to know; its text is for the developer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CsrfRefusal {
    /// The browser says, in `Sec-Fetch-Site`, that another site sent it.
    OtherSite,
    /// `Origin` names another site, or is `null`.
    OtherOrigin(String),
    /// Over HTTPS, without `Origin`, `Referer` names another site.
    OtherReferer(String),
    /// Over HTTPS there is neither `Origin` nor `Referer`.
    NoReferer,
    /// There is no token.
    NoToken,
    /// There is more than one token.
    SeveralTokens,
    /// What came is no token at all.
    NotAToken,
    /// The cookie that belongs to the token is missing, or was not made here.
    NoCookie,
    /// The token was made for another browser or session, or before a login or a logout.
    WrongToken,
}

use CsrfRefusal::*;

impl CsrfRefusal {
    /// 403, logged.
    #[track_caller]
    pub(super) fn into_error(self, req: &Request) -> Error {
        tracing::warn!(target: "lback::csrf", id = %req.id(), method = %req.method(), path = req.logged_path(), "refused: {}", self.check());
        let mut error = Error::forbidden(self.for_visitor());
        // Where it was made is in the framework, and helps nobody.
        error.forget_location();
        let streaming = req.route().is_some_and(|route| route.is_streaming());
        match self {
            NoToken if streaming => error.with_source(Detail { refusal: self, more: STREAMING }),
            refusal => error.with_source(refusal),
        }
    }

    /// What to do, for somebody who only wanted to send a form.
    fn for_visitor(&self) -> &'static str {
        match self {
            OtherSite | OtherOrigin(_) | OtherReferer(_) => {
                "This was not sent from a page of this site, so nothing was done. Open the page here, and send the form from there."
            }
            NoReferer => {
                "Your browser did not say which page the form is on, which this site has to know, so nothing was done. Allow it to \
                 send the referrer to this site (an extension may forbid it), reload the page and send the form again."
            }
            NoCookie => {
                "Your browser sent no cookie with the form, so nothing was done. Allow cookies for this site, go back, reload the page \
                 and send the form again."
            }
            NoToken | SeveralTokens | NotAToken | WrongToken => {
                "This form could not be accepted, so nothing was done. The page may have been open for long, or from before you logged \
                 in or out. Go back, reload the page and send the form again."
            }
        }
    }

    /// Which check failed.
    fn check(&self) -> String {
        match self {
            OtherSite => "Sec-Fetch-Site says that another site sent the request".to_owned(),
            OtherOrigin(origin) => format!("the request's Origin is {origin}, which is not this site"),
            OtherReferer(origin) => format!("the request's Referer is of {origin}, which is not this site"),
            NoReferer => "the request came by HTTPS with neither Origin nor Referer".to_owned(),
            NoToken => "the request brought no token".to_owned(),
            SeveralTokens => "the request brought more than one token".to_owned(),
            NotAToken => "what the request brought as its token is none".to_owned(),
            NoCookie => "the request brought a token, and no cookie that belongs to it".to_owned(),
            WrongToken => "the token is of another browser or session, or from before a login or a logout".to_owned(),
        }
    }

    /// The line to write.
    fn remedy(&self) -> &'static str {
        match self {
            OtherSite | OtherOrigin(_) | OtherReferer(_) => {
                "If that is a site of yours which may send forms here, name it in settings.toml: CSRF_TRUSTED_ORIGINS = \
                 [\"https://app.example.com\"]. If it is this site, seen through a proxy, the proxy has to pass the Host header on as \
                 the browser sent it"
            }
            NoReferer => {
                "Browsers send one of them unless the page says Referrer-Policy: no-referrer. For a program without cookies write \
                 .csrf_exempt() after the route"
            }
            NoToken => {
                "Write {{ csrf_input() }} inside the <form method=\"post\"> of the template. A script sends the header X-CSRF-Token \
                 with what {{ csrf_token() }} is. For a route that programs call, which send no cookies, write .csrf_exempt() after it"
            }
            SeveralTokens => "Write {{ csrf_input() }} once in each form",
            NotAToken => "Write {{ csrf_input() }} in the form, or send what {{ csrf_token() }} is, unchanged",
            NoCookie => {
                "A page that shows {{ csrf_input() }} sets the cookie: \"csrf\" over HTTP, \"__Host-csrf\" over HTTPS. Was it blocked, \
                 or SECRET_KEY changed, or the page taken from a cache, or does TRUSTED_PROXIES not name the proxy that ends TLS?"
            }
            WrongToken => "Reload the page that holds the form; a page with a token must not come from a cache that others share",
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

/// A refusal, and what there is to say of this route.
#[derive(Debug)]
struct Detail {
    refusal: CsrfRefusal,
    more: &'static str,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.", self.refusal, self.more)
    }
}

impl std::error::Error for Detail {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.refusal)
    }
}
