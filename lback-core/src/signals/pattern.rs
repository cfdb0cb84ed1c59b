//! Which names a listener asks for.

/// `session.created`, `session.*` or `*`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Exactly(String),
    /// Names that begin so. The dot is part of it, so that `user.*` is not for `username.changed`.
    Below(String),
}

impl Pattern {
    /// `None` where `text` is no name and no pattern of names.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, below) = match text.strip_suffix('*') {
            Some("") => return Some(Pattern::Below(String::new())),
            Some(prefix) => (prefix.strip_suffix('.')?, true),
            None => (text, false),
        };
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        name.split('.').all(is_word).then(|| if below { Pattern::Below(format!("{name}.")) } else { Pattern::Exactly(name.to_owned()) })
    }

    pub(super) fn fits(&self, name: &str) -> bool {
        match self {
            Pattern::Exactly(exactly) => exactly == name,
            Pattern::Below(prefix) => name.starts_with(prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_fit_names() {
        let fits = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().fits(name);
        assert!(fits("session.created", "session.created"));
        assert!(!fits("session.created", "session.created.twice"));
        assert!(fits("http.*", "http.request.received"));
        assert!(fits("http.request.*", "http.request.received"));
        assert!(!fits("user.*", "username.changed"));
        assert!(!fits("user.*", "user"));
        assert!(fits("*", "anything"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "a.*.b", "*.created", "a*", "a b", "**", ".*", "a.\0"] {
            assert_eq!(Pattern::parse(text), None, "{text:?}");
        }
    }
}
