//! Detects contradictory rules.

use crate::{Field, FieldKind, Widget};

/// Returns a description of the first conflict in the rules of `field`, to follow its name.
pub(crate) fn conflict(field: &Field) -> Option<String> {
    let kind = field.kind;
    let ends = [field.min, field.max];
    #[cfg(feature = "pattern")]
    if let Some(problem) = field.pattern.as_ref().and_then(|pattern| pattern.problem()) {
        return Some(format!("has an invalid regular expression as its pattern: {problem}"));
    }
    let problem = if field.is_choice() && field.choices.is_none() && field.source.is_none() {
        "has no choices; add them with choices(…) to the field, or to the form if only the view knows them"
    } else if field.choices.is_some() && (kind == FieldKind::File || field.widget == Widget::TextArea) {
        "has choices, but is displayed as a control without choices"
    } else if field.widget == Widget::TextArea && kind != FieldKind::Text {
        "is a text area, but not of the kind Text"
    } else if field.widget == Widget::Hidden && matches!(kind, FieldKind::File | FieldKind::Password) {
        "is hidden, which is impossible for a file or a password"
    } else if field.multiple && !field.takes_several() {
        "accepts several values, but is displayed as a control for one"
    } else if (field.min_length.is_some() || field.max_length.is_some()) && !kind.is_text() {
        "has a minimum or maximum length, but is not a text"
    } else if ends.iter().flatten().any(|end| !end.is_of(kind)) {
        "has a range of values of another kind"
    } else if (field.accept.is_some() || field.max_size.is_some()) && kind != FieldKind::File {
        "has rules for files, but is not a file"
    } else {
        return None;
    };
    Some(problem.to_owned())
}
