//! Splits SQL into its statements.
//!
//! A semicolon ends a statement unless it is in a text, a quoted name, a comment, parentheses (rules of PostgreSQL), or the body of a
//! trigger or function. The rules are those of the databases' own shells: `sqlite3_complete` for SQLite, and
//! psql's scanner (`psqlscan.l`) for PostgreSQL.

use crate::Kind;

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    /// The text, without the semicolon at its end and without comments before it.
    pub(super) text: &'a str,
    /// The line on which it begins, counted from 1.
    pub(super) line: usize,
    words: Words<'a>,
}

impl Statement<'_> {
    /// Returns whether it begins or ends a transaction. Savepoints do not.
    pub(super) fn controls_transaction(&self) -> bool {
        match self.words.at(0).to_ascii_lowercase().as_str() {
            "begin" | "commit" | "end" | "abort" => true,
            "start" | "prepare" => self.words.is(1, "transaction"),
            "rollback" => !(1..3).any(|at| self.words.is(at, "to")),
            _ => false,
        }
    }
}

/// Returns the tokens of SQL, without white space and comments. Quoted names and texts are single tokens, as they were written.
pub(super) fn tokens(sql: &str, kind: Kind) -> Vec<&str> {
    let dialect = Dialect::of(kind);
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < sql.len() {
        let (token, end) = token(sql, at, dialect);
        if token != Token::Space {
            tokens.push(&sql[at..end]);
        }
        at = end;
    }
    tokens
}

/// Returns the statements of `sql`. The last one may lack its semicolon. Comments alone are not a statement.
pub(super) fn statements(sql: &str, kind: Kind) -> Vec<Statement<'_>> {
    let dialect = Dialect::of(kind);
    let mut statements = Vec::new();
    let mut at = 0;
    let (mut line, mut counted) = (1, 0);
    let mut current: Option<Current<'_>> = None;
    while at < sql.len() {
        let (token, end) = token(sql, at, dialect);
        match (token, &mut current) {
            (Token::Space, _) | (Token::Semicolon, None) => {}
            (Token::Semicolon, Some(open)) if open.ends_here(dialect) => {
                statements.extend(current.take().map(|open| open.finish(sql, at)));
            }
            (_, open) => {
                let open = open.get_or_insert_with(|| {
                    line += sql[counted..at].matches('\n').count();
                    counted = at;
                    Current::new(at, line)
                });
                open.add(token, &sql[at..end], end, dialect);
            }
        }
        at = end;
    }
    statements.extend(current.map(|open| {
        let end = open.end;
        open.finish(sql, end)
    }));
    statements
}

/// The syntax of a database.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    fn of(kind: Kind) -> Self {
        if kind.name() == "sqlite" { Dialect::Sqlite } else { Dialect::Postgres }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// White space, or a comment.
    Space,
    Word,
    Semicolon,
    Open,
    Close,
    Other,
}

/// The first words of a statement, which tell its kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Words<'a>([&'a str; 4]);

impl<'a> Words<'a> {
    fn at(&self, index: usize) -> &'a str {
        self.0[index]
    }

    fn is(&self, index: usize, word: &str) -> bool {
        self.0.get(index).is_some_and(|found| found.eq_ignore_ascii_case(word))
    }

    fn is_any(&self, index: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(index, word))
    }
}

/// A statement that has begun.
struct Current<'a> {
    start: usize,
    end: usize,
    line: usize,
    words: Words<'a>,
    count: usize,
    parentheses: usize,
    /// The number of open `BEGIN` and `CASE` in the body of a function of PostgreSQL.
    bodies: usize,
    /// How much of the `; END` that ends a trigger of SQLite has been seen.
    trigger_end: TriggerEnd,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TriggerEnd {
    None,
    Semicolon,
    End,
}

impl<'a> Current<'a> {
    fn new(start: usize, line: usize) -> Self {
        let words = Words::default();
        Current { start, end: start, line, words, count: 0, parentheses: 0, bodies: 0, trigger_end: TriggerEnd::None }
    }

    fn add(&mut self, token: Token, text: &'a str, end: usize, dialect: Dialect) {
        self.end = end;
        self.trigger_end = match (token, self.trigger_end) {
            (Token::Semicolon, _) => TriggerEnd::Semicolon,
            (Token::Word, TriggerEnd::Semicolon) if text.eq_ignore_ascii_case("end") => TriggerEnd::End,
            _ => TriggerEnd::None,
        };
        match token {
            Token::Open => self.parentheses += 1,
            Token::Close => self.parentheses = self.parentheses.saturating_sub(1),
            Token::Word => {
                // EXPLAIN precedes the explained statement.
                let explains = self.count == 0 && dialect == Dialect::Sqlite && text.eq_ignore_ascii_case("explain");
                if !explains && self.count < self.words.0.len() {
                    self.words.0[self.count] = text;
                    self.count += 1;
                }
                if dialect == Dialect::Postgres && self.parentheses == 0 && self.is_function() {
                    self.add_to_body(text);
                }
            }
            _ => {}
        }
    }

    fn add_to_body(&mut self, word: &str) {
        if word.eq_ignore_ascii_case("begin") || (self.bodies > 0 && word.eq_ignore_ascii_case("case")) {
            self.bodies += 1;
        } else if word.eq_ignore_ascii_case("end") {
            self.bodies = self.bodies.saturating_sub(1);
        }
    }

    /// `CREATE [OR REPLACE] FUNCTION`, or `PROCEDURE`, whose body may be `BEGIN ATOMIC … END`.
    fn is_function(&self) -> bool {
        const KINDS: [&str; 2] = ["function", "procedure"];
        let replaces = self.words.is(1, "or") && self.words.is(2, "replace");
        self.words.is(0, "create") && (self.words.is_any(1, &KINDS) || (replaces && self.words.is_any(3, &KINDS)))
    }

    /// `CREATE [TEMP] TRIGGER`, whose body is `BEGIN …; END`.
    fn is_trigger(&self) -> bool {
        let temporary = self.words.is_any(1, &["temp", "temporary"]);
        self.words.is(0, "create") && (self.words.is(1, "trigger") || (temporary && self.words.is(2, "trigger")))
    }

    /// Returns whether a semicolon ends the statement here.
    fn ends_here(&self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Sqlite => !self.is_trigger() || self.trigger_end == TriggerEnd::End,
            Dialect::Postgres => self.parentheses == 0 && self.bodies == 0,
        }
    }

    fn finish(self, sql: &'a str, end: usize) -> Statement<'a> {
        Statement { text: sql[self.start..end].trim_end(), line: self.line, words: self.words }
    }
}

/// Returns the token that begins at `at`, and its end.
fn token(sql: &str, at: usize, dialect: Dialect) -> (Token, usize) {
    let rest = &sql[at..];
    let (token, length) = match rest.as_bytes() {
        [b';', ..] => (Token::Semicolon, 1),
        [b'(', ..] => (Token::Open, 1),
        [b')', ..] => (Token::Close, 1),
        [b'-', b'-', ..] => (Token::Space, rest.find('\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => (Token::Space, comment(rest, dialect)),
        [b'\'', ..] => (Token::Other, quoted(rest, 0, '\'')),
        [b'"', ..] => (Token::Other, quoted(rest, 0, '"')),
        [b'e' | b'E', b'\'', ..] if dialect == Dialect::Postgres => (Token::Other, escaped(rest)),
        [b'`', ..] if dialect == Dialect::Sqlite => (Token::Other, quoted(rest, 0, '`')),
        [b'[', ..] if dialect == Dialect::Sqlite => (Token::Other, rest.find(']').map_or(rest.len(), |end| end + 1)),
        [b'$', ..] if dialect == Dialect::Postgres => (Token::Other, dollar_quoted(rest)),
        _ => plain(rest),
    };
    (token, at + length)
}

/// A word, white space, or a single other character.
fn plain(rest: &str) -> (Token, usize) {
    let length_of = |fits: fn(char) -> bool| rest.find(|c| !fits(c)).unwrap_or(rest.len());
    match rest.chars().next() {
        // A file that was joined from several may have the byte order mark of each.
        Some(c) if is_space(c) => (Token::Space, length_of(is_space)),
        Some(c) if is_in_word(c) => (Token::Word, length_of(|c| is_in_word(c) || c == '$')),
        Some(c) => (Token::Other, c.len_utf8()),
        None => (Token::Space, 0),
    }
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

fn is_in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || (!c.is_ascii() && !is_space(c))
}

/// Returns the length of a comment, which may be nested in PostgreSQL. An unclosed comment extends to the end.
fn comment(rest: &str, dialect: Dialect) -> usize {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (2, 1);
    while at < bytes.len() {
        match bytes[at..] {
            [b'*', b'/', ..] => {
                (at, depth) = (at + 2, depth - 1);
                if depth == 0 {
                    return at;
                }
            }
            [b'/', b'*', ..] if dialect == Dialect::Postgres => (at, depth) = (at + 2, depth + 1),
            _ => at += 1,
        }
    }
    rest.len()
}

/// Returns the length of a quoted text or name that begins at `start`; two quotes stand for one.
fn quoted(rest: &str, start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while let Some(found) = rest[at..].find(quote) {
        at += found + 1;
        if !rest[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    rest.len()
}

/// Returns the length of `E'…'`, in which a backslash escapes a quote.
fn escaped(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 2;
    while at < bytes.len() {
        match bytes[at..] {
            [b'\\', _, ..] | [b'\'', b'\'', ..] => at += 2,
            [b'\'', ..] => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Returns the length of `$tag$…$tag$`, or of a `$` that begins something else.
fn dollar_quoted(rest: &str) -> usize {
    let Some(tag) = rest[1..].find('$').map(|end| &rest[..end + 2]) else { return 1 };
    let name = &tag[1..tag.len() - 1];
    if name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(is_in_word) {
        return 1;
    }
    rest[tag.len()..].find(tag).map_or(rest.len(), |end| end + 2 * tag.len())
}

#[cfg(test)]
mod tests;
