//! Adds a script of the framework to a page, for the tools of developers.

use hyper::header;

use crate::{Body, Request, Response, csp, header_parameters};

/// Adds the script at `src` to the end of the response, if that is a complete HTML page. `data` is the name and the value of an
/// attribute of its element. Policies in the response allow the script.
pub(super) fn add(req: &mut Request, response: &mut Response, src: &str, data: (&str, &str)) {
    let Some((page, end)) = whole_page(response) else { return };
    let (before, after) = (page[..end].to_owned(), page[end..].to_owned());
    let nonce = csp::allow_own_script(req, response.headers_mut());
    let nonce = nonce.map(|nonce| format!(" nonce=\"{nonce}\"")).unwrap_or_default();
    let script = format!("<script src=\"{src}\" data-{}=\"{}\"{nonce}></script>", data.0, data.1);
    *response.body_mut() = Body::from([before, script.into_bytes(), after].concat());
    response.headers_mut().remove(header::CONTENT_LENGTH);
}

/// Returns the page of the response and the position of its `</body>`, or `None` unless the response is a complete HTML page.
fn whole_page(response: &Response) -> Option<(&[u8], usize)> {
    let content_type = response.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !header_parameters::split(content_type).0.eq_ignore_ascii_case("text/html")
        || response.headers().contains_key(header::CONTENT_ENCODING)
    {
        return None;
    }
    let page = response.body().as_bytes()?;
    let end = page.windows(7).rposition(|part| part.eq_ignore_ascii_case(b"</body>"))?;
    Some((page, end))
}
