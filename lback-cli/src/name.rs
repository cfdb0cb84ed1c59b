//! Which names projects, apps and migrations may have.

use crate::error::{Error, Result};

/// What is named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A project: the name of a cargo package.
    Project,
    /// An app: the name of a module, a folder and a path.
    App,
    /// A migration: the end of a folder's name.
    Migration,
}

/// Words that Rust keeps for itself, in any edition.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum", "extern",
    "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv",
    "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// Names that mean something else to Rust, to cargo, or to a project's own code.
const TAKEN: &[&str] =
    &["alloc", "build", "core", "deps", "diesel", "examples", "incremental", "proc_macro", "serde", "std", "test", "tests"];

/// Files that a project has in `src`.
const MODULES: &[&str] = &["main", "lib", "urls", "views", "models", "bin"];

/// Names that a file cannot have on Windows.
const DEVICES: &[&str] = &["aux", "con", "nul", "prn"];

const LONGEST: usize = 64;

/// Refuses a name that would not work, says why, and offers one that would.
pub fn check(kind: Kind, name: &str) -> Result<()> {
    let Some(reason) = fault(kind, name) else { return Ok(()) };
    let (what, allowed) = match kind {
        Kind::Project => ("a project", "lower-case letters, digits, - and _, beginning with a letter"),
        Kind::App => ("an app", "lower-case letters, digits and _, beginning with a letter"),
        Kind::Migration => ("a migration", "lower-case letters, digits and _, beginning with a letter"),
    };
    let cleaned = cleaned(kind, name);
    Err(Error::new(format!("{name:?} cannot be the name of {what}: {reason}"), format!("A name has {allowed}, such as: {cleaned}")))
}

/// What is wrong with a name.
fn fault(kind: Kind, name: &str) -> Option<String> {
    if name.contains(['/', '\\']) {
        return Some(if kind == Kind::Project { "it is a path; the folder is the second argument" } else { "it is a path" }.to_owned());
    }
    if let Some(wrong) = name.chars().find(|&c| !allowed(kind, c)) {
        return Some(if wrong.is_ascii_uppercase() {
            format!("it has the capital {wrong}")
        } else {
            format!("it has the character {wrong:?}")
        });
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it does not begin with a letter".to_owned());
    }
    if name.len() > LONGEST {
        return Some(format!("it is longer than {LONGEST} letters"));
    }
    if kind == Kind::Migration {
        return None;
    }
    let plain = name.replace('-', "_");
    if KEYWORDS.contains(&plain.as_str()) {
        return Some("it is a keyword of Rust".to_owned());
    }
    let module = kind == Kind::App && MODULES.contains(&name);
    if module || TAKEN.contains(&plain.as_str()) || DEVICES.contains(&name) || plain.starts_with("lback") {
        return Some("the name is taken, and would stand for two things".to_owned());
    }
    None
}

fn allowed(kind: Kind, c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || (c == '-' && kind == Kind::Project)
}

/// The nearest name that is allowed.
fn cleaned(kind: Kind, name: &str) -> String {
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
    cleaned.truncate(LONGEST);
    let (suffix, fallback) = match kind {
        Kind::Project => ("my_", "mysite"),
        Kind::App => ("my_", "blog"),
        Kind::Migration => ("", "add_author_to_posts"),
    };
    if cleaned.is_empty() {
        return fallback.to_owned();
    }
    if fault(kind, &cleaned).is_some() {
        cleaned.insert_str(0, suffix);
        cleaned.truncate(LONGEST);
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_is_allowed() {
        let names =
            ["Mein Blog", "café", "9lives", "a/b/", "match", "test", "lback-shop", "日本", "", "-x-", "MOD", "con", "..", &"x".repeat(99)];
        for name in names {
            for kind in [Kind::Project, Kind::App, Kind::Migration] {
                let offered = cleaned(kind, name);
                assert!(fault(kind, &offered).is_none(), "{name:?}: {offered:?}");
            }
        }
        assert_eq!(cleaned(Kind::Project, "Mein Blog"), "mein_blog");
        assert_eq!(cleaned(Kind::App, "my-blog"), "my_blog");
    }

    #[test]
    fn names_that_work_pass() {
        for name in ["mysite", "my-site", "my_site2", "a"] {
            assert!(fault(Kind::Project, name).is_none(), "{name}");
        }
        assert!(fault(Kind::App, "my-blog").is_some());
        assert!(fault(Kind::App, "views").is_some());
        assert!(fault(Kind::Migration, "create").is_none());
    }
}
