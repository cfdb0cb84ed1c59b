//! Errors as JSON: problem details (RFC 9457).

use std::borrow::Cow;

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use serde::Serialize;

use super::{pages, reason, shows_details};
use crate::{Error, Request, RequestId, Response};

#[derive(Serialize)]
struct Problem<'a> {
    title: &'a str,
    status: u16,
    code: Cow<'a, str>,
    detail: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Invalid<'a>>,
    request_id: RequestId,
    #[serde(skip_serializing_if = "Option::is_none")]
    debug: Option<Debug<'a>>,
}

/// A value that is not valid.
#[derive(Serialize)]
struct Invalid<'a> {
    pointer: &'a str,
    detail: &'a str,
}

/// Details that only developers may see.
#[derive(Serialize)]
struct Debug<'a> {
    causes: Vec<String>,
    location: Option<&'a str>,
}

pub(super) fn page(req: &Request, error: &Error, status: StatusCode) -> Response {
    let debug = shows_details(req);
    let is_shown = debug || !status.is_server_error();
    let title = reason(status);
    let invalid = error.fields().iter().map(|field| Invalid { pointer: &field.pointer, detail: &field.message });
    let problem = Problem {
        title,
        status: status.as_u16(),
        code: error.code().filter(|_| is_shown).map_or_else(|| code(title).into(), Cow::Borrowed),
        detail: if is_shown { error.message() } else { title },
        errors: if is_shown { invalid.collect() } else { Vec::new() },
        request_id: req.id(),
        debug: debug.then(|| Debug { causes: error.causes().map(ToString::to_string).collect(), location: error.location() }),
    };
    let mut response = Response::json(&problem).unwrap_or_else(|_| pages::bare(status));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// Returns the code of errors that have none of their own: `not_found`.
fn code(title: &str) -> String {
    title.chars().filter(|c| *c != '\'').map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}
