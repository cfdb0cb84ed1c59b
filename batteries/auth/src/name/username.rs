//! User names: the profile UsernameCaseMapped of RFC 8265, and the rules of UTS 39 against names that look alike.

use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use super::{context, letters};

/// The maximum length of a user name, in characters.
const MAX_USERNAME: usize = 150;

/// The maximum length of a stored skeleton, in characters. Some letters have several in a skeleton. PostgreSQL can index 2,700 bytes.
const MAX_SKELETON: usize = 600;

/// The version of [`username_key`] and [`skeletons`]. Values of earlier versions are computed again at the start.
pub(crate) const KEY_VERSION: i32 = 1;

/// Returns the user name in the form in which it is stored, if it is valid: letters and digits of any script, `_`, `.`, `+` and `-`. Spaces
/// around it are removed, full-width letters become ordinary ones, and the text is in NFC.
///
/// The rules are those of RFC 8265 (UsernameCasePreserved) and of UTS 39, at its highly restrictive level: no invisible
/// characters, and no mixture of scripts such as Latin and Cyrillic. An `@` is not allowed either, so that an e-mail address cannot be taken
/// as a name. Whether the name is available is checked by [`NameConflict::find`](crate::NameConflict::find).
///
/// ```
/// use lback::auth::check_username;
///
/// assert_eq!(check_username(" alice ").unwrap(), "alice");
/// assert_eq!(check_username("हिन्दी").unwrap(), "हिन्दी");
/// assert!(check_username("<alice>").is_err());
/// // The first letter is Cyrillic.
/// assert!(check_username("аlice").is_err());
/// ```
///
/// # Errors
/// Returns a message for the user if the name is invalid.
pub fn check_username(name: &str) -> Result<String, &'static str> {
    // A valid name has far fewer bytes, also in a form that is not normalized.
    if name.len() > 100 * MAX_USERNAME {
        return Err(TOO_LONG);
    }
    let name = mapped(name);
    if name.is_empty() {
        return Err("Enter a user name.");
    }
    let letters: Vec<char> = name.chars().collect();
    if letters.len() > MAX_USERNAME {
        return Err(TOO_LONG);
    }
    if !letters.iter().all(|letter| letters::is_allowed(*letter)) {
        return Err("A user name can contain only letters, digits and _ . + -");
    }
    if !(0..letters.len()).all(|at| context::allows(&letters, at)) {
        return Err("A user name can contain only letters, digits and _ . + -, and no invisible characters.");
    }
    if !letters::marks_are_readable(&letters) {
        return Err("A user name cannot begin with an accent or have many accents on one letter.");
    }
    if !letters::scripts_go_together(&letters) {
        return Err("A user name cannot mix letters of different alphabets, such as Latin and Cyrillic.");
    }
    if !context::has_one_direction(&letters) {
        return Err("A user name that is written from right to left must begin with a letter and end with a letter or a digit.");
    }
    Ok(name)
}

const TOO_LONG: &str = "A user name has at most 150 characters.";

/// Returns the normal form of a user name, by which names are compared, stored and counted (RFC 8265, UsernameCaseMapped):
/// two names are the same if their normal forms are equal. Accepts any text, including invalid names.
///
/// ```
/// use lback::auth::username_key;
///
/// assert_eq!(username_key("ＪÜＲＧＥＮ"), username_key(" ju\u{308}rgen"));
/// ```
///
/// Use it in [`Account::find_by_login`](crate::Account::find_by_login) of a custom user type.
pub fn username_key(name: &str) -> String {
    let lower = |name: &str| name.to_lowercase().nfc().collect::<String>();
    let mut key = lower(&mapped(name));
    // A few characters need a second pass (RFC 8264, section 7).
    for _ in 0..3 {
        let again = lower(&key);
        if again == key {
            break;
        }
        key = again;
    }
    key
}

/// Returns the key that versions before [`KEY_VERSION`] 1 stored.
pub(crate) fn former_key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Returns the skeletons of a name (UTS 39, section 4), as it is displayed and in lower case. Names with a common skeleton look alike.
pub(crate) fn skeletons(name: &str) -> Vec<String> {
    let shown = mapped(name);
    let mut both: Vec<String> = [&shown, &username_key(&shown)].map(|name| skeleton(name).take(MAX_SKELETON).collect()).into();
    both.dedup();
    both
}

/// Removes surrounding spaces, maps characters to their ordinary width and normalizes the text to NFC: the width mapping, additional mapping
/// and normalization rules of RFC 8264.
fn mapped(name: &str) -> String {
    let mut mapped = String::with_capacity(name.len());
    for c in name.trim().chars() {
        match c {
            // Full-width and half-width forms, and letters of Thai and Lao that keyboards type as one character but Unicode
            // defines as two.
            '\u{ff01}'..='\u{ffee}' | '\u{e33}' | '\u{eb3}' | '\u{edc}' | '\u{edd}' => mapped.extend(c.nfkc()),
            _ => mapped.push(c),
        }
    }
    mapped.nfc().collect()
}
