//! Finds the token in a request.

use percent_encoding::percent_decode;

use super::{FIELD, HEADER};
use crate::{Request, Result};

/// The token of a request.
pub(super) enum SentToken {
    One(Vec<u8>),
    Missing,
    Several,
}

/// Looks for the token in the header and, only if the header is missing, in the form. The URL never counts, because it is
/// logged and passed on to other sites.
///
/// # Errors
/// Returns 400 if the body is malformed multipart.
pub(super) fn find(req: &mut Request) -> Result<SentToken> {
    let mut found: Vec<Vec<u8>> = req.headers().get_all(HEADER).iter().map(|value| value.as_bytes().to_owned()).collect();
    if found.is_empty() {
        found = match req.content_type().as_deref() {
            Some("application/x-www-form-urlencoded") => in_form(req.body()),
            Some("multipart/form-data") if !req.route().is_some_and(|route| route.is_streaming()) => {
                req.multipart()?.fields().filter(|(name, _)| *name == FIELD).map(|(_, value)| value.as_bytes().to_owned()).collect()
            }
            _ => Vec::new(),
        };
    }
    Ok(match (found.pop(), found.is_empty()) {
        (None, _) => SentToken::Missing,
        (Some(token), true) => SentToken::One(token),
        (Some(_), false) => SentToken::Several,
    })
}

fn in_form(body: &[u8]) -> Vec<Vec<u8>> {
    let pairs = body.split(|byte| *byte == b'&').filter_map(|pair| {
        let (name, value) = pair.split_at(pair.iter().position(|byte| *byte == b'=')?);
        percent_decode(name).eq(FIELD.bytes()).then(|| percent_decode(&value[1..]).collect())
    });
    pairs.collect()
}
