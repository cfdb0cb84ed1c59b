//! Decides from the SQL of a statement whether it only reads, so that it needs no transaction.
//!
//! Everything that is not known to be harmless counts as a statement that needs one: an unknown function may have side effects, and
//! a text that this module cannot split into words with certainty may mean something else to the server. SQL does not show what views,
//! operators, casts and row-level security policies call, nor a function of the application's own that has the name of a listed one
//! and other types of arguments, or that is written like a column (`users.touched`).

mod functions;

pub(crate) use self::functions::is_known as is_known_function;

#[cfg(test)]
mod tests;

/// What is before a parenthesis, which decides whether the parenthesis belongs to a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A keyword, or a name without quotes.
    Word(&'a str),
    /// A word after a dot: a column, or a function of a schema.
    Qualified,
    /// A name in quotes.
    Quoted,
    /// A number, a text, a bind, or a closing parenthesis or bracket.
    Value,
    /// An operator, a comma, an opening parenthesis, or the beginning.
    Other,
}

/// Words that lock rows, create a table, write, or depend on the time at which the transaction began.
const FORBIDDEN: [&str; 11] = [
    "for",
    "into",
    "insert",
    "update",
    "delete",
    "merge",
    "current_timestamp",
    "current_time",
    "current_date",
    "localtimestamp",
    "localtime",
];

/// Reserved words that PostgreSQL never takes for the name of a function.
const KEYWORDS: [&str; 27] = [
    "all",
    "and",
    "any",
    "array",
    "as",
    "case",
    "cast",
    "distinct",
    "else",
    "except",
    "from",
    "having",
    "in",
    "intersect",
    "lateral",
    "limit",
    "not",
    "offset",
    "on",
    "or",
    "select",
    "some",
    "then",
    "union",
    "using",
    "when",
    "where",
];

/// Returns whether the statement is a `SELECT` that locks nothing, writes nothing, and calls only functions that are known to have no
/// side effects.
pub(super) fn is_plain_read(sql: &str) -> bool {
    let first = sql.trim_ascii_start().trim_start_matches('(').trim_ascii_start();
    let first = first.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    (first.eq_ignore_ascii_case("select") || first.eq_ignore_ascii_case("with")) && only_calls_known_functions(&sql.to_ascii_lowercase())
}

fn only_calls_known_functions(sql: &str) -> bool {
    let bytes = sql.as_bytes();
    let (mut before, mut last) = (Token::Other, Token::Other);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        let (token, length) = match byte {
            // PostgreSQL counts other spaces than these as parts of names.
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => (None, 1),
            b'\'' | b'"' => match quoted(&bytes[at..]) {
                Some(length) => (Some(if byte == b'"' { Token::Quoted } else { Token::Value }), length),
                None => return false,
            },
            // An escape of some texts and not of others, a second statement, a comment, and a text in dollar signs.
            b'\\' | b';' => return false,
            b'-' if next == Some(b'-') => return false,
            b'/' if next == Some(b'*') => return false,
            b'$' if next.is_none_or(|next| !next.is_ascii_digit()) => return false,
            b'$' => (Some(Token::Value), 1 + digits(&bytes[at + 1..])),
            // A name may follow a number without a space.
            b'0'..=b'9' => (Some(Token::Value), digits(&bytes[at..])),
            b'a'..=b'z' | b'_' => {
                let length = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')).count();
                let word = &sql[at..at + length];
                if FORBIDDEN.contains(&word) {
                    return false;
                }
                let qualified = at > 0 && last == Token::Other && sql[..at].trim_ascii_end().ends_with('.');
                (Some(if qualified { Token::Qualified } else { Token::Word(word) }), length)
            }
            b'(' if !may_precede_parenthesis(before, last) => return false,
            b')' | b']' => (Some(Token::Value), 1),
            byte if byte.is_ascii() && !byte.is_ascii_control() => (Some(Token::Other), 1),
            _ => return false,
        };
        if let Some(token) = token {
            (before, last) = (last, token);
        }
        at += length;
    }
    true
}

/// Returns whether a parenthesis after `last`, and `before` in front of that, calls no function, or one that is known.
fn may_precede_parenthesis(before: Token<'_>, last: Token<'_>) -> bool {
    match last {
        Token::Other | Token::Value => true,
        Token::Word(word) if KEYWORDS.contains(&word) || functions::is_known(word) => true,
        // These are keywords in their places, and may be names of functions elsewhere.
        Token::Word("by") => matches!(before, Token::Word("group" | "order" | "partition")),
        Token::Word("over" | "filter") => before == Token::Value,
        Token::Word("group") => before == Token::Word("within"),
        Token::Word("join") => match before {
            Token::Word(word) => !KEYWORDS.contains(&word),
            before => before != Token::Other,
        },
        Token::Word("like" | "ilike" | "between") => before != Token::Other,
        Token::Quoted | Token::Qualified | Token::Word(_) => false,
    }
}

/// Returns the length of a text or a name in quotes. A quote in it is written twice, which looks like two that touch each other.
fn quoted(bytes: &[u8]) -> Option<usize> {
    let inside = &bytes[1..];
    // Whether a backslash escapes a quote depends on a setting and on what is in front of the text.
    let end = inside.iter().position(|byte| *byte == bytes[0] || *byte == b'\\')?;
    (inside[end] == bytes[0]).then_some(end + 2)
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}
