//! The parameter `next`: the page after a login.

/// Longer paths are ignored.
const MAX_BYTES: usize = 2000;

/// Returns `next` if it is a path on this site. Returns `None` for everything that could lead a visitor elsewhere: another host, another
/// scheme, and spellings that some browsers interpret as one of them.
///
/// ```
/// use lback::auth::safe_next;
///
/// assert_eq!(safe_next("/posts?page=2"), Some("/posts?page=2"));
/// assert_eq!(safe_next("//evil.example"), None);
/// assert_eq!(safe_next("https:evil.example"), None);
/// ```
pub fn safe_next(next: &str) -> Option<&str> {
    let rest = next.strip_prefix('/')?;
    // Browsers treat a backslash as a slash, and ignore tabs and line breaks anywhere.
    let harmless = |c: char| !c.is_control() && c != '\\' && !c.is_whitespace();
    (next.len() <= MAX_BYTES && !rest.starts_with('/') && rest.chars().all(harmless)).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::safe_next;

    #[test]
    fn only_paths_of_this_site_are_followed() {
        for next in ["/", "/posts", "/posts?next=//evil", "/a/b#c", "/%2F/evil", "/ümlaut", "/posts//2"] {
            assert_eq!(safe_next(next), Some(next));
        }
        let elsewhere = [
            "",
            "posts",
            "//evil",
            "///evil",
            "/\\evil",
            "\\\\evil",
            "\\/evil",
            "https:evil",
            "https://evil",
            "http:/evil",
            "HTTPS:evil",
            "javascript:alert(1)",
            "data:text/html,x",
            "/\t/evil",
            "/\n/evil",
            "/\r\n/evil",
            "\t//evil",
            " //evil",
            "/\0",
            "/a b",
            "/\u{a0}/evil",
            "/\u{85}/evil",
            "/a\\b",
            "?x",
            "#x",
            "evil.example",
            "@evil",
            "mailto:x",
            "/\u{2028}x",
        ];
        for next in elsewhere {
            assert_eq!(safe_next(next), None, "{next:?}");
        }
        assert_eq!(safe_next(&format!("/{}", "a".repeat(2000))), None);
    }
}
