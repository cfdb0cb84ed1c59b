//! What an e-mail address is, for forms, users and mail alike: what passes one of them passes the others.

/// The most bytes of the part before the `@`, and of the whole, that SMTP knows.
const LONGEST: (usize, usize) = (64, 254);

/// Could it be an e-mail address? `local@domain`, in ASCII and without quotes or comments, which nobody has who wants mail.
/// Whether somebody reads it, only a mail can tell.
///
/// ```
/// assert!(lback_core::is_email("alice@example.com"));
/// assert!(!lback_core::is_email("alice"));
/// ```
///
/// Every address is one for browsers, too. They take more: dots at the ends of the local part, or two in a row.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte));
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    local.len() <= LONGEST.0 && text.len() <= LONGEST.1 && local.split('.').all(word) && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn email_addresses_are_those_that_mail_goes_to() {
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
