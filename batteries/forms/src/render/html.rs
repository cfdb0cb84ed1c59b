//! Builds HTML, and escapes everything that is not HTML already.

use std::fmt::{self, Display, Write};

/// A piece of HTML.
pub(super) struct Html(String);

impl Html {
    pub(super) fn new() -> Self {
        // Large enough for most fields.
        Html(String::with_capacity(256))
    }

    /// Adds literal HTML.
    pub(super) fn raw(&mut self, html: &'static str) -> &mut Self {
        self.0.push_str(html);
        self
    }

    /// Adds a text, which is escaped.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let mut rest = text;
        while let Some((at, escaped)) = rest.bytes().enumerate().find_map(|(at, byte)| Some((at, escaped(byte)?))) {
            self.0.push_str(&rest[..at]);
            self.0.push_str(escaped);
            rest = &rest[at + 1..];
        }
        self.0.push_str(rest);
        self
    }

    /// Adds ` name="value"`.
    pub(super) fn attribute(&mut self, name: &'static str, value: impl Display) -> &mut Self {
        self.raw(" ").raw(name).raw("=\"");
        // Formatting these values and writing to a string do not fail.
        let _ = write!(Escaping(self), "{value}");
        self.raw("\"")
    }

    /// Adds ` name="value"` if there is a value.
    pub(super) fn attribute_of(&mut self, name: &'static str, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.attribute(name, value),
            None => self,
        }
    }

    /// Adds ` name` if `set` is true.
    pub(super) fn flag(&mut self, name: &'static str, set: bool) -> &mut Self {
        if set { self.raw(" ").raw(name) } else { self }
    }

    /// Adds another piece of HTML.
    pub(super) fn html(&mut self, html: &Html) -> &mut Self {
        self.0.push_str(&html.0);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a value that templates do not escape.
    pub(super) fn safe(&self) -> tera::Value {
        tera::Value::safe_string(&self.0)
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Returns the escape sequence of a character with a special meaning in HTML.
fn escaped(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&#39;"),
        // HTML has no null character.
        0 => Some("\u{fffd}"),
        _ => None,
    }
}

/// A writer that escapes everything that is written to it.
struct Escaping<'a>(&'a mut Html);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.text(text);
        Ok(())
    }
}
