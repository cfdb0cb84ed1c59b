//! PostgreSQL's own backend, for parts of a query that are best left to it.

use diesel::QueryResult;
use diesel::query_builder::AstPass;
#[cfg(feature = "postgres")]
use diesel::{PgConnection, internal::derives::multiconnection::AstPassHelper, pg::Pg, query_builder::QueryFragment};

use super::Dialect;
#[cfg(feature = "postgres")]
use super::{Binds, SqlBuilder};
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
