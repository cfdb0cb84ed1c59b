//! Errors as JSON.

use hyper::StatusCode;
use serde::Serialize;

use super::{pages, reason, shows_details};
use crate::{Error, Request, RequestId, Response};

#[derive(Serialize)]
struct Body<'a> {
    error: Content<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    status: u16,
    message: &'a str,
    request_id: RequestId,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Detail<'a>>,
}

/// Details that only developers may see.
#[derive(Serialize)]
struct Detail<'a> {
    causes: Vec<String>,
    location: Option<&'a str>,
}

pub(super) fn page(req: &Request, error: &Error, status: StatusCode) -> Response {
    let debug = shows_details(req);
    let detail = Detail { causes: error.causes().map(ToString::to_string).collect(), location: error.location() };
    let message = if debug || !status.is_server_error() { error.message() } else { reason(status) };
    let content = Content { status: status.as_u16(), message, request_id: req.id(), detail: debug.then_some(detail) };
    Response::json(&Body { error: content }).unwrap_or_else(|_| pages::bare(status))
}
