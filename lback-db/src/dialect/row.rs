//! Rows that a query returns.

use std::fmt;

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::connection::LoadConnection;
use diesel::row::{self, PartialRow, RowIndex, RowSealed};
#[cfg(feature = "postgres")]
use diesel::{PgConnection, pg::Pg};
#[cfg(feature = "sqlite")]
use diesel::{SqliteConnection, sqlite::Sqlite};

use super::Dialect;
use crate::statements::rows;

#[cfg(feature = "sqlite")]
type SqliteRow<'conn, 'query> = <SqliteConnection as LoadConnection>::Row<'conn, 'query>;
#[cfg(feature = "postgres")]
type PostgresRow<'conn, 'query> = <PgConnection as LoadConnection>::Row<'conn, 'query>;

/// A value of a row, as the database sent it.
#[expect(missing_debug_implementations, reason = "Diesel's values have none")]
pub enum RawValue<'a> {
    /// From SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(<Sqlite as Backend>::RawValue<'a>),
    /// From PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(<Pg as Backend>::RawValue<'a>),
}

/// The rows of a query, counted as they are read.
pub struct Counted<C> {
    /// Only dropped early to report the end of the query.
    cursor: Option<C>,
    rows: usize,
}

impl<C> Counted<C> {
    pub(super) fn new(cursor: C) -> Self {
        Counted { cursor: Some(cursor), rows: 0 }
    }
}

impl<C> fmt::Debug for Counted<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<C: Iterator<Item = QueryResult<R>>, R> Iterator for Counted<C> {
    type Item = QueryResult<R>;

    fn next(&mut self) -> Option<Self::Item> {
        let cursor = self.cursor.as_mut()?;
        let row = rows::after(self.rows, || cursor.next());
        self.rows += usize::from(matches!(row, Some(Ok(_))));
        row
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.cursor.as_ref().map_or((0, Some(0)), Iterator::size_hint)
    }
}

impl<C> Drop for Counted<C> {
    fn drop(&mut self) {
        rows::after(self.rows, || drop(self.cursor.take()));
    }
}

/// The rows of a query, one after another.
#[expect(missing_debug_implementations, reason = "Diesel's cursors have none")]
pub enum Cursor<'conn, 'query> {
    /// From SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(<SqliteConnection as LoadConnection>::Cursor<'conn, 'query>),
    /// From PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(<PgConnection as LoadConnection>::Cursor<'conn, 'query>),
}

impl<'conn, 'query> Iterator for Cursor<'conn, 'query> {
    type Item = QueryResult<Row<'conn, 'query>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self {
            #[cfg(feature = "sqlite")]
            Cursor::Sqlite(rows) => rows.next()?.map(Row::Sqlite),
            #[cfg(feature = "postgres")]
            Cursor::Postgres(rows) => rows.next()?.map(Row::Postgres),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        each!(self, Cursor(rows) => rows.size_hint())
    }
}

/// The rows of a query, of which only one is in memory.
#[expect(missing_debug_implementations, reason = "Diesel's cursors have none")]
pub enum RowCursor<'conn, 'query> {
    /// From SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(<SqliteConnection as LoadConnection>::Cursor<'conn, 'query>),
    /// From PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(<PgConnection as LoadConnection<diesel::pg::PgRowByRowLoadingMode>>::Cursor<'conn, 'query>),
}

impl<'conn, 'query> Iterator for RowCursor<'conn, 'query> {
    type Item = QueryResult<Row<'conn, 'query>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self {
            #[cfg(feature = "sqlite")]
            RowCursor::Sqlite(rows) => rows.next()?.map(Row::Sqlite),
            #[cfg(feature = "postgres")]
            RowCursor::Postgres(rows) => rows.next()?.map(Row::Postgres),
        })
    }
}

/// A row of a query.
#[expect(missing_debug_implementations, reason = "Diesel's rows have none")]
pub enum Row<'conn, 'query> {
    /// From SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteRow<'conn, 'query>),
    /// From PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(PostgresRow<'conn, 'query>),
}

/// A field of a row.
#[expect(missing_debug_implementations, reason = "Diesel's fields have none")]
pub enum Field<'a> {
    /// From SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(<SqliteRow<'a, 'a> as row::Row<'a, Sqlite>>::Field<'a>),
    /// From PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(<PostgresRow<'a, 'a> as row::Row<'a, Pg>>::Field<'a>),
}

impl RowSealed for Row<'_, '_> {}

impl<'conn> row::Row<'conn, Dialect> for Row<'conn, '_> {
    type Field<'f>
        = Field<'f>
    where
        'conn: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        each!(self, Row(row) => row::Row::field_count(row))
    }

    fn get<'f, I>(&'f self, index: I) -> Option<Field<'f>>
    where
        'conn: 'f,
        Self: RowIndex<I>,
    {
        let index = self.idx(index)?;
        Some(match self {
            #[cfg(feature = "sqlite")]
            Row::Sqlite(row) => Field::Sqlite(row::Row::get(row, index)?),
            #[cfg(feature = "postgres")]
            Row::Postgres(row) => Field::Postgres(row::Row::get(row, index)?),
        })
    }

    fn partial_row(&self, range: std::ops::Range<usize>) -> PartialRow<'_, Self> {
        PartialRow::new(self, range)
    }
}

impl RowIndex<usize> for Row<'_, '_> {
    fn idx(&self, index: usize) -> Option<usize> {
        each!(self, Row(row) => row.idx(index))
    }
}

impl<'name> RowIndex<&'name str> for Row<'_, '_> {
    fn idx(&self, name: &'name str) -> Option<usize> {
        each!(self, Row(row) => row.idx(name))
    }
}

impl<'a> row::Field<'a, Dialect> for Field<'a> {
    fn field_name(&self) -> Option<&str> {
        each!(self, Field(field) => row::Field::field_name(field))
    }

    fn value(&self) -> Option<RawValue<'_>> {
        Some(match self {
            #[cfg(feature = "sqlite")]
            Field::Sqlite(field) => RawValue::Sqlite(row::Field::value(field)?),
            #[cfg(feature = "postgres")]
            Field::Postgres(field) => RawValue::Postgres(row::Field::value(field)?),
        })
    }

    fn is_null(&self) -> bool {
        each!(self, Field(field) => row::Field::is_null(field))
    }
}
