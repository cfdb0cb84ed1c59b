//! Text that is already HTML.

use serde::{Serialize, Serializer};

/// HTML that templates insert unchanged, while they escape all other text. Text from other sources must be escaped before it is put
/// into an `Html`.
///
/// ```
/// use lback::templates::Html;
///
/// let icon = Html::new("<svg aria-hidden=\"true\"><use href=\"#cart\"/></svg>");
/// assert!(icon.as_str().starts_with("<svg"));
/// assert_eq!(Html::escape("<b>").as_str(), "&lt;b&gt;");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Wraps text that is already HTML.
    pub fn new(html: impl Into<String>) -> Self {
        Html(html.into())
    }

    /// Escapes text.
    pub fn escape(text: &str) -> Self {
        let mut html = Vec::with_capacity(text.len());
        // Writing to a Vec does not fail, and escaped text is still UTF-8.
        let _ = tera::escape_html(text, &mut html);
        Html(String::from_utf8(html).unwrap_or_default())
    }

    /// Returns the HTML.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Serializes to one of Tera's own values, which Tera keeps unchanged at any depth, so that HTML stays HTML.
impl Serialize for Html {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        tera::Value::safe_string(&self.0).serialize(serializer)
    }
}
