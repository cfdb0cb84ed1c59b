//! Validates submitted values.

use std::cmp::Ordering;
use std::collections::HashSet;

use lback_core::UploadedFile;

use crate::kind::truth;
use crate::{Bound, Entry, Field, FieldError, FieldKind, Rule, Widget};

/// Why a value is invalid.
pub(crate) enum Invalid {
    Rule(Rule),
    Message(String),
}

impl From<Rule> for Invalid {
    fn from(rule: Rule) -> Self {
        Invalid::Rule(rule)
    }
}

impl From<FieldError> for Invalid {
    fn from(error: FieldError) -> Self {
        error.into_message().map_or(Invalid::Rule(Rule::Kind), Invalid::Message)
    }
}

/// Validates what was submitted for `field`, and returns the cleaned entry.
pub(crate) fn check(field: &Field, sent: Entry) -> Result<Entry, Invalid> {
    if !field.takes_several() && sent.texts.len() + sent.files.len() > 1 {
        return Err(Rule::Once.into());
    }
    let mut entry = Entry { texts: normalized(field, sent.texts), files: sent.files };
    for text in &entry.texts {
        check_text(field, text)?;
    }
    for file in &entry.files {
        check_file(field, file)?;
    }
    if field.kind == FieldKind::Boolean && !field.is_choice() {
        // Browsers send nothing for a box that is not ticked.
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

/// Returns the texts without surrounding whitespace, duplicates and empty texts, and with `\n` as line breaks.
fn normalized(field: &Field, texts: Vec<String>) -> Vec<String> {
    let normalize = |text: String| match field.kind {
        FieldKind::Password => text,
        // Browsers send \r\n for every line break.
        _ if is_multiline(field) => text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned(),
        _ => text.trim().to_owned(),
    };
    let mut seen = HashSet::new();
    texts.into_iter().map(normalize).filter(|text| !text.is_empty() && seen.insert(text.clone())).collect()
}

/// Returns whether the field may contain line breaks: a text area, or a hidden field.
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
    if field.digits.is_some_and(|(max_digits, decimal_places)| !has_digits(text, max_digits, decimal_places)) {
        return Err(Rule::Digits);
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

/// Returns whether a number has at most so many digits, of which so many are after the decimal point.
fn has_digits(text: &str, max_digits: u32, decimal_places: u32) -> bool {
    // A number with an exponent is written out.
    let written_out = text.contains(['e', 'E']).then(|| text.parse().ok().map(|number: f64| number.to_string())).flatten();
    let digits = written_out.as_deref().unwrap_or(text).trim_start_matches(['-', '+']);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fits = |part: &str, most: u32| u32::try_from(part.len()).is_ok_and(|length| length <= most);
    fits(whole.trim_start_matches('0'), max_digits.saturating_sub(decimal_places)) && fits(fraction.trim_end_matches('0'), decimal_places)
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

/// Returns whether a file matches `accepted`, which is like "image/*", "image/png" or ".png", by its type and name as the
/// browser sent them.
fn accepts(accepted: &str, file: &UploadedFile) -> bool {
    if accepted.starts_with('.') {
        return file.file_name().is_some_and(|name| name.to_ascii_lowercase().ends_with(accepted));
    }
    let claimed = file.content_type().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match accepted.strip_suffix('*') {
        // Any type, even if the browser sends none.
        Some("*/") => true,
        Some(group) => claimed.starts_with(group),
        None => claimed == accepted,
    }
}
