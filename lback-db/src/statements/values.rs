//! Shows bound values, and masks those that may be secret.

use lback_core::is_secret_name;

/// Longer texts are shown as their length.
const MAX_TEXT: usize = 64;

/// Returns the bound values of a statement as the log shows them.
///
/// Numbers, booleans and times are shown, texts if they are short, and of bytes and lists only the length. If the statement names
/// anything like a password or a token, its texts are masked, too.
pub(super) fn shown(sql: &str, list: &str) -> String {
    let mut values = split(list).map(str::trim).filter(|value| !value.is_empty()).peekable();
    if values.peek().is_none() {
        return String::new();
    }
    let secret = names_secret(sql);
    let values: Vec<String> = values.map(|value| value_shown(value, secret)).collect();
    format!("[{}]", values.join(", "))
}

/// Returns whether a word of the SQL sounds like a secret.
fn names_secret(sql: &str) -> bool {
    sql.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| !word.is_empty() && is_secret_name(word))
}

fn value_shown(value: &str, secret: bool) -> String {
    if let Some(inner) = value.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')) {
        return value_shown(inner, secret);
    }
    if value == "None" {
        return "NULL".to_owned();
    }
    if value.starts_with('[') {
        return format!("‹{} values›", split(value).filter(|part| !part.trim().is_empty()).count());
    }
    if is_plain(value) {
        return value.to_owned();
    }
    match value.chars().count() {
        _ if secret => "***".to_owned(),
        // Without the quotes.
        length if length > MAX_TEXT + 2 => format!("‹{} characters›", length - 2),
        _ => value.to_owned(),
    }
}

/// Returns whether this is a number, a boolean, or a time.
fn is_plain(value: &str) -> bool {
    let is_number = |c: char| c.is_ascii_digit() || "+-.: TZeEUC".contains(c);
    matches!(value, "true" | "false") || (value.starts_with(|c: char| c.is_ascii_digit() || c == '-') && value.chars().all(is_number))
}

/// Returns the values of a list as `Debug` writes it: `[1, "a, b", [2, 3]]`.
fn split(list: &str) -> impl Iterator<Item = &str> {
    let list = list.strip_prefix('[').and_then(|list| list.strip_suffix(']')).unwrap_or(list);
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    list.split(move |c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth -= 1,
            ',' => return depth == 0,
            _ => {}
        }
        false
    })
}
