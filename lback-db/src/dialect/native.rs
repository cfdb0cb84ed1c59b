//! The two databases' own backends, for parts of a query that are best left to them.

use diesel::QueryResult;
use diesel::internal::derives::multiconnection::AstPassHelper;
use diesel::query_builder::{AstPass, QueryFragment};
#[cfg(feature = "postgres")]
use diesel::{PgConnection, pg::Pg};
#[cfg(feature = "sqlite")]
use diesel::{SqliteConnection, sqlite::Sqlite};

use super::{Binds, Dialect, SqlBuilder};
use crate::Kind;

/// A part of a query that Diesel writes for PostgreSQL, if that is compiled in.
#[cfg(feature = "postgres")]
pub trait OnPostgres: QueryFragment<Pg> {}
#[cfg(feature = "postgres")]
impl<T: QueryFragment<Pg>> OnPostgres for T {}

/// A part of a query that Diesel writes for PostgreSQL, if that is compiled in.
#[cfg(not(feature = "postgres"))]
pub trait OnPostgres {}
#[cfg(not(feature = "postgres"))]
impl<T> OnPostgres for T {}

/// A part of a query that Diesel writes for SQLite, if that is compiled in.
#[cfg(feature = "sqlite")]
pub trait OnSqlite: QueryFragment<Sqlite> {}
#[cfg(feature = "sqlite")]
impl<T: QueryFragment<Sqlite>> OnSqlite for T {}

/// A part of a query that Diesel writes for SQLite, if that is compiled in.
#[cfg(not(feature = "sqlite"))]
pub trait OnSqlite {}
#[cfg(not(feature = "sqlite"))]
impl<T> OnSqlite for T {}

/// Adds a part as Diesel writes it for the database.
pub(super) fn walk<'b, T: OnSqlite + OnPostgres>(part: &'b T, pass: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
    match pass.backend().kind() {
        #[cfg(feature = "sqlite")]
        Kind::Sqlite => part.walk_ast(sqlite(pass)),
        #[cfg(feature = "postgres")]
        Kind::Postgres => part.walk_ast(postgres(pass)),
    }
}

/// Adds a part that only PostgreSQL has, and that SQLite does without.
#[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "SQLite does without it"))]
pub(super) fn walk_on_postgres<'b, T: OnPostgres>(part: &'b T, pass: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
    match pass.backend().kind() {
        #[cfg(feature = "sqlite")]
        Kind::Sqlite => Ok(()),
        #[cfg(feature = "postgres")]
        Kind::Postgres => part.walk_ast(postgres(pass)),
    }
}

/// Returns the same pass for SQLite, which the caller knows the dialect to be for.
#[cfg(feature = "sqlite")]
fn sqlite<'a, 'b>(pass: AstPass<'a, 'b, Dialect>) -> AstPass<'a, 'b, Sqlite> {
    use diesel::connection::MultiConnectionHelper;
    pass.cast_database(
        Binds::sqlite,
        SqlBuilder::sqlite,
        |_| &Sqlite,
        |lookup| SqliteConnection::from_any(lookup).expect("a pass for SQLite has its lookup"),
    )
}

/// Returns the same pass for PostgreSQL, which the caller knows the dialect to be for.
#[cfg(feature = "postgres")]
fn postgres<'a, 'b>(pass: AstPass<'a, 'b, Dialect>) -> AstPass<'a, 'b, Pg> {
    use diesel::connection::MultiConnectionHelper;
    pass.cast_database(
        Binds::postgres,
        SqlBuilder::postgres,
        |_| &Pg,
        |lookup| PgConnection::from_any(lookup).expect("a pass for PostgreSQL has its lookup"),
    )
}
