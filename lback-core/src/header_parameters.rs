//! Parses lists and parameters in header values, such as `text/html; q=0.5, */*;q=0.1` (RFC 9110, 5.6.1 and 5.6.6).

use std::borrow::Cow;

/// Returns the members of a list without the spaces around them. A comma inside quotes does not separate members. Empty members
/// are skipped.
pub(crate) fn members(value: &str) -> impl Iterator<Item = &str> {
    pieces(value, b',').filter(|member| !member.is_empty())
}

/// Splits a value into the text before the parameters and the names and values of the parameters.
///
/// Spaces and tabs are allowed around semicolons, and also around `=`, which the standard forbids but some clients send. Quotes and
/// backslashes are removed. Parameters without `=` are skipped.
pub(crate) fn split(value: &str) -> (&str, impl Iterator<Item = (&str, Cow<'_, str>)>) {
    let mut pieces = pieces(value, b';');
    let first = pieces.next().unwrap_or_default();
    let pairs = pieces.filter_map(|piece| piece.split_once('='));
    (first, pairs.map(|(name, value)| (name.trim_ascii_end(), unquoted(value.trim_ascii_start()))))
}

/// Returns the value of the first parameter called `name`, ignoring case.
pub(crate) fn parameter<'a>(value: &'a str, name: &str) -> Option<Cow<'a, str>> {
    split(value).1.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Returns the parameter `q`, the weight, in thousandths. Returns 1000 if it is missing and `None` if it is not a number from 0 to 1.
pub(crate) fn weight<'a>(mut parameters: impl Iterator<Item = (&'a str, Cow<'a, str>)>) -> Option<u16> {
    let Some((_, weight)) = parameters.find(|(name, _)| name.eq_ignore_ascii_case("q")) else { return Some(1000) };
    let weight: f32 = weight.parse().ok()?;
    (0.0..=1.0).contains(&weight).then(|| (weight * 1000.0).round() as u16)
}

/// Splits `value` at each `separator` outside quotes.
fn pieces(value: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut quoted, mut escaped) = (false, false);
        let end = text.bytes().position(|byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                byte => return byte == separator && !quoted,
            }
            false
        });
        rest = end.and_then(|end| text.get(end + 1..));
        Some(text[..end.unwrap_or(text.len())].trim_ascii())
    })
}

fn unquoted(value: &str) -> Cow<'_, str> {
    let Some(inside) = value.strip_prefix('"') else { return Cow::Borrowed(value) };
    let inside = inside.strip_suffix('"').unwrap_or(inside);
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    let mut text = String::with_capacity(inside.len());
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        text.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_regardless_of_spacing_and_quotes() {
        for value in [
            "multipart/form-data;boundary=X",
            "multipart/form-data ; boundary=X",
            "multipart/form-data;\tboundary=X",
            "multipart/form-data \t;\t BOUNDARY=\"X\"\t; charset=utf-8",
            "multipart/form-data;; charset=\"a;boundary=no\";Boundary = X ;",
            "multipart/form-data; x; boundary=\"\\X\"",
        ] {
            assert_eq!(parameter(value, "boundary").as_deref(), Some("X"), "{value}");
            assert_eq!(split(value).0, "multipart/form-data");
        }
        assert_eq!(parameter("a; b=\"x \\\" ; \\\\ y\"", "b").as_deref(), Some("x \" ; \\ y"));
        for value in ["", ";", "a", "a; boundary", "a; xboundary=X", "boundary=X"] {
            assert_eq!(parameter(value, "boundary"), None, "{value}");
        }
    }

    #[test]
    fn lists_are_split_outside_quotes() {
        assert_eq!(members(" a ,, b;c=\"d,e\"\t, ").collect::<Vec<_>>(), ["a", "b;c=\"d,e\""]);
        assert_eq!(members("").count(), 0);
    }

    #[test]
    fn the_weight_is_found_among_other_parameters() {
        let weigh = |value| weight(split(value).1);
        for (value, expected) in [
            ("br", Some(1000)),
            ("br;q=0.5", Some(500)),
            ("br ; Q=0.25\t; x=y", Some(250)),
            ("br;x=\"q=1\";q=0", Some(0)),
            ("br;q=2", None),
            ("br;q=NaN", None),
            ("br;q=", None),
        ] {
            assert_eq!(weigh(value), expected, "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_parsed(value in ".{0,60}", punctuation in "[a=;,\"\\\\ \t]{0,30}") {
            for value in [value, punctuation] {
                let _ = parameter(&value, "a");
                assert!(members(&value).all(|member| weight(split(member).1).is_none_or(|weight| weight <= 1000)));
            }
        }
    }
}
