//! The names that stand in `#[form(…)]`.

/// What is said in one word: the word, and the calls that it makes.
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

/// Of most groups a field can have one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// What kind of text it is, a variant of `Kind`.
    Kind(&'static str),
    /// How it is shown.
    Shown,
    /// Anything else.
    Rule,
}

/// What has a value: the name, which is that of the method of `Field`.
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

/// The names in `messages(…)` and the variants of `Rule` that they mean.
pub(crate) const MESSAGES: [(&str, &str); 12] = [
    ("required", "Required"),
    ("once", "Once"),
    ("null", "Null"),
    ("one_line", "OneLine"),
    ("kind", "Kind"),
    ("range", "Range"),
    ("min_length", "MinLength"),
    ("max_length", "MaxLength"),
    ("pattern", "Pattern"),
    ("choices", "Choices"),
    ("accept", "Accept"),
    ("max_size", "MaxSize"),
];

/// What only texts can have.
pub(crate) const FOR_TEXTS: [&str; 7] = ["email", "password", "url", "textarea", "min_length", "max_length", "pattern"];

/// Types that are no texts, by the last part of their names.
pub(crate) const NO_TEXTS: [&str; 16] = [
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
    "bool",
    "NaiveDate",
    "NaiveTime",
    "NaiveDateTime",
    "Uuid",
    "UploadedFile",
];

/// What a template finds in a form besides its fields.
pub(crate) const OF_FORMS: [&str; 6] = ["html", "summary", "hidden", "enctype", "errors", "fields"];
