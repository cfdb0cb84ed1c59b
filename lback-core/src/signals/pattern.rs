//! Patterns for the names of signals.

/// A pattern such as `session.created`, `session.*` or `*`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Exact(String),
    /// Names with this prefix. It includes the dot, so that `user.*` does not match `username.changed`.
    Prefix(String),
}

impl Pattern {
    /// Returns `None` if `text` is neither a name nor a pattern.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, is_prefix) = match text.strip_suffix('*') {
            Some("") => return Some(Pattern::Prefix(String::new())),
            Some(prefix) => (prefix.strip_suffix('.')?, true),
            None => (text, false),
        };
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        name.split('.').all(is_word).then(|| if is_prefix { Pattern::Prefix(format!("{name}.")) } else { Pattern::Exact(name.to_owned()) })
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Pattern::Exact(exact) => exact == name,
            Pattern::Prefix(prefix) => name.starts_with(prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_match_names() {
        let matches = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().matches(name);
        assert!(matches("session.created", "session.created"));
        assert!(!matches("session.created", "session.created.twice"));
        assert!(matches("http.*", "http.request.received"));
        assert!(matches("http.request.*", "http.request.received"));
        assert!(!matches("user.*", "username.changed"));
        assert!(!matches("user.*", "user"));
        assert!(matches("*", "anything"));
    }

    #[test]
    fn invalid_patterns_are_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "a.*.b", "*.created", "a*", "a b", "**", ".*", "a.\0"] {
            assert_eq!(Pattern::parse(text), None, "{text:?}");
        }
    }
}
