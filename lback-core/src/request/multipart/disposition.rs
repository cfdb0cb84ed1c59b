//! The `Content-Disposition` of a part.

/// Returns the parameter `wanted` of a `Content-Disposition` value, without its quotes.
///
/// Browsers write a quote inside a value as `%22` and leave a backslash unchanged; other clients write `\"`. Therefore a
/// backslash is an escape only before a quote.
pub(super) fn parameter(header: &[u8], wanted: &str) -> Option<Vec<u8>> {
    let mut rest = after(header, b';')?;
    loop {
        let name_end = rest.iter().position(|b| matches!(b, b'=' | b';'))?;
        let name = rest[..name_end].trim_ascii();
        let (value, next) = match rest[name_end] {
            b'=' => value(&rest[name_end + 1..]),
            _ => (None, Some(&rest[name_end + 1..])),
        };
        if name.eq_ignore_ascii_case(wanted.as_bytes())
            && let Some(value) = value
        {
            return Some(value);
        }
        rest = next?;
    }
}

/// Returns one value, and the text after the semicolon that follows it.
fn value(bytes: &[u8]) -> (Option<Vec<u8>>, Option<&[u8]>) {
    let bytes = bytes.trim_ascii_start();
    let Some(quoted) = bytes.strip_prefix(b"\"") else {
        let end = bytes.iter().position(|b| *b == b';').unwrap_or(bytes.len());
        return (Some(bytes[..end].trim_ascii_end().to_vec()), bytes.get(end + 1..));
    };
    let mut value = Vec::new();
    let mut rest = quoted;
    loop {
        match rest {
            [b'\\', b'"', tail @ ..] if tail.contains(&b'"') => {
                value.push(b'"');
                rest = tail;
            }
            [b'"', tail @ ..] => return (Some(value), after(tail, b';')),
            [byte, tail @ ..] => {
                value.push(*byte);
                rest = tail;
            }
            [] => return (None, None),
        }
    }
}

fn after(bytes: &[u8], separator: u8) -> Option<&[u8]> {
    let at = bytes.iter().position(|b| *b == separator)?;
    bytes.get(at + 1..)
}
