//! Traces across services: the header `traceparent` of the W3C Trace Context.

use std::fmt;

use super::RequestId;
use crate::Request;

/// The trace that a request belongs to, as named by the service that sent it: [`Request::trace`].
///
/// ```
/// use lback::http::Trace;
///
/// let trace: Trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
/// assert_eq!(trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert!(trace.is_sampled());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Trace {
    id: u128,
    is_sampled: bool,
}

impl Trace {
    /// Returns whether the sender may have recorded the trace: the flag `sampled`.
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// Returns the header for a request that `from` sends.
    fn header(self, from: RequestId) -> String {
        // All zeros are not an id.
        let (id, sender) = (self.id.max(1), from.0.max(1));
        format!("00-{id:032x}-{sender:016x}-{:02x}", u8::from(self.is_sampled))
    }
}

/// Writes the id of the trace: 32 hexadecimal digits.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.id)
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The error for a text that is not a `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTrace;

impl fmt::Display for InvalidTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not a traceparent, such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    }
}

impl std::error::Error for InvalidTrace {}

/// Parses the header `traceparent`. Later versions of the standard may have more fields.
impl std::str::FromStr for Trace {
    type Err = InvalidTrace;

    fn from_str(text: &str) -> Result<Self, InvalidTrace> {
        let mut fields = text.split('-');
        let mut field = |length| {
            let field = fields.next().filter(|field| field.len() == length && field.bytes().all(is_digit)).ok_or(InvalidTrace)?;
            u128::from_str_radix(field, 16).map_err(|_| InvalidTrace)
        };
        let (version, id, sender, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
        let is_valid = version != 0xff && id != 0 && sender != 0 && (version > 0 || fields.next().is_none());
        if is_valid { Ok(Trace { id, is_sampled: flags & 1 == 1 }) } else { Err(InvalidTrace) }
    }
}

/// The standard allows lower case only.
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

impl Request {
    /// Returns the trace that the request belongs to, if the client has sent a valid `traceparent`. The log shows it with the request.
    ///
    /// Any client can send such a header, so base no decision on it.
    pub fn trace(&self) -> Option<Trace> {
        let mut values = self.headers().get_all("traceparent").iter();
        let value = values.next().filter(|_| values.next().is_none())?;
        value.to_str().ok()?.parse().ok()
    }

    /// Returns the header `traceparent` for requests to other services that are made for this one. They become a part of its trace, or of
    /// a new one, and name the [id](Self::id) of this request as their parent.
    ///
    /// ```
    /// use lback::prelude::*;
    ///
    /// fn order(req: &mut Request) -> String {
    ///     let traceparent = req.traceparent();
    ///     // http.post("https://stock.internal/reserve").header("traceparent", &traceparent).send()
    ///     traceparent
    /// }
    /// # let client = lback::testing::Client::with_settings(App::new(Router::new().get("/", order)), "SESSION_TIMEOUT_MINUTES = 30");
    /// # let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// # let response = client.get("/").header("traceparent", sent).send();
    /// # let id = response.header("x-request-id").unwrap();
    /// # assert_eq!(response.text(), format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{id}-01"));
    /// ```
    ///
    /// If the request has a header `tracestate`, pass it on unchanged.
    pub fn traceparent(&self) -> String {
        let trace = self.trace().unwrap_or_else(|| Trace { id: self.id().trace(), is_sampled: false });
        trace.header(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn only_valid_headers_are_read() {
        for (text, sampled) in [
            (format!("00-{ID}-00f067aa0ba902b7-01"), true),
            (format!("00-{ID}-00f067aa0ba902b7-00"), false),
            (format!("00-{ID}-00f067aa0ba902b7-03"), true),
            (format!("01-{ID}-00f067aa0ba902b7-01-what-the-future-will-be"), true),
        ] {
            let trace: Trace = text.parse().unwrap();
            assert_eq!((trace.to_string().as_str(), trace.is_sampled()), (ID, sampled), "{text}");
        }
        for text in [
            String::new(),
            ID.to_owned(),
            format!("ff-{ID}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", ID.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{ID}-{}-01", "0".repeat(16)),
            format!("00-{ID}-00f067aa0ba902b7-01-more"),
            format!("00-{ID}-00f067aa0ba902b7"),
            format!("00-{ID}-00f067aa0ba902b7-1"),
            format!("00-{ID}-+0f067aa0ba902b7-01"),
            format!("00-{ID}-00f067aa0ba902b7-0g"),
            format!(" 00-{ID}-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(text.parse::<Trace>(), Err(InvalidTrace), "{text}");
        }
    }
}
