//! Regular expressions that match a whole text, as in HTML.

use regex_lite::Regex;

#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    regex: Result<Regex, String>,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        let regex = Regex::new(&format!("^(?:{text})$")).map_err(|error| error.to_string());
        Pattern { text: text.to_owned(), regex }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn problem(&self) -> Option<&str> {
        self.regex.as_ref().err().map(String::as_str)
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.as_ref().is_ok_and(|regex| regex.is_match(text))
    }
}
