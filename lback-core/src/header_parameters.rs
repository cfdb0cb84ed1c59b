//! Lists and parameters in the values of headers: `text/html; q=0.5, */*;q=0.1`. RFC 9110, 5.6.1 and 5.6.6.

use std::borrow::Cow;

/// The members of a list, without the spaces around them. A comma inside of quotes belongs to its member; empty members do
/// not count.
pub(crate) fn members(value: &str) -> impl Iterator<Item = &str> {
    pieces(value, b',').filter(|member| !member.is_empty())
}

/// What comes before the parameters, and these by name and value.
///
/// Spaces and tabs may stand around each semicolon, and around the `=` too, which the standard does not allow and some clients
/// write. Quotes and backslashes are taken off; what has no `=` is left out.
pub(crate) fn split(value: &str) -> (&str, impl Iterator<Item = (&str, Cow<'_, str>)>) {
    let mut pieces = pieces(value, b';');
    let first = pieces.next().unwrap_or_default();
    let pairs = pieces.filter_map(|piece| piece.split_once('='));
    (first, pairs.map(|(name, value)| (name.trim_ascii_end(), unquoted(value.trim_ascii_start()))))
}

/// The value of the first parameter called `name`, in letters of any case.
pub(crate) fn parameter<'a>(value: &'a str, name: &str) -> Option<Cow<'a, str>> {
    split(value).1.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The weight `q` among parameters, in thousandths: 1000 without one, `None` if it is no number from 0 to 1.
pub(crate) fn weight<'a>(mut parameters: impl Iterator<Item = (&'a str, Cow<'a, str>)>) -> Option<u16> {
    let Some((_, weight)) = parameters.find(|(name, _)| name.eq_ignore_ascii_case("q")) else { return Some(1000) };
    let weight: f32 = weight.parse().ok()?;
    (0.0..=1.0).contains(&weight).then(|| (weight * 1000.0).round() as u16)
}

/// `value` at each `separator` that is not quoted.
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
    fn parameters_are_found_whatever_stands_around_them() {
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
    fn a_list_is_split_outside_of_quotes() {
        assert_eq!(members(" a ,, b;c=\"d,e\"\t, ").collect::<Vec<_>>(), ["a", "b;c=\"d,e\""]);
        assert_eq!(members("").count(), 0);
    }

    #[test]
    fn a_weight_may_come_among_others() {
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
        fn any_text_is_taken_apart(value in ".{0,60}", punctuation in "[a=;,\"\\\\ \t]{0,30}") {
            for value in [value, punctuation] {
                let _ = parameter(&value, "a");
                assert!(members(&value).all(|member| weight(split(member).1).is_none_or(|weight| weight <= 1000)));
            }
        }
    }
}
