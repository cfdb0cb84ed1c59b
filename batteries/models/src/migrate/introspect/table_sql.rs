//! The `CREATE TABLE` of SQLite, in which its checks are.

use crate::migrate::sql::quoted;

/// Returns the checks in the SQL of a table: the name, if it has one, and the condition.
pub(super) fn checks(sql: &str) -> Vec<(Option<String>, &str)> {
    let mut checks = Vec::new();
    let mut name = None;
    let mut at = 0;
    while at < sql.len() {
        let (word, end) = next(sql, at);
        if word.eq_ignore_ascii_case("constraint") {
            let start = skip_space(sql, end);
            let (quoted, after) = next(sql, start);
            name = Some(quoted.trim_matches('"').replace("\"\"", "\""));
            at = after;
            continue;
        }
        if word.eq_ignore_ascii_case("check") {
            let open = skip_space(sql, end);
            if sql[open..].starts_with('(') {
                let close = closing(sql, open);
                checks.push((name.take(), sql[open + 1..close].trim()));
                at = (close + 1).min(sql.len());
                continue;
            }
        }
        if !word.trim().is_empty() {
            name = None;
        }
        at = end;
    }
    checks
}

/// Returns the word, text, name or character at `at`, and the position after it.
fn next(sql: &str, at: usize) -> (&str, usize) {
    let rest = &sql[at..];
    let length = match rest.chars().next() {
        Some(quote @ ('\'' | '"' | '`')) => quoted(rest, quote),
        Some('-') if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
        Some('/') if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
        Some(c) if is_in_word(c) => rest.find(|c| !is_in_word(c)).unwrap_or(rest.len()),
        Some(c) => c.len_utf8(),
        None => 0,
    };
    (&rest[..length], at + length)
}

/// Returns the position of the parenthesis that closes the one at `open`.
fn closing(sql: &str, open: usize) -> usize {
    let mut depth = 0;
    let mut at = open;
    while at < sql.len() {
        let (part, end) = next(sql, at);
        match part {
            "(" => depth += 1,
            ")" if depth == 1 => return at,
            ")" => depth -= 1,
            _ => {}
        }
        at = end;
    }
    sql.len()
}

fn skip_space(sql: &str, at: usize) -> usize {
    sql[at..].find(|c: char| !c.is_whitespace()).map_or(sql.len(), |length| at + length)
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::checks;

    #[test]
    fn checks_are_found_with_their_names() {
        let sql = "CREATE TABLE \"check (\" (\n a TEXT CHECK (length(\"a\") <= 3) CHECK(a IN ('check (', ')')),\n \
                   b INT, -- CHECK (no)\n CONSTRAINT \"x_check\" CHECK (b > (1 + 2)), CONSTRAINT u UNIQUE (a), CHECK (b < 9))";
        let found = checks(sql);
        let found: Vec<(Option<&str>, &str)> = found.iter().map(|(name, condition)| (name.as_deref(), *condition)).collect();
        let expected = [(None, "length(\"a\") <= 3"), (None, "a IN ('check (', ')')"), (Some("x_check"), "b > (1 + 2)"), (None, "b < 9")];
        assert_eq!(found, expected);
    }

    #[test]
    fn broken_sql_is_no_danger() {
        for sql in ["", "CHECK", "CHECK (", "CHECK ((", "CONSTRAINT", "CONSTRAINT \"", "'", "/*", "é CHECK ('é"] {
            checks(sql);
        }
    }
}
