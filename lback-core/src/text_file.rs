//! Decodes text files that people write: settings, templates, SQL.

/// Decodes the bytes of a text file, regardless of the editor or system that has written it. Removes a byte order mark at the
/// beginning, accepts UTF-16 with such a mark, and converts all line endings to `\n`.
///
/// # Errors
/// Returns an error if the bytes are not text.
///
/// ```
/// use lback_core::text_file::decode;
///
/// assert_eq!(decode(b"\xef\xbb\xbfDEBUG = true\r\n".to_vec()).as_deref(), Ok("DEBUG = true\n"));
/// assert_eq!(decode(b"one\ntwo \xff".to_vec()).unwrap_err().line, 2);
/// ```
pub fn decode(bytes: Vec<u8>) -> Result<String, NotText> {
    let mut text = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ => String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            NotText { line: valid.iter().filter(|byte| **byte == b'\n').count() + 1 }
        })?,
    };
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    if text.contains('\r') { Ok(text.replace("\r\n", "\n").replace('\r', "\n")) } else { Ok(text) }
}

/// The error of [`decode`]: the bytes are not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotText {
    /// The first line that is not text, counted from 1.
    pub line: usize,
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, NotText> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    for c in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match c {
            Ok(c) => text.push(c),
            Err(_) => return Err(NotText { line: text.matches('\n').count() + 1 }),
        }
    }
    if rest.is_empty() { Ok(text) } else { Err(NotText { line: text.matches('\n').count() + 1 }) }
}
