//! Splits SQL into words, as far as the search for changed tables needs them.

/// A word of SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A keyword or a name without quotes, in lower case.
    Plain(String),
    /// A name in quotes, in lower case: two tables whose names differ only in case count as one.
    Quoted(String),
    /// Any other character that is not part of a value.
    Sign(char),
}

impl Word {
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self, Word::Plain(plain) if plain == word)
    }

    /// Returns the name that the word may be.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Word::Plain(name) | Word::Quoted(name) => Some(name),
            Word::Sign(_) => None,
        }
    }
}

/// Returns the words of the SQL, without values and comments. `None` if the SQL cannot be split with certainty. Brackets are quotes in
/// SQLite.
pub(super) fn words(sql: &str, brackets_quote: bool) -> Option<Vec<Word>> {
    let bytes = sql.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &sql[at..];
        at += match byte {
            byte if byte.is_ascii_whitespace() => 1,
            b'-' if rest.starts_with("--") => line_comment(rest)?,
            b'/' if rest.starts_with("/*") => comment(rest)?,
            b'\'' => quoted(rest, '\'')?.1,
            b'"' | b'`' => {
                let (name, length) = quoted(rest, char::from(byte))?;
                words.push(Word::Quoted(name));
                length
            }
            b'[' if brackets_quote => {
                let length = rest.find(']')? + 1;
                words.push(Word::Quoted(rest[1..length - 1].to_lowercase()));
                length
            }
            // A parameter, or a text in dollar signs, which may contain anything.
            b'$' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => 1 + digits(&bytes[at + 1..]),
            b'$' => return None,
            b'0'..=b'9' => digits(&bytes[at..]),
            byte if byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii() => {
                let length = rest.find(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
                // E'…' and U&'…' are texts with escapes.
                let escapes = matches!(bytes.get(at + length), Some(b'\'')) || rest[length..].starts_with("&'");
                if escapes && !rest[..length].eq_ignore_ascii_case("x") && length == 1 {
                    return None;
                }
                words.push(Word::Plain(rest[..length].to_lowercase()));
                length
            }
            byte => {
                words.push(Word::Sign(char::from(byte)));
                1
            }
        };
    }
    Some(words)
}

/// Returns what is in the quotes at the beginning, in lower case, and its length with the quotes.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            // A setting of the server decides whether this is an escape.
            '\\' if quote == '\'' => return None,
            c if c == quote && chars.peek().is_some_and(|(_, next)| *next == quote) => {
                chars.next();
                name.push(c);
            }
            c if c == quote => return Some((name.to_lowercase(), at + 1)),
            c => name.push(c),
        }
    }
    None
}

/// Returns the length of the comment up to the end of its line. A carriage return alone ends it in PostgreSQL, but not in SQLite.
fn line_comment(text: &str) -> Option<usize> {
    let length = text.find('\n').unwrap_or(text.len());
    (!text[..length].trim_end_matches('\r').contains('\r')).then_some(length)
}

/// Returns the length of the comment at the beginning. In PostgreSQL, comments nest; SQLite ends them at the first `*/`.
fn comment(text: &str) -> Option<usize> {
    let length = text.find("*/")? + 2;
    (!text[2..length].contains("/*")).then_some(length)
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}
