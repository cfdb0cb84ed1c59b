//! The normal form of passwords.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Returns the normal form in which passwords are compared and hashed: that of the profile OpaqueString of RFC 8265, section
/// 4.2. Accents are equal whether they are typed with their letter or after it, and all kinds of space are equal; case and width are
/// significant. Unlike the profile, it accepts any text.
pub(crate) fn normal_form(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        return password.into();
    }
    password.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc().collect()
}

/// Returns whether this is one of Unicode's space separators.
fn is_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

#[cfg(test)]
mod tests {
    use super::normal_form;

    #[test]
    fn accents_and_spaces_are_the_same_however_they_are_typed() {
        for (one, other) in
            [("e\u{301}te\u{301}", "été"), ("a\u{3000}b\u{a0}c", "a b c"), ("\u{1112}\u{1161}\u{11ab}", "한"), ("\u{212b}", "Å")]
        {
            assert_eq!(normal_form(one), normal_form(other));
        }
        for (one, other) in [("A", "a"), ("ａ", "a"), ("²", "2"), (" a", "a"), ("a  b", "a b"), ("ß", "ss"), ("a\u{200b}", "a")] {
            assert_ne!(normal_form(one), normal_form(other));
        }
    }
}
