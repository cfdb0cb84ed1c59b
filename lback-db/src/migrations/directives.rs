//! Comments in a migration that tell how to run the statement below them.

use super::statements::Statement;

/// The beginning of such a comment, at the beginning of its line.
const PREFIX: &str = "-- lback: ";

/// A comment that tells how to run the statement below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive<'a> {
    /// `-- lback: refuse rows: MESSAGE`: the statement is a query with the column `row`. If it finds rows, the migration fails with the
    /// message and the rows.
    RefuseRows(&'a str),
    /// `-- lback: rebuild TABLE`: the statements below it rebuild the table. Its triggers and indexes are created again afterwards.
    Rebuild(&'a str),
}

/// Returns the directives, each with the number of the statement below it.
pub(super) fn directives<'a>(sql: &'a str, statements: &[Statement<'_>]) -> Vec<(usize, Directive<'a>)> {
    let mut found = Vec::new();
    for (number, line) in sql.lines().enumerate() {
        let Some(directive) = line.strip_prefix(PREFIX).and_then(Directive::parse) else { continue };
        let line = number + 1;
        // A text or the body of a trigger may have a line that looks like one.
        let is_inside = |one: &Statement<'_>| one.line <= line && line <= one.line + one.text.matches('\n').count();
        if let Some(below) = statements.iter().position(|one| one.line > line)
            && !statements.iter().any(is_inside)
        {
            found.push((below, directive));
        }
    }
    found
}

impl<'a> Directive<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let refuse = text.strip_prefix("refuse rows:").map(|message| Directive::RefuseRows(message.trim()));
        refuse.or_else(|| text.strip_prefix("rebuild ").map(|table| Directive::Rebuild(table.trim())))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::super::statements::statements;
    use super::*;
    use crate::Kind;

    #[test]
    fn a_directive_belongs_to_the_statement_below_it() {
        let sql = "SELECT 1;\n-- lback: rebuild posts\n-- lback: refuse rows: too long\nSELECT\n2;\n-- lback: draft\nINSERT INTO a VALUES ('\n\
                   -- lback: rebuild texts\n');\n-- lback: rebuild nothing\n";
        let found = directives(sql, &statements(sql, Kind::Sqlite));
        assert_eq!(found, [(1, Directive::Rebuild("posts")), (1, Directive::RefuseRows("too long"))]);
    }
}
