//! Validates the names of projects, apps and migrations.

use crate::error::{Error, Result};

/// The kind of thing that has a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A project. Its name is also that of a cargo package.
    Project,
    /// An app. Its name is also that of a module, a folder and a path.
    App,
    /// A migration. Its name is the end of a folder name.
    Migration,
}

/// Rust keywords, of any edition.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum", "extern",
    "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv",
    "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// Names with another meaning in Rust, in cargo, or in the project's code.
const TAKEN: &[&str] =
    &["alloc", "build", "core", "deps", "diesel", "examples", "incremental", "proc_macro", "serde", "std", "test", "tests"];

/// Modules that a project has in `src`.
const MODULES: &[&str] = &["main", "lib", "urls", "views", "models", "bin"];

/// Names that files cannot have on Windows.
const DEVICES: &[&str] = &["aux", "con", "nul", "prn"];

const MAX_LENGTH: usize = 64;

/// Returns an error for an invalid name, with the reason and a valid suggestion.
pub fn check(kind: Kind, name: &str) -> Result<()> {
    let Some(reason) = problem(kind, name) else { return Ok(()) };
    let (what, allowed) = match kind {
        Kind::Project => ("a project", "lower-case letters, digits, - and _, beginning with a letter"),
        Kind::App => ("an app", "lower-case letters, digits and _, beginning with a letter"),
        Kind::Migration => ("a migration", "lower-case letters, digits and _, beginning with a letter"),
    };
    let cleaned = suggestion(kind, name);
    Err(Error::new(format!("{name:?} cannot be the name of {what}: {reason}"), format!("Use {allowed}, for example: {cleaned}")))
}

/// Returns the problem with an invalid name.
fn problem(kind: Kind, name: &str) -> Option<String> {
    if name.contains(['/', '\\']) {
        return Some(
            if kind == Kind::Project { "it is a path; pass the folder as the second argument" } else { "it is a path" }.to_owned(),
        );
    }
    if let Some(wrong) = name.chars().find(|&c| !allowed(kind, c)) {
        return Some(if wrong.is_ascii_uppercase() {
            format!("it contains the capital letter {wrong}")
        } else {
            format!("it contains the character {wrong:?}")
        });
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it does not begin with a letter".to_owned());
    }
    if name.len() > MAX_LENGTH {
        return Some(format!("it is longer than {MAX_LENGTH} characters"));
    }
    if kind == Kind::Migration {
        return None;
    }
    let plain = name.replace('-', "_");
    if KEYWORDS.contains(&plain.as_str()) {
        return Some("it is a Rust keyword".to_owned());
    }
    let module = kind == Kind::App && MODULES.contains(&name);
    if module || TAKEN.contains(&plain.as_str()) || DEVICES.contains(&name) || plain.starts_with("lback") {
        return Some("it is already taken, and would be ambiguous".to_owned());
    }
    None
}

fn allowed(kind: Kind, c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || (c == '-' && kind == Kind::Project)
}

/// Returns a similar name that is valid.
fn suggestion(kind: Kind, name: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default();
    let mut cleaned = String::new();
    for c in last.chars().map(|c| c.to_ascii_lowercase()) {
        if allowed(kind, c) {
            cleaned.push(c);
        } else if !cleaned.ends_with(['-', '_']) {
            cleaned.push('_');
        }
    }
    let mut cleaned = cleaned.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches(['-', '_']).to_owned();
    cleaned.truncate(MAX_LENGTH);
    let (prefix, fallback) = match kind {
        Kind::Project => ("my_", "mysite"),
        Kind::App => ("my_", "blog"),
        Kind::Migration => ("", "add_author_to_posts"),
    };
    if cleaned.is_empty() {
        return fallback.to_owned();
    }
    if problem(kind, &cleaned).is_some() {
        cleaned.insert_str(0, prefix);
        cleaned.truncate(MAX_LENGTH);
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_valid() {
        let names =
            ["Mein Blog", "café", "9lives", "a/b/", "match", "test", "lback-shop", "日本", "", "-x-", "MOD", "con", "..", &"x".repeat(99)];
        for name in names {
            for kind in [Kind::Project, Kind::App, Kind::Migration] {
                let suggested = suggestion(kind, name);
                assert!(problem(kind, &suggested).is_none(), "{name:?}: {suggested:?}");
            }
        }
        assert_eq!(suggestion(Kind::Project, "Mein Blog"), "mein_blog");
        assert_eq!(suggestion(Kind::App, "my-blog"), "my_blog");
    }

    #[test]
    fn valid_names_are_accepted() {
        for name in ["mysite", "my-site", "my_site2", "a"] {
            assert!(problem(Kind::Project, name).is_none(), "{name}");
        }
        assert!(problem(Kind::App, "my-blog").is_some());
        assert!(problem(Kind::App, "views").is_some());
        assert!(problem(Kind::Migration, "create").is_none());
    }
}
