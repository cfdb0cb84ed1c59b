//! The token that a request brings.

use percent_encoding::percent_decode;

use super::{FIELD, HEADER};
use crate::{Request, Result};

/// What was found.
pub(super) enum Sent {
    Token(Vec<u8>),
    Nothing,
    Several,
}

/// In the header, and only where there is none, in the form. Never in the address: that is logged, and told to others.
///
/// # Errors
/// 400 where the body is multipart and malformed.
pub(super) fn sent(req: &mut Request) -> Result<Sent> {
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
        (None, _) => Sent::Nothing,
        (Some(token), true) => Sent::Token(token),
        (Some(_), false) => Sent::Several,
    })
}

fn in_form(body: &[u8]) -> Vec<Vec<u8>> {
    let pairs = body.split(|byte| *byte == b'&').filter_map(|pair| {
        let (name, value) = pair.split_at(pair.iter().position(|byte| *byte == b'=')?);
        percent_decode(name).eq(FIELD.bytes()).then(|| percent_decode(&value[1..]).collect())
    });
    pairs.collect()
}
