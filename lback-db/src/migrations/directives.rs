//! Comments in a migration that tell how to run the statement below them.

use super::statements::Statement;

/// The beginning of such a comment, at the beginning of its line.
pub(super) const PREFIX: &str = "-- lback: ";

/// A comment that tells how to run the statement below it, or a function in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive<'a> {
    /// `-- lback: refuse rows: MESSAGE`: the statement is a query with the column `row`. If it finds rows, the migration fails with the
    /// message and the rows.
    RefuseRows(&'a str),
    /// `-- lback: rebuild TABLE`: the statements below it rebuild the table. Its triggers and indexes are created again afterwards.
    Rebuild(&'a str),
    /// `-- lback: rebuilt`: the triggers and indexes of rebuilt tables are created again here, not at the end.
    Rebuilt,
    /// `-- lback: run NAME`: a registered function runs here, before the statement below it or after the last one.
    Run(&'a str),
    /// `-- lback: reviewed`: `check --deploy` does not report the statement.
    Reviewed,
}

/// A directive in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed<'a> {
    /// The number of the statement below it, or that of all statements if there is none.
    pub(super) below: usize,
    /// Its line, counted from 1.
    pub(super) line: usize,
    pub(super) directive: Directive<'a>,
}

/// Returns the directives. All but [`Directive::Run`] need a statement below them.
pub(super) fn directives<'a>(sql: &'a str, statements: &[Statement<'_>]) -> Vec<Placed<'a>> {
    let mut found = Vec::new();
    for (number, line) in sql.lines().enumerate() {
        let Some(directive) = line.trim_start_matches('\u{feff}').strip_prefix(PREFIX).and_then(Directive::parse) else { continue };
        let line = number + 1;
        // A text or the body of a trigger may have a line that looks like one.
        let is_inside = |one: &Statement<'_>| one.line <= line && line <= one.line + one.text.matches('\n').count();
        let below = statements.iter().position(|one| one.line > line);
        if statements.iter().any(is_inside) || (below.is_none() && !matches!(directive, Directive::Run(_))) {
            continue;
        }
        found.push(Placed { below: below.unwrap_or(statements.len()), line, directive });
    }
    found
}

impl<'a> Directive<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_end();
        if text == "rebuilt" {
            return Some(Directive::Rebuilt);
        }
        if text == "reviewed" || text.starts_with("reviewed:") {
            return Some(Directive::Reviewed);
        }
        let refuse = text.strip_prefix("refuse rows:").map(|message| Directive::RefuseRows(message.trim()));
        let run = || text.strip_prefix("run ").map(|name| Directive::Run(name.trim()));
        refuse.or_else(run).or_else(|| text.strip_prefix("rebuild ").map(|table| Directive::Rebuild(table.trim())))
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
                   -- lback: rebuild texts\n');\n-- lback: rebuild nothing\n-- lback: run fill \n";
        let found: Vec<_> =
            directives(sql, &statements(sql, Kind::Sqlite)).iter().map(|one| (one.below, one.line, one.directive)).collect();
        assert_eq!(
            found,
            [(1, 2, Directive::Rebuild("posts")), (1, 3, Directive::RefuseRows("too long")), (3, 11, Directive::Run("fill"))]
        );
    }
}
