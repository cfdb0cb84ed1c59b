//! Content Security Policy: what a page may load and run.

mod directives;
mod policy;
#[cfg(test)]
mod tests;

use aes_gcm::aead::OsRng;
use aes_gcm::aead::rand_core::RngCore;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};

use crate::{Error, Request, Result};
use directives::{allow, is_laxer_with_self};
pub(crate) use policy::Policies;

/// The nonce of one response.
struct Nonce {
    text: String,
    /// Whether a page of the framework has a `<style>` with it.
    styles: bool,
}

static HEADERS: [HeaderName; 2] = [header::CONTENT_SECURITY_POLICY, header::CONTENT_SECURITY_POLICY_REPORT_ONLY];

impl Request {
    /// The nonce of this response, for the attribute `nonce` of an inline `<script>` or `<style>`. A template writes
    /// `{{ csp_nonce() }}`, which is empty if nothing asks for a nonce. It is the same for the whole response and another one for the next.
    ///
    /// `{nonce}` in `CONTENT_SECURITY_POLICY` allows what carries it. A view that sends a policy of its own writes
    /// `'nonce-…'` around it:
    ///
    /// ```
    /// # use lback_core::{Request, Response, Result};
    /// fn page(req: &mut Request) -> Result<Response> {
    ///     let nonce = req.csp_nonce()?;
    ///     let page = Response::html(format!("<script nonce=\"{nonce}\">console.log('hello')</script>"));
    ///     page.with_header("content-security-policy", format!("script-src 'nonce-{nonce}'"))
    /// }
    /// ```
    ///
    /// # Errors
    /// 500 if the system has no random numbers.
    pub fn csp_nonce(&mut self) -> Result<String> {
        nonce(self).map(|nonce| nonce.text.clone())
    }
}

fn nonce(req: &mut Request) -> Result<&mut Nonce> {
    if req.extensions().get::<Nonce>().is_none() {
        let mut bytes = [0; 16];
        OsRng.try_fill_bytes(&mut bytes).map_err(|_| Error::internal("a nonce cannot be made: the system has no random numbers"))?;
        req.extensions_mut().insert(Nonce { text: STANDARD.encode(bytes), styles: false });
    }
    req.extensions_mut().get_mut().ok_or_else(|| Error::internal("the nonce of the response is gone"))
}

/// The nonce as templates see it: empty if no policy asks for one and the view has not asked either. So a template may name it
/// in any case, and a page stays the same page as long as nothing needs its nonce.
pub(crate) fn nonce_in_template(req: &mut Request) -> Result<String> {
    match req.app().csp().want_nonce() || req.extensions().get::<Nonce>().is_some() {
        true => req.csp_nonce(),
        false => Ok(String::new()),
    }
}

/// The nonce for the `<style>` of one of the framework's own pages, which every policy then allows.
pub(crate) fn nonce_for_style(req: &mut Request) -> Option<String> {
    let nonce = nonce(req).ok()?;
    nonce.styles = true;
    Some(nonce.text.clone())
}

/// Puts the policies of the settings into the headers of a response, unless it has its own.
pub(crate) fn apply(req: &Request, status: StatusCode, headers: &mut HeaderMap) {
    // The page that a browser has kept goes on with its own policy, which knows its nonce (RFC 9111, 3.2).
    if status == StatusCode::NOT_MODIFIED {
        return;
    }
    let nonce = req.extensions().get::<Nonce>();
    let policies = req.app().csp();
    for (name, policy) in HEADERS.iter().zip([&policies.enforced, &policies.report_only]) {
        if let Some(policy) = policy
            && let Entry::Vacant(vacant) = headers.entry(name)
        {
            vacant.insert(policy.value(nonce.map(|nonce| nonce.text.as_str())));
        }
    }
    if let Some(nonce) = nonce.filter(|nonce| nonce.styles) {
        let source = format!("'nonce-{}'", nonce.text);
        change(headers, |policy| allow(policy, &["style-src-elem", "style-src", "default-src"], |_| Some(&source)));
    }
}

/// Has the policies in `headers` allow a script of this site and what it fetches from it. Returns the nonce for the script;
/// `None` if there is no policy.
pub(crate) fn allow_own_script(req: &mut Request, headers: &mut HeaderMap) -> Option<String> {
    if !HEADERS.iter().any(|name| headers.contains_key(name)) {
        return None;
    }
    let nonce = req.csp_nonce().ok()?;
    let source = format!("'nonce-{nonce}'");
    change(headers, |policy| {
        let policy = allow(policy, &["script-src-elem", "script-src", "default-src"], |sources| {
            Some(if is_laxer_with_self(sources) { "'self'" } else { &source })
        });
        allow(&policy, &["connect-src", "default-src"], |_| Some("'self'"))
    });
    Some(nonce)
}

/// Changes every policy in `headers`.
fn change(headers: &mut HeaderMap, change: impl Fn(&str) -> String) {
    for name in &HEADERS {
        if let Entry::Occupied(mut policies) = headers.entry(name) {
            for policy in policies.iter_mut() {
                if let Some(changed) = policy.to_str().ok().and_then(|text| HeaderValue::try_from(change(text)).ok()) {
                    *policy = changed;
                }
            }
        }
    }
}
