//! Entity tags of compressed responses.
//!
//! A compressed response has other bytes than the original, and therefore another tag: `"a"` becomes `"a+br"`. In the conditions of requests,
//! the original tag is put back, so that views know their own tags.

use hyper::header::{self, HeaderMap, HeaderValue};

use crate::encoding::{ENCODINGS, Encoding};

/// Puts the original tags into `If-None-Match` and `If-Match`, and returns the lines of `If-None-Match` as they were. `If-Range` keeps its
/// tag, which then names no response: ranges are those of the original.
pub(super) fn restore(headers: &mut HeaderMap) -> Vec<HeaderValue> {
    let asked = headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect();
    for name in [header::IF_NONE_MATCH, header::IF_MATCH] {
        let header::Entry::Occupied(mut entry) = headers.entry(name) else { continue };
        for value in entry.iter_mut() {
            let Ok(text) = value.to_str() else { continue };
            let mut restored = text.to_owned();
            for encoding in ENCODINGS {
                restored = restored.replace(&format!("+{}\"", encoding.name), "\"");
            }
            if restored.len() != text.len()
                && let Ok(restored) = HeaderValue::try_from(restored)
            {
                *value = restored;
            }
        }
    }
    asked
}

/// Returns the encoding of the response that the client has, if `asked`, its `If-None-Match`, names a compressed form of a response with
/// these headers.
pub(super) fn encoding_of(asked: &[HeaderValue], headers: &HeaderMap) -> Option<Encoding> {
    let tag = headers.get(header::ETAG)?.to_str().ok()?.trim_start_matches("W/");
    ENCODINGS.into_iter().find(|encoding| {
        let marked = marked(tag, *encoding);
        marked.is_some_and(|marked| asked.iter().any(|line| line.to_str().is_ok_and(|line| line.contains(&marked))))
    })
}

/// Marks the tag of a response as that of its compressed form.
pub(super) fn mark(headers: &mut HeaderMap, encoding: Encoding) {
    let Some(tag) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()) else { return };
    if let Some(Ok(marked)) = marked(tag, encoding).map(HeaderValue::try_from) {
        headers.insert(header::ETAG, marked);
    }
}

fn marked(tag: &str, encoding: Encoding) -> Option<String> {
    let open = tag.strip_suffix('"')?;
    Some(format!("{open}+{}\"", encoding.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_comes_back_as_it_was() {
        for (encoding, tag) in ENCODINGS.into_iter().zip(["\"a\"", "W/\"a b\"", "\"\""]) {
            let mut headers = HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static(tag))]);
            mark(&mut headers, encoding);
            let marked = headers[header::ETAG].clone();
            assert_ne!(marked, tag);
            let list = HeaderValue::try_from(format!("\"other\", {}", marked.to_str().unwrap())).unwrap();
            let mut asked = HeaderMap::from_iter([
                (header::IF_NONE_MATCH, list),
                (header::IF_MATCH, marked.clone()),
                (header::IF_RANGE, marked.clone()),
            ]);
            let before = restore(&mut asked);
            let current = HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static(tag))]);
            assert_eq!(encoding_of(&before, &current), Some(encoding));
            assert_eq!(asked[header::IF_NONE_MATCH], format!("\"other\", {tag}"));
            assert_eq!((&asked[header::IF_MATCH], &asked[header::IF_RANGE]), (&HeaderValue::from_static(tag), &marked));
        }
    }

    #[test]
    fn other_tags_stay() {
        let mut headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static("\"1-2-br\", *, \"+br\u{20}\""))]);
        let before = headers.clone();
        let asked = restore(&mut headers);
        assert_eq!(headers, before);
        for tag in ["\"1-2-br\"", "\"1-2\""] {
            let current = HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static(tag))]);
            assert_eq!(encoding_of(&asked, &current), None);
        }
    }
}
