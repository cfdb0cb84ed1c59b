//! Path patterns: `/posts/{id:int}`.

use std::fmt::{self, Write as _};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Parameter { name: String, kind: Kind },
}

/// The type of a parameter. Routes of the same shape are tried in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Int,
    Uuid,
    Slug,
    Str,
    Path,
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "int" => Kind::Int,
            "uuid" => Kind::Uuid,
            "slug" => Kind::Slug,
            "str" => Kind::Str,
            "path" => Kind::Path,
            _ => return None,
        })
    }

    pub(crate) fn accepts(self, value: &str) -> bool {
        match self {
            Kind::Int => !value.starts_with('+') && value.parse::<i64>().is_ok(),
            Kind::Uuid => value.len() == 36 && Uuid::try_parse(value).is_ok(),
            Kind::Slug => !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
            // Neither can lead out of a folder to which a view joins it.
            Kind::Str | Kind::Path => value.split('/').all(|segment| !segment.is_empty()) && !leaves_folder(value),
        }
    }

    fn expectation(self) -> &'static str {
        match self {
            Kind::Int => "a whole number",
            Kind::Uuid => "a UUID with hyphens",
            Kind::Slug => "ASCII letters, digits, hyphens and underscores",
            Kind::Str | Kind::Path => "non-empty text without a slash at either end or two slashes in a row",
        }
    }
}

/// Returns whether a segment is `.` or `..`.
fn leaves_folder(value: &str) -> bool {
    value.split(['/', '\\']).any(|segment| segment == "." || segment == "..")
}

/// The characters that must be escaped in a segment of a path (RFC 3986, `pchar`).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

const PATH: &AsciiSet = &SEGMENT.remove(b'/');

impl Pattern {
    /// Parses a pattern; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("the pattern \"{text}\" must start with a slash: \"/{text}\""));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(open);
            let Some((inside, after)) = from.strip_prefix('{').and_then(|from| from.split_once('}')) else {
                return Err(format!("the pattern \"{text}\" has an unmatched brace; write a parameter as {{name}} or {{name:int}}"));
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(parameter(inside).map_err(|why| format!("the pattern \"{text}\": {why}"))?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let pattern = Pattern { text: text.to_owned(), parts };
        pattern.check()?;
        Ok(pattern)
    }

    fn check(&self) -> Result<(), String> {
        let text = &self.text;
        for (at, (name, _)) in self.parameters().enumerate() {
            if self.parameters().take(at).any(|(other, _)| other == name) {
                return Err(format!("the pattern \"{text}\" uses the parameter {name} twice; give each its own name"));
            }
        }
        for segment in text.split('/') {
            if segment.matches('{').count() > 1 {
                return Err(format!("the pattern \"{text}\" has two parameters in one segment; put a slash between them"));
            }
        }
        for (at, part) in self.parts.iter().enumerate() {
            if let Part::Parameter { name, kind: Kind::Path } = part {
                let after_slash = matches!(self.parts.get(at.wrapping_sub(1)), Some(Part::Text(before)) if before.ends_with('/'));
                if at + 1 != self.parts.len() || !after_slash {
                    return Err(format!(
                        "the pattern \"{text}\": {{{name}:path}} matches whole segments up to the end, so it must come last, after a slash"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Returns the pattern as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the pattern `text` below `prefix`. The pattern `/` means the prefix itself.
    pub(crate) fn text_below(prefix: &str, text: &str) -> String {
        match text {
            "/" if !prefix.is_empty() => prefix.to_owned(),
            _ => format!("{}{text}", prefix.strip_suffix('/').unwrap_or(prefix)),
        }
    }

    /// Returns the names and types of the parameters, in order.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Parameter { name, kind } => Some((name.as_str(), *kind)),
            Part::Text(_) => None,
        })
    }

    /// Returns the pattern in the syntax of `matchit`, with numbered parameters: patterns of the same shape become the same
    /// text.
    pub(crate) fn shape(&self) -> String {
        let mut shape = String::new();
        let mut number = 0;
        for part in &self.parts {
            match part {
                // Paths are matched with percent signs still encoded.
                Part::Text(text) => shape.push_str(&text.replace('%', "%25")),
                Part::Parameter { kind, .. } => {
                    let star = if *kind == Kind::Path { "*" } else { "" };
                    let _ = write!(shape, "{{{star}p{number}}}");
                    number += 1;
                }
            }
        }
        shape
    }

    /// Returns the path of this pattern with `params` filled in. The error says what is missing or invalid.
    pub(crate) fn fill(&self, params: &[(&str, &dyn fmt::Display)]) -> Result<String, String> {
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => path.extend(utf8_percent_encode(text, PATH)),
                Part::Parameter { name, kind } => {
                    let Some((_, value)) = params.iter().find(|(key, _)| key == name) else {
                        return Err(format!("the parameter \"{name}\" of {} is missing", self.text));
                    };
                    let value = value.to_string();
                    if leaves_folder(&value) {
                        return Err(format!(
                            "the parameter \"{name}\" of {} is \"{value}\", which a browser treats as another folder",
                            self.text
                        ));
                    }
                    if !kind.accepts(&value) {
                        return Err(format!(
                            "the parameter \"{name}\" of {} should be {}, but is \"{value}\"",
                            self.text,
                            kind.expectation()
                        ));
                    }
                    path.extend(utf8_percent_encode(&value, if *kind == Kind::Path { PATH } else { SEGMENT }));
                }
            }
        }
        if path.starts_with("//") {
            return Err(format!("the path {path} would lead to another host"));
        }
        let mut separator = '?';
        for (name, value) in params {
            if self.parameters().all(|(parameter, _)| parameter != *name) {
                let value = value.to_string();
                let _ = write!(
                    path,
                    "{separator}{}={}",
                    utf8_percent_encode(name, NON_ALPHANUMERIC),
                    utf8_percent_encode(&value, NON_ALPHANUMERIC)
                );
                separator = '&';
            }
        }
        Ok(path)
    }
}

fn parameter(inside: &str) -> Result<Part, String> {
    let (name, kind) = inside.split_once(':').unwrap_or((inside, "str"));
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(format!("\"{name}\" is not a valid parameter name: use letters, digits and underscores"));
    }
    let Some(kind) = Kind::parse(kind) else {
        return Err(format!("{{{inside}}} has the unknown type \"{kind}\"; use int, uuid, slug, str or path"));
    };
    Ok(Part::Parameter { name: name.to_owned(), kind })
}
