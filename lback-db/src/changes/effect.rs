//! The changes that a statement makes, as far as its SQL shows.

use super::words::{Word, words};

/// The ways in which rows of a table change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verbs {
    /// Rows are added.
    pub inserts: bool,
    /// Rows get other values.
    pub updates: bool,
    /// Rows are removed.
    pub deletes: bool,
}

impl Verbs {
    pub(super) const INSERT: Verbs = Verbs { inserts: true, updates: false, deletes: false };
    pub(super) const UPDATE: Verbs = Verbs { inserts: false, updates: true, deletes: false };
    pub(super) const DELETE: Verbs = Verbs { inserts: false, updates: false, deletes: true };
    const ALL: Verbs = Verbs { inserts: true, updates: true, deletes: true };

    pub(super) fn and(self, other: Verbs) -> Verbs {
        Verbs { inserts: self.inserts || other.inserts, updates: self.updates || other.updates, deletes: self.deletes || other.deletes }
    }
}

/// The changes that a statement makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// The tables that it names, without their schemas.
    pub(super) tables: Vec<(String, Verbs)>,
    /// The functions that it calls, which may change tables as well. Functions of SQLite cannot.
    pub(super) calls: Vec<String>,
    /// `true` if it may change anything.
    pub(super) everything: bool,
}

/// Beginnings of statements that change no rows.
const HARMLESS: [&str; 21] = [
    "analyze",
    "begin",
    "checkpoint",
    "close",
    "commit",
    "deallocate",
    "declare",
    "discard",
    "end",
    "fetch",
    "listen",
    "lock",
    "notify",
    "pragma",
    "release",
    "reset",
    "rollback",
    "savepoint",
    "set",
    "show",
    "unlisten",
];

/// Beginnings of statements whose tables are looked for.
const KNOWN: [&str; 9] = ["select", "values", "table", "with", "insert", "replace", "update", "delete", "merge"];

impl Effect {
    const EVERYTHING: Effect = Effect { tables: Vec::new(), calls: Vec::new(), everything: true };

    /// Returns what the SQL of a statement for PostgreSQL or SQLite changes.
    pub(crate) fn of(sql: &str, is_server: bool) -> Self {
        let Some(words) = words(sql, !is_server) else { return Effect::EVERYTHING };
        let mut effect = Effect::default();
        for statement in words.split(|word| *word == Word::Sign(';')) {
            effect.add(statement, is_server);
        }
        effect
    }

    pub(crate) fn is_none(&self) -> bool {
        self.tables.is_empty() && self.calls.is_empty() && !self.everything
    }

    fn add(&mut self, words: &[Word], is_server: bool) {
        let Some(Word::Plain(first)) = words.iter().find(|word| **word != Word::Sign('(')) else {
            self.everything |= !words.is_empty();
            return;
        };
        let first = first.as_str();
        if HARMLESS.contains(&first) || (first == "explain" && !words.iter().any(|word| word.is("analyze"))) {
            return;
        }
        if !KNOWN.contains(&first) || self.add_tables(words).is_none() {
            *self = Effect::EVERYTHING;
        }
        if is_server && !self.everything {
            self.add_calls(words);
        }
    }

    /// Adds the tables that the statement changes. Returns `None` if one cannot be told.
    fn add_tables(&mut self, words: &[Word]) -> Option<()> {
        let mut inserts_into = None;
        for (at, word) in words.iter().enumerate() {
            let Word::Plain(word) = word else { continue };
            let before = at.checked_sub(1).and_then(|before| words.get(before));
            let follows = |other: &str| before.is_some_and(|before| before.is(other));
            let next = &words[at + 1..];
            // A column of a table: `posts.update`.
            if before == Some(&Word::Sign('.')) {
                continue;
            }
            match word.as_str() {
                // Followed by a parenthesis, this is the function of that name.
                "replace" if next.first() == Some(&Word::Sign('(')) || follows("or") => {}
                "insert" | "replace" | "merge" => {
                    let into = next.iter().position(|word| word.is("into")).filter(|into| [0, 2].contains(into))?;
                    let verbs = match word.as_str() {
                        "insert" if into == 0 => Verbs::INSERT,
                        "insert" if next.get(1).is_some_and(|word| word.is("replace")) => Verbs::ALL,
                        "insert" => Verbs::INSERT,
                        _ => Verbs::ALL,
                    };
                    let table = target(&next[into + 1..])?;
                    inserts_into = Some(table.clone());
                    self.tables.push((table, verbs));
                }
                // ON CONFLICT DO UPDATE, and a lock.
                "update" if follows("do") => self.tables.push((inserts_into.clone()?, Verbs::UPDATE)),
                "update" if follows("for") || follows("key") => {}
                // WHEN MATCHED THEN …
                "update" | "delete" if follows("then") => {}
                "update" => {
                    let name = if next.first().is_some_and(|word| word.is("or")) { next.get(2..)? } else { next };
                    self.tables.push((target(name)?, Verbs::UPDATE));
                }
                "delete" => {
                    next.first().filter(|word| word.is("from"))?;
                    self.tables.push((target(&next[1..])?, Verbs::DELETE));
                }
                // SELECT … INTO makes a table.
                "into" if !(follows("insert") || follows("merge") || is_conflict_word(before)) => return None,
                "truncate" => return None,
                _ => {}
            }
        }
        Some(())
    }

    fn add_calls(&mut self, words: &[Word]) {
        for pair in words.windows(2) {
            if let [name, Word::Sign('(')] = pair
                && let Some(name) = name.name()
                && !is_known_function(name)
                && !self.calls.iter().any(|known| known == name)
            {
                self.calls.push(name.to_owned());
            }
        }
    }
}

/// Returns whether the word is in front of INTO in SQLite's `INSERT OR REPLACE INTO` and `REPLACE INTO`.
fn is_conflict_word(word: Option<&Word>) -> bool {
    word.is_some_and(|word| ["replace", "rollback", "abort", "fail", "ignore"].iter().any(|conflict| word.is(conflict)))
}

/// Returns the name of the table at the beginning, without its schema.
fn target(words: &[Word]) -> Option<String> {
    let words = if words.first()?.is("only") { words.get(1..)? } else { words };
    let mut name = words.first()?.name()?;
    let mut rest = words.get(1..)?;
    while let [Word::Sign('.'), part, ..] = rest {
        name = part.name()?;
        rest = rest.get(2..)?;
    }
    Some(name.to_owned())
}

#[cfg(feature = "postgres")]
fn is_known_function(name: &str) -> bool {
    const KEYWORDS: [&str; 13] = ["in", "as", "and", "or", "not", "on", "over", "filter", "conflict", "set", "returning", "using", "where"];
    KEYWORDS.contains(&name) || crate::postgres::is_known_function(name)
}

#[cfg(not(feature = "postgres"))]
fn is_known_function(_: &str) -> bool {
    true
}
