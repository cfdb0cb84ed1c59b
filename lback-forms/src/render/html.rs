//! HTML, written so that nothing gets into it without being escaped.

use std::fmt::Display;

/// Text that is HTML already.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Adds HTML that the program itself has written.
    pub(super) fn raw(&mut self, html: &'static str) -> &mut Self {
        self.0.push_str(html);
        self
    }

    /// Adds a text, escaped.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // HTML has no null character.
                '\0' => self.0.push('\u{fffd}'),
                letter => self.0.push(letter),
            }
        }
        self
    }

    /// Adds ` name="value"`.
    pub(super) fn attribute(&mut self, name: &'static str, value: impl Display) -> &mut Self {
        self.raw(" ").raw(name).raw("=\"").text(&value.to_string()).raw("\"")
    }

    /// Adds ` name="value"` where there is a value.
    pub(super) fn attribute_of(&mut self, name: &'static str, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.attribute(name, value),
            None => self,
        }
    }

    /// Adds ` name` where `set` is true.
    pub(super) fn flag(&mut self, name: &'static str, set: bool) -> &mut Self {
        if set { self.raw(" ").raw(name) } else { self }
    }

    /// Adds other HTML.
    pub(super) fn html(&mut self, html: &Html) -> &mut Self {
        self.0.push_str(&html.0);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a value that a template shows as it is.
    pub(super) fn safe(&self) -> tera::Value {
        tera::Value::safe_string(&self.0)
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}
