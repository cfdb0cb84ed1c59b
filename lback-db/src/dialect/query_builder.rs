//! Writes the SQL of a statement.

use diesel::QueryResult;
#[cfg(feature = "postgres")]
use diesel::pg::PgQueryBuilder;
use diesel::query_builder::QueryBuilder;
#[cfg(feature = "sqlite")]
use diesel::sqlite::SqliteQueryBuilder;

use super::Dialect;
use crate::Kind;

/// Writes the SQL of a statement, with the quotes and placeholders of its database.
#[expect(missing_debug_implementations, reason = "Diesel's builders have none")]
pub struct SqlBuilder {
    native: Native,
    /// The query whose ORDER BY is left out, if there is one.
    unordered: Option<Unordered>,
}

/// Diesel's own builder.
enum Native {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteQueryBuilder),
    #[cfg(feature = "postgres")]
    Postgres(PgQueryBuilder),
}

/// A query whose ORDER BY is left out.
#[derive(Default)]
struct Unordered {
    /// The parentheses that are open. Within them are other queries, and windows.
    open: usize,
    /// The ORDER BY that is being left out. It is written after all if it has parameters, because their values are sent.
    left_out: Option<Vec<Piece>>,
    /// Whether the query has a limit, before which the ORDER BY ends.
    is_limited: bool,
}

/// A part of an ORDER BY.
pub(super) enum Piece {
    Sql(String),
    Identifier(String),
}

impl SqlBuilder {
    pub(super) fn new(kind: Kind) -> Self {
        let native = match kind {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => Native::Sqlite(SqliteQueryBuilder::new()),
            #[cfg(feature = "postgres")]
            Kind::Postgres => Native::Postgres(PgQueryBuilder::new()),
        };
        SqlBuilder { native, unordered: None }
    }

    /// Begins or ends a query whose ORDER BY is left out.
    pub(super) fn set_unordered(&mut self, unordered: bool) {
        self.unordered = unordered.then(Unordered::default);
    }

    /// Returns the ORDER BY that was left out. `None` if it could not be told apart from the rest of the query, or if the query has a
    /// limit.
    pub(super) fn into_left_out(self) -> Option<Vec<Piece>> {
        let query = self.unordered.filter(|query| !query.is_limited)?;
        Some(query.left_out.unwrap_or_default())
    }

    /// Returns whether a piece of SQL belongs to an ORDER BY that is left out.
    fn leaves_out(&mut self, sql: &str) -> bool {
        if self.unordered.is_none() {
            return false;
        }
        // Within a literal that begins here and ends elsewhere, nothing can be told apart, so the rest stays as it is.
        let Some((opened, closed)) = parentheses(sql) else {
            let _ = self.keep_order();
            self.unordered = None;
            return false;
        };
        let Some(query) = &mut self.unordered else { return false };
        if query.open == 0 {
            match sql {
                " ORDER BY " => query.left_out = Some(Vec::new()),
                " LIMIT " | " OFFSET " => {
                    query.left_out = None;
                    query.is_limited = true;
                }
                _ => {}
            }
        }
        query.open = (query.open + opened).saturating_sub(closed);
        match &mut query.left_out {
            Some(pieces) => {
                pieces.push(Piece::Sql(sql.to_owned()));
                true
            }
            None => false,
        }
    }

    /// Writes the ORDER BY after all.
    fn keep_order(&mut self) -> QueryResult<()> {
        let Some(pieces) = self.unordered.as_mut().and_then(|query| query.left_out.take()) else { return Ok(()) };
        self.unordered = None;
        for piece in pieces {
            match piece {
                Piece::Sql(sql) => self.push_sql(&sql),
                Piece::Identifier(identifier) => self.push_identifier(&identifier)?,
            }
        }
        Ok(())
    }
}

/// Returns how many parentheses a piece of SQL opens and closes. `None` if a literal does not end in it.
fn parentheses(sql: &str) -> Option<(usize, usize)> {
    let (mut opened, mut closed, mut is_literal) = (0, 0, false);
    for c in sql.chars() {
        match c {
            '\'' => is_literal = !is_literal,
            '(' if !is_literal => opened += 1,
            ')' if !is_literal => closed += 1,
            _ => {}
        }
    }
    (!is_literal).then_some((opened, closed))
}

impl QueryBuilder<Dialect> for SqlBuilder {
    fn push_sql(&mut self, sql: &str) {
        if self.leaves_out(sql) {
            return;
        }
        // Since 3.47, SQLite prepares a statement again whenever the number of `LIMIT ?` is bound, for which it could choose another
        // plan. An operator before it, which changes nothing, prevents that.
        #[cfg(feature = "sqlite")]
        if let (Native::Sqlite(builder), " LIMIT ") = (&mut self.native, sql) {
            return builder.push_sql(" LIMIT +");
        }
        each!(&mut self.native, Native(builder) => builder.push_sql(sql));
    }

    fn push_identifier(&mut self, identifier: &str) -> QueryResult<()> {
        if let Some(pieces) = self.unordered.as_mut().and_then(|query| query.left_out.as_mut()) {
            pieces.push(Piece::Identifier(identifier.to_owned()));
            return Ok(());
        }
        each!(&mut self.native, Native(builder) => builder.push_identifier(identifier))
    }

    fn push_bind_param(&mut self) {
        // Identifiers can always be quoted.
        let _ = self.keep_order();
        each!(&mut self.native, Native(builder) => builder.push_bind_param());
    }

    fn push_bind_param_value_only(&mut self) {
        let _ = self.keep_order();
        each!(&mut self.native, Native(builder) => builder.push_bind_param_value_only());
    }

    fn finish(self) -> String {
        each!(self.native, Native(builder) => builder.finish())
    }
}

/// For [`native`](super::native), in a pass for PostgreSQL.
#[cfg(feature = "postgres")]
impl SqlBuilder {
    pub(super) fn postgres(&mut self) -> &mut PgQueryBuilder {
        match &mut self.native {
            Native::Postgres(builder) => builder,
            #[cfg(feature = "sqlite")]
            Native::Sqlite(_) => unreachable!("a pass for PostgreSQL has its builder"),
        }
    }
}
