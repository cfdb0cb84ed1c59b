//! Conditions that a model has written in SQL: those of checks and partial indexes.

/// A part of a condition.
enum Part<'a> {
    /// A name.
    Name(&'a str),
    /// A name in quotes, without them.
    Quoted(&'a str),
    Space,
    /// A text in quotes, an operator, a number.
    Other(&'a str),
}

/// Returns the condition without the quotes around its names, and with single spaces: two that are written alike are equal then.
/// SQLite adds quotes when a column is renamed.
pub(crate) fn normal_condition(condition: &str) -> String {
    let mut normal = String::with_capacity(condition.len());
    for part in parts(condition) {
        match part {
            Part::Name(name) | Part::Quoted(name) => normal += name,
            Part::Space => normal.push(' '),
            Part::Other(text) => normal += text,
        }
    }
    normal.trim().to_owned()
}

/// Returns the condition with the new names of columns.
pub(crate) fn rename_in_condition(condition: &str, renamed: &[(String, String)]) -> String {
    if renamed.is_empty() {
        return condition.to_owned();
    }
    let mut result = String::with_capacity(condition.len());
    for part in parts(condition) {
        match part {
            Part::Name(name) => result += new_name(name, renamed),
            Part::Quoted(name) => {
                result.push('"');
                result += new_name(name, renamed);
                result.push('"');
            }
            Part::Space => result.push(' '),
            Part::Other(text) => result += text,
        }
    }
    result
}

fn new_name<'a>(name: &'a str, renamed: &'a [(String, String)]) -> &'a str {
    renamed.iter().find(|(from, _)| from == name).map_or(name, |(_, to)| to)
}

/// Returns whether the condition has the column.
pub(super) fn mentions(condition: &str, column: &str) -> bool {
    parts(condition).iter().any(|part| matches!(part, Part::Name(name) | Part::Quoted(name) if *name == column))
}

fn parts(condition: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = condition;
    while let Some(first) = rest.chars().next() {
        let (part, length) = match first {
            '\'' => {
                let length = quoted(rest, '\'');
                (Part::Other(&rest[..length]), length)
            }
            '"' => {
                let length = quoted(rest, '"');
                (Part::Quoted(rest[..length].trim_matches('"')), length)
            }
            c if c.is_whitespace() => (Part::Space, rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len())),
            c if c.is_alphabetic() || c == '_' => {
                let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                // A function may be called as a column.
                let is_function = rest[length..].trim_start().starts_with('(');
                (if is_function { Part::Other(&rest[..length]) } else { Part::Name(&rest[..length]) }, length)
            }
            c => (Part::Other(&rest[..c.len_utf8()]), c.len_utf8()),
        };
        parts.push(part);
        rest = &rest[length..];
    }
    parts
}

/// Returns the length of a text or name in quotes; two quotes stand for one.
pub(crate) fn quoted(rest: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(found) = rest[at..].find(quote) {
        at += found + 1;
        if !rest[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_renamed_and_nothing_else() {
        let renamed = [("text".to_owned(), "body".to_owned())];
        let condition = "text <> 'text' AND text(\"text\") > text_2 AND 'it''s text' <> ''";
        assert_eq!(rename_in_condition(condition, &renamed), "body <> 'text' AND text(\"body\") > text_2 AND 'it''s text' <> ''");
    }

    #[test]
    fn quotes_and_spaces_make_no_difference() {
        assert_eq!(normal_condition(" \"a\"  <\n'\"x\"  y' "), normal_condition("a < '\"x\"  y'"));
        assert_ne!(normal_condition("a < 'x'"), normal_condition("a < 'X'"));
        for text in ["'", "\"", "é", "'é", "a\"é"] {
            normal_condition(text);
        }
    }
}
