//! The rules that a value can violate, and their messages.

use std::fmt;

use lback_core::{Request, TimeZone};

use crate::{Bound, Field, FieldKind};

/// A rule that a value violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The field must be filled in.
    Required,
    /// The field accepts one value, but was sent several times.
    Once,
    /// The text contains a null character, which a database cannot store.
    Null,
    /// A single-line text contains line breaks.
    OneLine,
    /// The value is not of the field's kind: not a number, a date or an e-mail address, for example.
    Kind,
    /// The value is outside the range.
    Range,
    /// The clocks skip this time, because they are set forward.
    Skipped,
    /// The number has too many digits.
    Digits,
    /// The text is too short.
    MinLength,
    /// The text is too long.
    MaxLength,
    /// The text does not match the pattern.
    Pattern,
    /// The value is not one of the choices.
    Choices,
    /// The type of the file is not accepted.
    Accept,
    /// The file is too large.
    MaxSize,
}

/// An application's own messages for violated rules: in another language, or in another tone.
///
/// The function returns `None` to keep the default message. A [message of the field](Field::message) takes precedence.
///
/// ```
/// # use lback::{Request, Router};
/// # use lback::app::Assembly;
/// # use lback::settings::Settings;
/// # let settings = Settings::from_toml(".", "SECRET_KEY = 'only an example would show its secret key'").unwrap();
/// # let mut app = Assembly::new(Router::new(), settings);
/// use lback::forms::{Messages, Rule};
///
/// app.state(Messages::new(|req, field, rule| match rule {
///     Rule::Required if req.header("accept-language").is_some_and(|list| list.starts_with("de")) => {
///         Some(format!("Bitte füllen Sie „{}“ aus.", field.label_text()))
///     }
///     _ => None,
/// }));
/// ```
pub struct Messages(Box<Find>);

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}

type Find = dyn Fn(&Request, &Field, Rule) -> Option<String> + Send + Sync;

impl Messages {
    /// Creates messages with the function `find`.
    pub fn new(find: impl Fn(&Request, &Field, Rule) -> Option<String> + Send + Sync + 'static) -> Self {
        Messages(Box::new(find))
    }

    pub(crate) fn find(&self, req: &Request, field: &Field, rule: Rule) -> Option<String> {
        (self.0)(req, field, rule)
    }
}

/// Returns the default message for a violated rule.
pub(crate) fn default_message(field: &Field, rule: Rule, zone: TimeZone) -> String {
    let number = matches!(field.kind, FieldKind::Integer | FieldKind::Decimal);
    let text = match rule {
        Rule::Required => required(field),
        Rule::Once => "Enter only one value.",
        Rule::Null => "The text contains a null character, which cannot be stored. Please remove it.",
        Rule::OneLine => "Enter a single line.",
        Rule::Kind => return format!("{}{}.", kind(field), range(number, (field.min, field.max), zone)),
        Rule::Range => return format!("{}{}.", kind(field), range(number, displayed_ends(field), zone)),
        Rule::Skipped => "The clocks skip this time, because they are set forward. Enter an earlier or a later one.",
        Rule::Digits => return digits(field.digits.unwrap_or_default()),
        Rule::MinLength => return format!("Enter at least {}.", counted(field.min_length.unwrap_or_default(), "character")),
        Rule::MaxLength => return format!("Enter at most {}.", counted(field.max_length.unwrap_or_default(), "character")),
        Rule::Pattern => "Enter a value in the requested format.",
        Rule::Choices if field.multiple => "Choose from the available options.",
        Rule::Choices => "Choose one of the available options.",
        Rule::Accept => return format!("Choose a file of this type: {}.", field.accept.as_deref().unwrap_or_default()),
        Rule::MaxSize => return format!("Choose a file of at most {}.", size(field.max_size.unwrap_or_default())),
    };
    text.to_owned()
}

/// Describes the digits of a number.
fn digits((max_digits, decimal_places): (u32, u32)) -> String {
    let whole = counted(max_digits.saturating_sub(decimal_places) as usize, "digit");
    match decimal_places {
        0 => format!("Enter a whole number of at most {whole}."),
        _ => format!("Enter a number with at most {whole} before the decimal point and {decimal_places} after it."),
    }
}

fn required(field: &Field) -> &'static str {
    match field.kind {
        FieldKind::File => "Choose a file.",
        FieldKind::Boolean => "Tick this box to continue.",
        _ if field.choices.is_some() && field.multiple => "Choose at least one.",
        _ if field.choices.is_some() => "Choose one.",
        _ => "Fill in this field.",
    }
}

fn kind(field: &Field) -> &'static str {
    match field.kind {
        _ if field.choices.is_some() => "Choose from the available options",
        FieldKind::Email => "Enter an e-mail address, like name@example.com",
        FieldKind::Url => "Enter a web address, like https://example.com",
        FieldKind::Uuid => "Enter a UUID, like 3f2c9b1e-0d6a-4a57-9a6e-1f0c3b7d5e21",
        FieldKind::Integer => "Enter a whole number",
        FieldKind::Decimal => "Enter a number",
        FieldKind::Date => "Enter a date, like 2026-11-21",
        FieldKind::Time => "Enter a time, like 14:30",
        FieldKind::DateTime | FieldKind::Moment => "Enter a date and a time, like 2026-11-21T14:30",
        FieldKind::Boolean => "Answer yes or no",
        FieldKind::File => "Choose a file",
        FieldKind::Text | FieldKind::Password => "Enter a valid value",
    }
}

/// Returns the ends of the range that the message mentions. If the field has its own range, ends that come from the type are
/// left out when they are very large.
fn displayed_ends(field: &Field) -> (Option<Bound>, Option<Bound>) {
    let (min, max) = field.ends();
    if field.min.is_none() && field.max.is_none() {
        return (min, max);
    }
    (min.filter(Bound::is_exact), max.filter(Bound::is_exact))
}

/// Describes the range: " between 1 and 10", ", not before 2026-11-21".
fn range(number: bool, (min, max): (Option<Bound>, Option<Bound>), zone: TimeZone) -> String {
    match (min.map(|min| min.shown_in(zone)), max.map(|max| max.shown_in(zone))) {
        (Some(min), Some(max)) => format!("{} between {min} and {max}", if number { "" } else { "," }),
        (Some(min), None) if number => format!(" of at least {min}"),
        (None, Some(max)) if number => format!(" of at most {max}"),
        (Some(min), None) => format!(", not before {min}"),
        (None, Some(max)) => format!(", not after {max}"),
        (None, None) => String::new(),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Formats a size as `2 MiB`. It is rounded down, so that a file of the displayed size is always accepted.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => counted(bytes as usize, "byte"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}
