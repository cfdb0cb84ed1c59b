//! Constant defaults of columns.

use crate::meta::Kind;
use crate::migrate::DefaultValue;

/// Parses the default of a column, as a catalog shows it. Returns `None` if it is not a constant.
pub(super) fn parse(sql: &str, kind: Kind) -> Option<DefaultValue> {
    let sql = sql.trim();
    let is_bytes = kind == Kind::Bytes;
    if let Some(digits) = sql.strip_prefix("X'").or_else(|| sql.strip_prefix("x'")).filter(|_| is_bytes) {
        return Some(DefaultValue::Text(digits.trim_end_matches('\'').to_owned()));
    }
    if sql.starts_with('\'') {
        let (text, rest) = unquoted(sql)?;
        // PostgreSQL adds the type: 'draft'::character varying.
        if !(rest.is_empty() || rest.starts_with("::")) {
            return None;
        }
        return Some(number(&text, kind).unwrap_or(DefaultValue::Text(text)));
    }
    let sql = sql.split("::").next().unwrap_or(sql).trim_matches(['(', ')']);
    match sql.to_ascii_lowercase().as_str() {
        "true" => Some(DefaultValue::Bool(true)),
        "false" => Some(DefaultValue::Bool(false)),
        _ => any_number(sql),
    }
}

/// Returns the number in a text if the column has numbers.
fn number(text: &str, kind: Kind) -> Option<DefaultValue> {
    match kind {
        Kind::SmallInt | Kind::Integer | Kind::BigInt | Kind::Duration | Kind::Float | Kind::Double | Kind::Decimal => any_number(text),
        _ => None,
    }
}

fn any_number(text: &str) -> Option<DefaultValue> {
    let whole = text.parse().map(DefaultValue::Int);
    whole.or_else(|_| text.parse().map(DefaultValue::Real)).ok()
}

/// Returns the text in single quotes at the beginning, and what follows.
pub(super) fn unquoted(sql: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut rest = sql.strip_prefix('\'')?;
    loop {
        let end = rest.find('\'')?;
        text += &rest[..end];
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                text.push('\'');
                rest = after;
            }
            None => return Some((text, rest)),
        }
    }
}

/// Returns all texts in single quotes.
pub(super) fn all_unquoted(sql: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = sql;
    while let Some(start) = rest.find('\'') {
        let Some((text, after)) = unquoted(&rest[start..]) else { break };
        texts.push(text);
        rest = after;
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_of_both_databases_are_read() {
        let text = |text: &str| Some(DefaultValue::Text(text.to_owned()));
        for (sql, kind, expected) in [
            ("'it''s'", Kind::Text, text("it's")),
            ("'draft'::character varying", Kind::Text, text("draft")),
            ("'{\"a\": 1}'::jsonb", Kind::Json, text("{\"a\": 1}")),
            ("'-4'::integer", Kind::SmallInt, Some(DefaultValue::Int(-4))),
            ("7", Kind::BigInt, Some(DefaultValue::Int(7))),
            ("'-0.5'::numeric", Kind::Double, Some(DefaultValue::Real(-0.5))),
            ("TRUE", Kind::Bool, Some(DefaultValue::Bool(true))),
            ("CURRENT_TIMESTAMP", Kind::DateTime, None),
            ("nextval('a_seq'::regclass)", Kind::BigInt, None),
            ("'a' || 'b'", Kind::Text, None),
        ] {
            assert_eq!(parse(sql, kind), expected, "{sql}");
        }
        assert_eq!(all_unquoted("x IN ('a', 'it''s', '')"), ["a", "it's", ""]);
    }
}
