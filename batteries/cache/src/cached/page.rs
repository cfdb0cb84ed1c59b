//! A stored response.

use lback_core::header::{self, HeaderMap, HeaderName, HeaderValue};
use lback_core::{Body, Bytes, Caching, Error, Request, Response, Result, StatusCode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A response with status 200.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Page {
    #[serde(with = "headers")]
    headers: HeaderMap,
    #[serde(with = "text")]
    body: Bytes,
    /// `true` if it is only for requests with the same cookies.
    pub(super) is_per_visitor: bool,
}

/// The headers of a response that 304 repeats (RFC 9110, 15.4.5).
const REPEATED: [HeaderName; 5] = [header::CACHE_CONTROL, header::CONTENT_LOCATION, header::ETAG, header::EXPIRES, header::VARY];

impl Page {
    /// Returns what is stored of a response, with an `ETag`. The body must not be streamed.
    pub(super) fn of(response: &Response, is_per_visitor: bool) -> Self {
        let mut headers = response.headers().clone();
        let body = Bytes::copy_from_slice(response.body().as_bytes().unwrap_or_default());
        if !headers.contains_key(header::ETAG) {
            let hash: String = Sha256::digest(&body).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            if let Ok(tag) = HeaderValue::try_from(format!("\"{hash}\"")) {
                headers.insert(header::ETAG, tag);
            }
        }
        Page { headers, body, is_per_visitor }
    }

    /// Returns the response to this request: 304 if the client has it already.
    pub(super) fn response(&self, req: &mut Request) -> Response {
        if self.is_per_visitor {
            req.limit_caching(Caching::Private);
        }
        let tag = self.headers.get(header::ETAG).map(HeaderValue::as_bytes).unwrap_or_default();
        if is_known(req.headers(), tag) {
            let mut response = Response::new(StatusCode::NOT_MODIFIED);
            for name in REPEATED {
                for value in self.headers.get_all(&name) {
                    response.headers_mut().append(name.clone(), value.clone());
                }
            }
            return response;
        }
        let mut response = Response::new(StatusCode::OK);
        *response.headers_mut() = self.headers.clone();
        *response.body_mut() = Body::from(self.body.clone());
        response
    }
}

/// Returns whether `If-None-Match` names the tag. Weak tags count as equal (RFC 9110, 13.1.2).
fn is_known(headers: &HeaderMap, tag: &[u8]) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    tags.any(|known| known == b"*" || (!tag.is_empty() && strong(known) == strong(tag)))
}

/// Returns a tag without the mark of a weak one.
fn strong(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Headers as a list of names and values.
mod headers {
    use super::{Deserialize, Deserializer, Error, HeaderMap, HeaderName, HeaderValue, Result, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(headers: &HeaderMap, serializer: S) -> Result<S::Ok, S::Error> {
        let list: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        list.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
        let list = Vec::<(String, Vec<u8>)>::deserialize(deserializer)?;
        let header = |(name, value): (String, Vec<u8>)| -> Result<(HeaderName, HeaderValue)> {
            Ok((HeaderName::try_from(name).map_err(Error::from)?, HeaderValue::from_bytes(&value)?))
        };
        let mut headers = HeaderMap::new();
        for pair in list {
            let (name, value) = header(pair).map_err(serde::de::Error::custom)?;
            headers.append(name, value);
        }
        Ok(headers)
    }
}

/// A body as a text if it is one.
mod text {
    use super::{Bytes, Deserialize, Deserializer, Result, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Text(String),
        Binary(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(body) {
            Ok(text) => text.serialize(serializer),
            Err(_) => body[..].serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Text(text) => text.into(),
            Stored::Binary(bytes) => bytes.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, is_known};
    use lback_core::Response;
    use lback_core::header::{HeaderMap, HeaderValue};

    #[test]
    fn a_page_survives_a_shared_store() {
        for body in [&b"hello"[..], b"", b"\xff\x00"] {
            let response = Response::html(body.to_vec()).with_header("x-own", b"\xe4").unwrap();
            let page = Page::of(&response, true);
            let stored = serde_json::to_string(&page).unwrap();
            let read: Page = serde_json::from_str(&stored).unwrap();
            assert_eq!((read.headers, &read.body[..], read.is_per_visitor), (page.headers, body, true));
        }
    }

    #[test]
    fn a_known_tag_is_found() {
        let headers = |value: &'static str| HeaderMap::from_iter([(lback_core::header::IF_NONE_MATCH, HeaderValue::from_static(value))]);
        for known in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(is_known(&headers(known), b"\"a\""), "{known}");
        }
        for unknown in ["", "\"b\"", "a", "\"\""] {
            assert!(!is_known(&headers(unknown), b"\"a\""), "{unknown}");
        }
        assert!(!is_known(&headers(""), b""));
    }
}
