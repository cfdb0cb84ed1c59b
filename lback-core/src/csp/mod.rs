//! Content Security Policy: restricts what a page may load and run.

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
use directives::{allow, prefers_self};
pub(crate) use policy::Policies;

/// The nonce of one response.
struct Nonce {
    text: String,
    /// Whether one of the framework's own pages uses it for a `<style>`.
    used_for_style: bool,
}

static HEADERS: [HeaderName; 2] = [header::CONTENT_SECURITY_POLICY, header::CONTENT_SECURITY_POLICY_REPORT_ONLY];

impl Request {
    /// Returns the nonce of this response, for the `nonce` attribute of an inline `<script>` or `<style>`.
    ///
    /// The nonce stays the same for the whole response and is different for the next one. Templates write
    /// `{{ csp_nonce() }}`, which is empty if neither a policy nor the view uses a nonce.
    ///
    /// `{nonce}` in `CONTENT_SECURITY_POLICY` allows the elements that carry this nonce. A view that sends its own policy
    /// writes the nonce as `'nonce-…'`:
    ///
    /// ```
    /// # use lback::{Request, Response, Result};
    /// fn page(req: &mut Request) -> Result<Response> {
    ///     let nonce = req.csp_nonce()?;
    ///     let page = Response::html(format!("<script nonce=\"{nonce}\">console.log('hello')</script>"));
    ///     page.with_header("content-security-policy", format!("script-src 'nonce-{nonce}'"))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 500 if the system's random number generator fails.
    pub fn csp_nonce(&mut self) -> Result<String> {
        nonce(self).map(|nonce| nonce.text.clone())
    }
}

fn nonce(req: &mut Request) -> Result<&mut Nonce> {
    req.note_own_part();
    if req.extensions().get::<Nonce>().is_none() {
        let mut bytes = [0; 16];
        OsRng
            .try_fill_bytes(&mut bytes)
            .map_err(|_| Error::internal("cannot create a nonce: the system's random number generator failed"))?;
        req.extensions_mut().insert(Nonce { text: STANDARD.encode(bytes), used_for_style: false });
    }
    req.extensions_mut().get_mut().ok_or_else(|| Error::internal("the response has lost its nonce"))
}

/// Returns the nonce for templates, which is empty if no policy has a place for one and the view has not asked for it either.
/// So templates can always write it, and a page does not change between requests unless something uses its nonce.
pub(crate) fn nonce_in_template(req: &mut Request) -> Result<String> {
    match req.app().csp().use_nonce() || req.extensions().get::<Nonce>().is_some() {
        // A page that is made again keeps the policy and the nonce of its visit.
        true if req.is_rerender() => {
            req.note_own_part();
            Ok(String::new())
        }
        true => req.csp_nonce(),
        false => Ok(String::new()),
    }
}

/// Returns the nonce for the `<style>` of one of the framework's own pages and has every policy allow it.
pub(crate) fn nonce_for_style(req: &mut Request) -> Option<String> {
    let nonce = nonce(req).ok()?;
    nonce.used_for_style = true;
    Some(nonce.text.clone())
}

/// Adds the policies from the settings to the headers of a response, unless it has its own.
pub(crate) fn apply(req: &Request, status: StatusCode, headers: &mut HeaderMap) {
    // The page in the browser's cache keeps its own policy, which has its nonce (RFC 9111, 3.2).
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
    if let Some(nonce) = nonce.filter(|nonce| nonce.used_for_style) {
        let source = format!("'nonce-{}'", nonce.text);
        change(headers, |policy| allow(policy, &["style-src-elem", "style-src", "default-src"], |_| Some(&source)));
    }
}

/// Extends the policies in `headers` so that a script from this site may run and fetch from this site. Returns the nonce for
/// the script, or `None` if there is no policy.
pub(crate) fn allow_own_script(req: &mut Request, headers: &mut HeaderMap) -> Option<String> {
    if !HEADERS.iter().any(|name| headers.contains_key(name)) {
        return None;
    }
    let nonce = req.csp_nonce().ok()?;
    let source = format!("'nonce-{nonce}'");
    change(headers, |policy| {
        let policy = allow(policy, &["script-src-elem", "script-src", "default-src"], |sources| {
            Some(if prefers_self(sources) { "'self'" } else { &source })
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
