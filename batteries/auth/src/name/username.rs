//! User names: the profile UsernameCaseMapped of RFC 8265, and what UTS 39 adds to keep names apart.

use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use super::{context, letters};

/// The most characters of a user name.
const MAX_USERNAME: usize = 150;

/// The most characters of a stored skeleton, which has several for some letters. PostgreSQL indexes 2,700 bytes.
const MAX_SKELETON: usize = 600;

/// The version of [`username_key`] and [`skeletons`]. What was stored with an earlier one is computed again at the start.
pub(crate) const KEY_VERSION: i32 = 1;

/// Returns the user name as it is stored if it may be one: letters and digits of any script, `_`, `.`, `+` and `-`. Spaces
/// around it are removed, full-width letters become ordinary ones, and the text is in NFC.
///
/// The rules are those of RFC 8265 (UsernameCasePreserved) and of UTS 39, at its highly restrictive level: no invisible
/// characters, and no mixture of scripts such as Latin and Cyrillic. Nor is there an `@`, so that nobody takes an e-mail
/// address for a name. Whether the name is [free](crate::NewUser::insert) is another matter.
///
/// ```
/// use lback_auth::check_username;
///
/// assert_eq!(check_username(" alice ").unwrap(), "alice");
/// assert_eq!(check_username("हिन्दी").unwrap(), "हिन्दी");
/// assert!(check_username("<alice>").is_err());
/// // The first letter is Cyrillic.
/// assert!(check_username("аlice").is_err());
/// ```
///
/// # Errors
/// Returns what is wrong, in the user's words.
pub fn check_username(name: &str) -> Result<String, &'static str> {
    // Not worth a look: no character of a name is made of more than a handful.
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
        return Err("A user name has only letters, digits and _ . + -");
    }
    if !(0..letters.len()).all(|at| context::allows(&letters, at)) {
        return Err("A user name has only letters, digits and _ . + -, and no invisible characters.");
    }
    if !letters::marks_are_readable(&letters) {
        return Err("A user name does not begin with an accent, nor has it many accents on one letter.");
    }
    if !letters::scripts_go_together(&letters) {
        return Err("A user name does not mix letters of different alphabets, such as Latin and Cyrillic.");
    }
    if !context::has_one_direction(&letters) {
        return Err("A user name that is written from right to left begins with a letter, and ends with a letter or a digit.");
    }
    Ok(name)
}

const TOO_LONG: &str = "A user name has at most 150 characters.";

/// Returns the normal form of a user name, by which names are compared, stored and counted (RFC 8265, UsernameCaseMapped):
/// two names are the same if their normal forms are equal. Accepts any text, also what is no name.
///
/// ```
/// use lback_auth::username_key;
///
/// assert_eq!(username_key("ＪÜＲＧＥＮ"), username_key(" ju\u{308}rgen"));
/// ```
///
/// Use it in [`Account::find_by_login`](crate::Account::find_by_login) of users of your own.
pub fn username_key(name: &str) -> String {
    let lower = |name: &str| name.to_lowercase().nfc().collect::<String>();
    let mut key = lower(&mapped(name));
    // A few characters need it twice (RFC 8264, section 7).
    for _ in 0..3 {
        let again = lower(&key);
        if again == key {
            break;
        }
        key = again;
    }
    key
}

/// Returns the key that versions before [`KEY_VERSION`] 1 have stored.
pub(crate) fn former_key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Returns what a name looks like (UTS 39, section 4), as it is shown and in lower case: names with one in common are hard
/// to tell apart.
pub(crate) fn skeletons(name: &str) -> Vec<String> {
    let shown = mapped(name);
    let mut both: Vec<String> = [&shown, &username_key(&shown)].map(|name| skeleton(name).take(MAX_SKELETON).collect()).into();
    both.dedup();
    both
}

/// Without surrounding spaces, each character in its ordinary width, in NFC: the width mapping, additional mapping and
/// normalization rules of RFC 8264.
fn mapped(name: &str) -> String {
    let mut mapped = String::with_capacity(name.len());
    for c in name.trim().chars() {
        match c {
            // Full width and half width; and letters of Thai and Lao that keyboards type as one character and Unicode
            // defines as two.
            '\u{ff01}'..='\u{ffee}' | '\u{e33}' | '\u{eb3}' | '\u{edc}' | '\u{edd}' => mapped.extend(c.nfkc()),
            _ => mapped.push(c),
        }
    }
    mapped.nfc().collect()
}
