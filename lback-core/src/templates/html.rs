//! Text that is HTML already.

use serde::{Serialize, Serializer};

/// HTML that a template shows as it is, where it escapes every other text. What came from elsewhere must be escaped before
/// it gets in here.
///
/// ```
/// use lback_core::Html;
///
/// let icon = Html::new("<svg aria-hidden=\"true\"><use href=\"#cart\"/></svg>");
/// assert!(icon.as_str().starts_with("<svg"));
/// assert_eq!(Html::escape("<b>").as_str(), "&lt;b&gt;");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// This HTML.
    pub fn new(html: impl Into<String>) -> Self {
        Html(html.into())
    }

    /// This text, escaped.
    pub fn escape(text: &str) -> Self {
        let mut html = Vec::with_capacity(text.len());
        // Writing to a Vec does not fail, and what is escaped stays UTF-8.
        let _ = tera::escape_html(text, &mut html);
        Html(String::from_utf8(html).unwrap_or_default())
    }

    /// The HTML.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Tera takes one of its own values as it is wherever it meets one, so that HTML stays HTML.
impl Serialize for Html {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        tera::Value::safe_string(&self.0).serialize(serializer)
    }
}
