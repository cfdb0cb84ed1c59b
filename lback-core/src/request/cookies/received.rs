//! The cookies that a client has sent.

use percent_encoding::percent_decode;

/// Names and decoded values, in a single string: the cookies take about as much memory as their headers, however many there
/// are.
#[derive(Default)]
pub(super) struct Received {
    text: String,
    /// The ends of each name and its value. A name begins where the previous value ends.
    ends: Vec<(usize, usize)>,
}

impl Received {
    /// Parses the values of `Cookie` headers, of which HTTP/2 may send several (RFC 9113, 8.2.3).
    pub(super) fn parse<'a>(headers: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut received = Received::default();
        // By bytes, so that one cookie that is not text does not hide the others.
        for part in headers.flat_map(|header| header.split(|byte| *byte == b';')) {
            received.add(part);
        }
        received
    }

    /// Adds one `name=value`; ignores anything else. The name is not decoded: `__%48ost-id` must not become `__Host-id`, which
    /// browsers protect. For the same reason, only ASCII spaces around it are trimmed.
    fn add(&mut self, part: &[u8]) -> Option<()> {
        let equals = part.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (part[..equals].trim_ascii(), unquoted(part[equals + 1..].trim_ascii()));
        let (name, value) = (std::str::from_utf8(name).ok()?, percent_decode(value).decode_utf8().ok()?);
        if name.is_empty() {
            return None;
        }
        self.text.push_str(name);
        let end_of_name = self.text.len();
        self.text.push_str(&value);
        self.ends.push((end_of_name, self.text.len()));
        Some(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        starts.zip(&self.ends).map(|(start, (middle, end))| (&self.text[start..*middle], &self.text[*middle..*end]))
    }
}

/// Returns the value without the quotes that some clients put around it. As in browsers, a semicolon inside the quotes ends the
/// value.
fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}
