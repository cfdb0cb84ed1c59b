//! Checks e-mail addresses. Forms, users and mail share this check, so an address that one of them accepts is accepted by all.

/// Maximum lengths in SMTP, in bytes: of the part before the `@` and of the whole address.
const MAX_LENGTHS: (usize, usize) = (64, 254);

/// Returns whether `text` could be an e-mail address: `local@domain` in ASCII, without the quotes and comments that no address
/// in use has. Whether the address exists, only a mail can tell.
///
/// ```
/// assert!(lback_core::is_email("alice@example.com"));
/// assert!(!lback_core::is_email("alice"));
/// ```
///
/// Browsers accept every address that this function accepts. They also accept a local part that starts or ends with a dot or
/// contains two in a row.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte));
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    local.len() <= MAX_LENGTHS.0 && text.len() <= MAX_LENGTHS.1 && local.split('.').all(word) && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn only_deliverable_addresses_are_accepted() {
        for good in ["a@b", "alice@example.com", "o'neil+tag@sub.example-site.org", "a.b@x.y", "a@xn--mller-kva.example"] {
            assert!(is_email(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        let longest = format!("a@{}", "abcdefghi.".repeat(26).trim_end_matches('.'));
        let bad = [
            "", "@", "a@", "@b", "a b@c", "a@b@c", "a@-b", "a@b-", "a@b..c", "a@b.", ".a@b", "a.@b", "a..b@c", "ä@b", "a@ü", "\"a\"@b",
            "a@[::1]", "a@b\n", " a@b", "a\0@b", &long, &longest,
        ];
        for bad in bad {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
