//! Writes rows of any table.

use diesel::QueryResult;

use super::cell::{Cell, list, quoted};
use super::tables::Table;
use crate::Db;

/// Inserts rows: with COPY on PostgreSQL, and with statements of many rows on SQLite.
pub(super) fn insert(db: &mut Db, table: &Table, rows: &[Vec<Cell>]) -> QueryResult<()> {
    let columns = list(table.columns.iter().map(|column| column.name.as_str()));
    let into = format!("{} ({columns})", quoted(&table.name));
    match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(connection) => sqlite::insert(connection, &into, table.columns.len(), rows),
        #[cfg(feature = "postgres")]
        Db::Postgres(connection) => postgres::insert(connection, into, rows),
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::prelude::*;
    use diesel::query_builder::{AstPass, QueryFragment, QueryId};
    use diesel::sql_types::{BigInt, Binary, Double, Text};
    use diesel::sqlite::Sqlite;

    use super::Cell;

    /// The most rows of one statement. Longer statements are not kept for the next time.
    const MOST_ROWS: usize = 100;
    /// SQLite binds 32,766 values, and keeps statements of at most 16 KiB: a value takes three bytes of them.
    const MOST_VALUES: usize = 4_000;

    pub(super) fn insert(connection: &mut crate::Sqlite, into: &str, width: usize, rows: &[Vec<Cell>]) -> QueryResult<()> {
        for rows in rows.chunks((MOST_VALUES / width.max(1)).clamp(1, MOST_ROWS)) {
            Insert { into, rows }.execute(connection)?;
        }
        Ok(())
    }

    struct Insert<'a> {
        into: &'a str,
        rows: &'a [Vec<Cell>],
    }

    impl QueryFragment<Sqlite> for Insert<'_> {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
            out.push_sql("INSERT INTO ");
            out.push_sql(self.into);
            for (number, row) in self.rows.iter().enumerate() {
                out.push_sql(if number == 0 { " VALUES (" } else { "), (" });
                for (at, cell) in row.iter().enumerate() {
                    if at > 0 {
                        out.push_sql(",");
                    }
                    match cell {
                        Cell::Null => out.push_bind_param::<diesel::sql_types::Nullable<BigInt>, Option<i64>>(&None)?,
                        Cell::Int(number) => out.push_bind_param::<BigInt, _>(number)?,
                        Cell::Real(number) => out.push_bind_param::<Double, _>(number)?,
                        Cell::Text(text) => out.push_bind_param::<Text, _>(text)?,
                        Cell::Bytes(bytes) => out.push_bind_param::<Binary, _>(bytes)?,
                    }
                }
            }
            out.push_sql(")");
            Ok(())
        }
    }

    impl QueryId for Insert<'_> {
        type QueryId = ();
        const HAS_STATIC_QUERY_ID: bool = false;
    }

    impl RunQueryDsl<crate::Sqlite> for Insert<'_> {}
}

#[cfg(feature = "postgres")]
mod postgres {
    use diesel::QueryResult;

    use super::Cell;
    use crate::dialect::copy_text;

    pub(super) fn insert(connection: &mut crate::Postgres, into: String, rows: &[Vec<Cell>]) -> QueryResult<()> {
        let mut data = String::new();
        for row in rows {
            for (at, cell) in row.iter().enumerate() {
                if at > 0 {
                    data.push('\t');
                }
                match cell {
                    Cell::Text(text) => escape(text, &mut data),
                    // The values have been converted to texts.
                    _ => data.push_str("\\N"),
                }
            }
            data.push('\n');
        }
        copy_text(connection, into, data.as_bytes())
    }

    /// Adds a text in the format of COPY.
    fn escape(text: &str, data: &mut String) {
        for c in text.chars() {
            match c {
                '\\' => data.push_str("\\\\"),
                '\t' => data.push_str("\\t"),
                '\n' => data.push_str("\\n"),
                '\r' => data.push_str("\\r"),
                c => data.push(c),
            }
        }
    }
}
