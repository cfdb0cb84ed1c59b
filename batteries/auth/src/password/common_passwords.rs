//! Common passwords.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words, names and keyboard rows, in lower case. [`is_common`] also recognizes their usual variations.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common.txt").split_whitespace().collect());

/// Returns whether a password is in the list, also with digits in place of letters, repeated, or with digits and signs around it.
pub(super) fn is_common(password: &str) -> bool {
    let password = password.to_lowercase();
    let letters = plain(&password);
    let bare = |text: &str| text.trim_matches(|c: char| !c.is_alphabetic()).to_owned();
    let (bare_password, bare_letters) = (bare(&password), bare(&letters));
    // Up to four added characters, such as a year or an exclamation mark, do not make a password uncommon.
    let added = |bare: &str| password.chars().count() - bare.chars().count().min(password.chars().count());
    let adorned = |bare: &str| added(bare) <= 4 && COMMON.contains(bare);
    let is_listed = |text: &str| COMMON.contains(text) || COMMON.contains(half(text));
    is_listed(&password) || is_listed(&letters) || adorned(&bare_password) || adorned(&bare_letters) || is_one_letter(&password)
}

/// Replaces `@`, `0`, `$` and similar characters with the letters that they stand for.
fn plain(password: &str) -> String {
    let letter = |c: char| match c {
        '@' | '4' => 'a',
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    };
    password.chars().map(letter).collect()
}

/// Returns one half of a text that consists of two equal halves; otherwise the text.
fn half(text: &str) -> &str {
    match text.split_at_checked(text.len() / 2) {
        Some((one, other)) if one == other => one,
        _ => text,
    }
}

fn is_one_letter(password: &str) -> bool {
    let first = password.chars().next();
    password.chars().all(|c| Some(c) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variations_of_common_passwords_are_common() {
        for password in [
            "password",
            "PassWord",
            "p@ssw0rd",
            "Password1!",
            "passw0rd2024",
            "qwertyuiop",
            "12345678",
            "Summer2024",
            "dragondragon",
            "........",
        ] {
            assert!(is_common(password), "{password}");
        }
        for password in ["correct horse battery staple", "dragon-of-the-east", "kd8f!mQ2z", "Schreibtischlampe", "日本語のパスワード"]
        {
            assert!(!is_common(password), "{password}");
        }
    }

    #[test]
    fn the_list_is_long_and_in_lower_case() {
        assert!(COMMON.len() > 800, "{}", COMMON.len());
        assert!(COMMON.iter().all(|word| *word == word.to_lowercase()));
    }
}
