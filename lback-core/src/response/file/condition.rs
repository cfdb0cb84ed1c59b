//! Conditional requests (RFC 9110, section 13).

use std::io;
use std::time::{Duration, SystemTime};

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::file_state::{GRANULARITY, is_plausible};

/// The validators that distinguish the states of a file.
pub(super) struct Validators {
    /// A strong tag, including its quotes.
    pub(super) etag: String,
    /// The modification time in whole seconds, as in the header. `None` if a header cannot express the time or it is not
    /// conclusive.
    modified: Option<SystemTime>,
    /// The same, once its second is over: before that, a date does not distinguish two states.
    settled: Option<SystemTime>,
}

/// The result of the conditions of a GET or HEAD request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send the file.
    Send,
    /// 304: the client has the current file.
    NotModified,
    /// 412: the file is not in the state that the client requires.
    Failed,
}

impl Validators {
    /// Returns the validators of a file of `length` bytes; `variant` distinguishes several encodings of one file.
    pub(super) fn of(length: u64, modified: Option<SystemTime>, variant: Option<&str>) -> Self {
        let nanoseconds = modified.map_or(0, |time| match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => after.as_nanos() as i128,
            Err(error) => -(error.duration().as_nanos() as i128),
        });
        let now = SystemTime::now();
        let plausible = modified.filter(|time| is_plausible(*time, now));
        let settled = plausible.filter(|time| *time + GRANULARITY <= now);
        let variant = variant.map(|variant| format!("-{variant}")).unwrap_or_default();
        Validators {
            etag: format!("\"{length:x}-{nanoseconds:x}{variant}\""),
            modified: plausible.and_then(whole_seconds),
            settled: settled.and_then(whole_seconds),
        }
    }

    /// Adds a fingerprint of the content to the tag if the time does not distinguish two states, or if `headers` contain a tag
    /// with a fingerprint, so that the same content keeps its tag once the time is conclusive.
    pub(super) fn distinguish(
        &mut self,
        time_tells: bool,
        headers: &HeaderMap,
        fingerprint: impl FnOnce() -> io::Result<String>,
    ) -> io::Result<()> {
        let start = self.etag.trim_end_matches('"');
        let has_longer = |value: &HeaderValue| value.to_str().is_ok_and(|tags| tags.split(start).skip(1).any(|rest| rest.starts_with('.')));
        if !time_tells || headers.values().any(has_longer) {
            self.etag = format!("{start}.{}\"", fingerprint()?);
        }
        Ok(())
    }

    /// Returns the value of the `Last-Modified` header.
    pub(super) fn last_modified(&self) -> Option<String> {
        self.modified.map(httpdate::fmt_http_date)
    }

    /// Evaluates the conditions in the order of the standard.
    pub(super) fn evaluate(&self, headers: &HeaderMap) -> Verdict {
        if headers.contains_key(header::IF_MATCH) {
            if !tags(headers, header::IF_MATCH).any(|tag| tag == "*" || tag == self.etag) {
                return Verdict::Failed;
            }
        } else if let (Some(since), Some(modified)) = (date(headers, header::IF_UNMODIFIED_SINCE), self.modified)
            && modified > since
        {
            return Verdict::Failed;
        }
        if headers.contains_key(header::IF_NONE_MATCH) {
            let known = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag;
            return if tags(headers, header::IF_NONE_MATCH).any(known) { Verdict::NotModified } else { Verdict::Send };
        }
        match (date(headers, header::IF_MODIFIED_SINCE), self.settled) {
            (Some(since), Some(modified)) if modified <= since => Verdict::NotModified,
            _ => Verdict::Send,
        }
    }

    /// Returns whether `Range` applies: whether `If-Range` is absent or names exactly this state of the file.
    pub(super) fn range_applies(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(header::IF_RANGE) else { return true };
        let Ok(value) = value.to_str() else { return false };
        if value.ends_with('"') {
            return value == self.etag;
        }
        httpdate::parse_http_date(value).is_ok_and(|date| self.settled == Some(date))
    }
}

/// Returns `time` without its fraction, if it is within the years that HTTP dates can express.
fn whole_seconds(time: SystemTime) -> Option<SystemTime> {
    const END_OF_9999: u64 = 253_402_300_799;
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    (seconds <= END_OF_9999).then(|| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// Returns the entity tags of a list, with their quotes and `W/`, and `*`. Anything else is left out.
fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok()).flat_map(|value| {
        let mut rest = value;
        std::iter::from_fn(move || {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let opening = if rest.starts_with("W/\"") { 3 } else { 1 };
            let end = match rest.as_bytes().first()? {
                // A comma inside the quotes belongs to the tag.
                b'"' | b'W' => rest.get(opening..).and_then(|tag| tag.find('"')).map_or(rest.len(), |at| opening + at + 1),
                _ => rest.find(',').unwrap_or(rest.len()),
            };
            let (tag, tail) = rest.split_at_checked(end)?;
            rest = tail;
            Some(tag.trim_end())
        })
    })
}
