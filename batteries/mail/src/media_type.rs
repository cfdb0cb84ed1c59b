//! The media types of attachments, with their parameters (RFC 2045, section 5.1).

use lback_core::{Error, Result};

/// A parsed media type: `text/calendar; charset=utf-8; method=REQUEST`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MediaType {
    /// The type, in lower case: `text/calendar`.
    pub(crate) essence: String,
    /// The parameters: names in lower case, and values without quotes.
    pub(crate) parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Parses a media type.
    ///
    /// # Errors
    /// Returns an error that says what is wrong and what to write.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| Error::internal(format!("{text:?} is not the media type of an attachment: {what}"));
        let (essence, mut rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        let essence = essence.trim().to_ascii_lowercase();
        match essence.split_once('/') {
            Some(("multipart", _)) => return Err(wrong("a multipart is made of other attachments; attach these")),
            Some((kind, subkind)) if is_name(kind) && is_name(subkind) => {}
            _ => return Err(wrong("write one like application/pdf")),
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        while let Some(next) = rest.trim_start_matches(is_space).strip_prefix(';') {
            let next = next.trim_start_matches(is_space);
            if next.is_empty() || next.starts_with(';') {
                rest = next;
                continue;
            }
            let Some((name, after)) = next.split_once('=') else {
                return Err(wrong("a parameter has a name and a value, as in text/plain; charset=utf-8"));
            };
            let name = name.trim_end_matches(is_space).to_ascii_lowercase();
            if !is_name(&name) {
                return Err(wrong(&format!(
                    "{name:?} is not the name of a parameter; it has letters, digits and hyphens, and its value is encoded by Lback"
                )));
            }
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(wrong(&format!("it has the parameter {name} twice")));
            }
            let (value, after) = value(after.trim_start_matches(is_space))
                .ok_or_else(|| wrong(&format!("the value of {name} stands in quotes unless it is one word: {name}=\"a value\"")))?;
            if value.contains(char::is_control) {
                return Err(wrong(&format!("the value of {name} has a line break or another control character")));
            }
            parameters.push((name, value));
            rest = after;
        }
        match rest.trim_matches(is_space) {
            "" => Ok(MediaType { essence, parameters }),
            rest => Err(wrong(&format!("each parameter needs a semicolon before it, but {rest:?} has none"))),
        }
    }

    /// Returns whether a part of this type is sent without encoding: an attached message must not be encoded (RFC 2046, section 5.2).
    pub(crate) fn travels_as_it_is(&self) -> bool {
        self.essence.starts_with("message/") && !self.essence.starts_with("message/global")
    }
}

/// Returns the value at the beginning of the text, with or without quotes, and the rest of the text.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, after) = text.split_at(text.find(|c: char| c == ';' || is_space(c)).unwrap_or(text.len()));
        return (!value.is_empty() && value.bytes().all(is_token)).then(|| (value.to_owned(), after));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// Returns whether a text is a valid name of a type or parameter (RFC 6838, section 4.2).
fn is_name(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte)
}

fn is_space(c: char) -> bool {
    c == ' ' || c == '\t'
}

#[cfg(test)]
mod tests {
    use super::MediaType;

    #[track_caller]
    fn parsed(text: &str) -> (String, Vec<(String, String)>) {
        let MediaType { essence, parameters } = MediaType::parse(text).unwrap();
        (essence, parameters)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn parameters_are_read_however_they_are_written() {
        let invitation = ("text/calendar".to_owned(), pairs(&[("charset", "utf-8"), ("method", "REQUEST")]));
        for text in [
            "text/calendar; charset=utf-8; method=REQUEST",
            "text/calendar;charset=utf-8;method=REQUEST",
            "Text/Calendar ;\tCHARSET=\"utf-8\" ; Method = REQUEST;",
            " text/calendar; charset=\"ut\\f-8\";; method=\"REQUEST\" ",
        ] {
            assert_eq!(parsed(text), invitation, "{text}");
        }
        assert_eq!(parsed("image/svg+xml"), ("image/svg+xml".to_owned(), Vec::new()));
        let quoted = parsed("application/x; name=\"a; b=\\\"c\\\" ü.txt\"");
        assert_eq!(quoted.1, pairs(&[("name", "a; b=\"c\" ü.txt")]));
    }

    #[test]
    fn what_is_no_media_type_is_refused_with_what_to_write() {
        for (text, why) in [
            ("", "write one like application/pdf"),
            ("pdf", "write one like application/pdf"),
            ("application/", "write one like application/pdf"),
            ("application/pdf, text/plain", "write one like application/pdf"),
            ("a/b\r\nX: y", "write one like application/pdf"),
            ("multipart/mixed; boundary=x", "multipart"),
            ("text/plain; charset", "a name and a value"),
            ("text/plain; charset=", "in quotes"),
            ("text/plain; charset=a b", "a semicolon"),
            ("text/plain; charset=\"utf-8", "in quotes"),
            ("text/plain; charset=\"utf-8\" x", "a semicolon"),
            ("text/plain; charset=ü", "in quotes"),
            ("text/plain; charset=\"a\r\nX: y\"", "control character"),
            ("text/plain; charset=\"a\\\n\"", "control character"),
            ("text/plain; charset=a; CHARSET=b", "twice"),
            ("text/plain; name*=UTF-8''x", "encoded by Lback"),
            ("text/plain; =x", "not the name of a parameter"),
            ("text/plain charset=utf-8", "write one like application/pdf"),
        ] {
            let error = MediaType::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }
}
