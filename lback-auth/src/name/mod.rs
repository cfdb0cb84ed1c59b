//! What users may be called.

use lback_core::is_email;

/// The most characters of a user name.
const MAX_USERNAME: usize = 150;

/// The user name without spaces around it, if it is one: letters, digits, `_`, `.`, `+` and `-`.
///
/// There is no `@` in it, so that nobody takes somebody else's e-mail address for a name.
///
/// ```
/// assert_eq!(lback_auth::check_username(" alice ").unwrap(), "alice");
/// assert!(lback_auth::check_username("<alice>").is_err());
/// ```
///
/// # Errors
/// What is wrong, in the user's words.
pub fn check_username(name: &str) -> Result<String, &'static str> {
    let name = name.trim();
    if name.is_empty() {
        return Err("Enter a user name.");
    }
    if name.chars().count() > MAX_USERNAME {
        return Err("A user name has at most 150 characters.");
    }
    let allowed = |letter: char| letter.is_alphanumeric() || "_.+-".contains(letter);
    if !name.chars().all(allowed) {
        return Err("A user name has only letters, digits and _ . + -");
    }
    Ok(name.to_owned())
}

/// The e-mail address without spaces around it, if it could be one, by the definition that forms and mail have, too. Whether somebody reads it, only a mail can tell.
///
/// ```
/// assert_eq!(lback_auth::check_email("alice@example.com").unwrap(), "alice@example.com");
/// assert!(lback_auth::check_email("alice").is_err());
/// ```
///
/// # Errors
/// What is wrong, in the user's words.
pub fn check_email(address: &str) -> Result<String, &'static str> {
    let address = address.trim();
    if is_email(address) { Ok(address.to_owned()) } else { Err("Enter an e-mail address, like alice@example.com.") }
}

/// Names and addresses that differ only in case are the same.
pub(crate) fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_taken_for_something_else_are_refused() {
        for name in ["", "   ", "a b", "a@b", "<b>", "a\0b", "a\nb", "a/b", "'; DROP TABLE auth_users --", &"a".repeat(151)] {
            assert!(check_username(name).is_err(), "{name:?}");
        }
        for name in ["alice", "Jürgen", "李雷", "a.b+c-d_e", &"a".repeat(150)] {
            assert_eq!(check_username(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn addresses_that_no_mail_can_go_to_are_refused() {
        for address in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a@b c",
            "a\r\nBcc: x@y@z",
            "a@b\0",
            "<a@b>",
            "a@b@c",
            ".a@b",
            "a..b@c",
            "ä@b",
            &format!("{}@b", "a".repeat(254)),
        ] {
            assert!(check_email(address).is_err(), "{address:?}");
        }
        assert_eq!(check_email(" Alice@Example.com ").as_deref(), Ok("Alice@Example.com"));
    }
}
