//! The names that `#[form(…)]` accepts.

/// Attributes without a value, and their groups.
pub(crate) const FLAGS: [(&str, Group); 8] = [
    ("email", Group::Kind("Email")),
    ("password", Group::Kind("Password")),
    ("url", Group::Kind("Url")),
    ("textarea", Group::Shown),
    ("hidden", Group::Shown),
    ("radio", Group::Shown),
    ("checkboxes", Group::Shown),
    ("required", Group::Rule),
];

/// A field can have only one attribute of a group, except for [`Rule`](Group::Rule).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// The kind of text, a variant of `FieldKind`.
    Kind(&'static str),
    /// How the field is displayed.
    Shown,
    /// Anything else.
    Rule,
}

/// Attributes with a value. Their names are those of methods of `Field`.
pub(crate) const VALUES: [&str; 13] = [
    "label",
    "help",
    "placeholder",
    "autocomplete",
    "min_length",
    "max_length",
    "range",
    "pattern",
    "choices",
    "accept",
    "max_size",
    "initial",
    "clean",
];

/// The names in `messages(…)`, and the variants of `Rule` that they stand for.
pub(crate) const MESSAGES: [(&str, &str); 14] = [
    ("required", "Required"),
    ("once", "Once"),
    ("null", "Null"),
    ("one_line", "OneLine"),
    ("kind", "Kind"),
    ("range", "Range"),
    ("skipped", "Skipped"),
    ("digits", "Digits"),
    ("min_length", "MinLength"),
    ("max_length", "MaxLength"),
    ("pattern", "Pattern"),
    ("choices", "Choices"),
    ("accept", "Accept"),
    ("max_size", "MaxSize"),
];

/// Attributes that are allowed for texts only.
pub(crate) const TEXT_ONLY: [&str; 7] = ["email", "password", "url", "textarea", "min_length", "max_length", "pattern"];

/// Types other than text, by the last segment of their paths.
pub(crate) const NON_TEXT_TYPES: [&str; 18] = [
    "i8",
    "i16",
    "i32",
    "i64",
    "u8",
    "u16",
    "u32",
    "u64",
    "f32",
    "f64",
    "Decimal",
    "bool",
    "DateTime",
    "NaiveDate",
    "NaiveTime",
    "NaiveDateTime",
    "Uuid",
    "UploadedFile",
];

/// The parts of a form that templates access by name, like its fields.
pub(crate) const RESERVED_NAMES: [&str; 6] = ["html", "summary", "hidden", "enctype", "errors", "fields"];
