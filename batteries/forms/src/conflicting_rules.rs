//! Rules that cannot stand together.

use crate::{Field, FieldKind, Widget};

/// What in the rules of `field` cannot be meant.
pub(crate) fn contradiction(field: &Field) -> Option<String> {
    let kind = field.kind;
    let ends = [field.min, field.max];
    #[cfg(feature = "pattern")]
    if let Some(problem) = field.pattern.as_ref().and_then(|pattern| pattern.problem()) {
        return Some(format!("has a pattern that is no regular expression: {problem}"));
    }
    let problem = if field.is_choice() && field.choices.is_none() {
        "has no choices; give them with choices(…), to the field or, where they are known only in the view, to the form"
    } else if field.choices.is_some() && (kind == FieldKind::File || field.widget == Widget::TextArea) {
        "has choices, and is shown as something that offers none"
    } else if field.widget == Widget::TextArea && kind != FieldKind::Text {
        "is a text area, and no plain text"
    } else if field.widget == Widget::Hidden && matches!(kind, FieldKind::File | FieldKind::Password) {
        "is hidden; a file or a password cannot be"
    } else if field.multiple && !field.takes_several() {
        "takes several values, and is shown as something that takes one"
    } else if (field.min_length.is_some() || field.max_length.is_some()) && !kind.is_text() {
        "has a length, and is no text"
    } else if ends.iter().flatten().any(|end| !end.is_of(kind)) {
        "has a range of other values than its own"
    } else if (field.accept.is_some() || field.max_size.is_some()) && kind != FieldKind::File {
        "has rules of a file, and is none"
    } else {
        return None;
    };
    Some(problem.to_owned())
}
