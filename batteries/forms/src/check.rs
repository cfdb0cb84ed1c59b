//! The rules, one after the other.

use std::cmp::Ordering;
use std::collections::HashSet;

use lback_core::UploadedFile;

use crate::kind::truth;
use crate::{Bound, Entry, Field, FieldError, FieldKind, Rule, Widget};

/// Why a value is refused.
pub(crate) enum Refused {
    Rule(Rule),
    Message(String),
}

impl From<Rule> for Refused {
    fn from(rule: Rule) -> Self {
        Refused::Rule(rule)
    }
}

impl From<FieldError> for Refused {
    fn from(error: FieldError) -> Self {
        error.into_message().map_or(Refused::Rule(Rule::Kind), Refused::Message)
    }
}

/// What was sent for `field`, cleaned, or why it is refused.
pub(crate) fn check(field: &Field, sent: Entry) -> Result<Entry, Refused> {
    if !field.takes_several() && sent.texts.len() + sent.files.len() > 1 {
        return Err(Rule::Once.into());
    }
    let mut entry = Entry { texts: tidy(field, sent.texts), files: sent.files };
    for text in &entry.texts {
        check_text(field, text)?;
    }
    for file in &entry.files {
        check_file(field, file)?;
    }
    if field.kind == FieldKind::Boolean && !field.is_choice() {
        // A box that is not ticked sends nothing.
        entry = Entry::of([truth(entry.text()).unwrap_or(false).to_string()]);
    }
    let missing = entry.is_empty() || (field.kind == FieldKind::Boolean && entry.text() == "false");
    if missing && field.required {
        return Err(Rule::Required.into());
    }
    if entry.is_empty() {
        return Ok(entry);
    }
    for clean in &field.cleans {
        entry = clean(entry)?;
    }
    Ok(entry)
}

/// The texts without what nobody meant to send; none where that leaves nothing.
fn tidy(field: &Field, texts: Vec<String>) -> Vec<String> {
    let tidy = |text: String| match field.kind {
        FieldKind::Password => text,
        // Browsers send \r\n, whatever was typed.
        _ if is_multiline(field) => text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned(),
        _ => text.trim().to_owned(),
    };
    let mut seen = HashSet::new();
    texts.into_iter().map(tidy).filter(|text| !text.is_empty() && seen.insert(text.clone())).collect()
}

/// A text area, or what carries its text hidden.
fn is_multiline(field: &Field) -> bool {
    field.kind == FieldKind::Text && matches!(field.widget, Widget::TextArea | Widget::Hidden)
}

fn check_text(field: &Field, text: &str) -> Result<(), Rule> {
    if text.contains('\0') {
        return Err(Rule::Null);
    }
    if field.is_choice() && !field.choices.iter().flatten().any(|choice| choice.value() == text) {
        return Err(Rule::Choices);
    }
    if !is_multiline(field) && text.contains(['\n', '\r']) {
        return Err(Rule::OneLine);
    }
    if field.kind.is_text() {
        check_length(field, text)?;
    }
    if !field.kind.fits(text) {
        return Err(Rule::Kind);
    }
    let outside = |wrong: Ordering, end: Option<Bound>| {
        let (Some(value), Some(end)) = (field.kind.bound(text), end) else { return false };
        value.compare(&end).is_none_or(|order| order == wrong)
    };
    let (least, most) = field.ends();
    if outside(Ordering::Less, least) || outside(Ordering::Greater, most) {
        return Err(Rule::Range);
    }
    #[cfg(feature = "pattern")]
    if field.pattern.as_ref().is_some_and(|pattern| !pattern.matches(text)) {
        return Err(Rule::Pattern);
    }
    Ok(())
}

fn check_length(field: &Field, text: &str) -> Result<(), Rule> {
    if field.min_length.is_none() && field.max_length.is_none() {
        return Ok(());
    }
    let characters = text.chars().count();
    if field.min_length.is_some_and(|least| characters < least) {
        return Err(Rule::MinLength);
    }
    if field.max_length.is_some_and(|most| characters > most) {
        return Err(Rule::MaxLength);
    }
    Ok(())
}

fn check_file(field: &Field, file: &UploadedFile) -> Result<(), Rule> {
    if field.max_size.is_some_and(|most| file.len() > most) {
        return Err(Rule::MaxSize);
    }
    match &field.accept {
        Some(types) if !types.split(',').any(|accepted| accepts(&accepted.trim().to_ascii_lowercase(), file)) => Err(Rule::Accept),
        _ => Ok(()),
    }
}

/// Does `accepted`, "image/*", "image/png" or ".png", fit what the browser says of the file?
fn accepts(accepted: &str, file: &UploadedFile) -> bool {
    if accepted.starts_with('.') {
        return file.file_name().is_some_and(|name| name.to_ascii_lowercase().ends_with(accepted));
    }
    let claimed = file.content_type().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match accepted.strip_suffix('*') {
        // Any type at all, even where the browser names none.
        Some("*/") => true,
        Some(group) => claimed.starts_with(group),
        None => claimed == accepted,
    }
}
