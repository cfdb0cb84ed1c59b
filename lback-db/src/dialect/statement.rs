//! One statement, as the connection to SQLite or PostgreSQL sees it.

use std::cell::{Cell, OnceCell};

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::connection::MultiConnectionHelper;
use diesel::internal::derives::multiconnection::AstPassHelper;
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};

use super::{Binds, Dialect, SqlBuilder};
use crate::Kind;

/// A query on its way to a connection.
///
/// The connection caches it like a query of its own: the SQL is written only if it is not prepared yet, or must not be cached.
pub(crate) struct Statement<T> {
    query: T,
    dialect: Dialect,
    sql: OnceCell<String>,
}

impl<T: QueryFragment<Dialect>> Statement<T> {
    pub(crate) fn new(query: T, kind: Kind) -> Self {
        Statement { query, dialect: Dialect::new(kind), sql: OnceCell::new() }
    }

    /// Returns the SQL, which is written at the first call.
    pub(crate) fn sql(&self) -> QueryResult<&str> {
        if let Some(sql) = self.sql.get() {
            return Ok(sql);
        }
        let mut builder = SqlBuilder::new(self.dialect.kind());
        self.query.to_sql(&mut builder, &self.dialect)?;
        Ok(self.sql.get_or_init(|| builder.finish()))
    }

    /// Returns whether this is what Diesel makes of an INSERT without rows: a SELECT. SQLite's count of changed rows is then that of
    /// an earlier statement.
    #[cfg(feature = "sqlite")]
    pub(super) fn inserts_nothing(&self) -> bool {
        self.sql.get().is_some_and(|sql| sql.starts_with("SELECT 1 FROM ") && sql.ends_with(" WHERE 1=0"))
    }

    /// Returns whether the statement changes rows, which SQLite counts.
    #[cfg(feature = "sqlite")]
    pub(super) fn changes_rows(&self) -> bool {
        const WORDS: [&str; 5] = ["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"];
        let sql = self.sql().unwrap_or_default();
        let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        WORDS.iter().any(|changing| changing.eq_ignore_ascii_case(word))
    }

    /// Reads the defaults of columns that the statement must write out.
    #[cfg(feature = "sqlite")]
    pub(super) fn find_defaults(&self, connection: &mut diesel::SqliteConnection) -> QueryResult<()> {
        self.query.is_safe_to_cache_prepared(&self.dialect)?;
        self.dialect.defaults.find(connection)
    }
}

impl<T: QueryId> QueryId for Statement<T> {
    type QueryId = Statement<T::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = T::HAS_STATIC_QUERY_ID;
}

/// The connection only passes rows on. [`Dialect`] knows their types.
impl<T: Query> Query for Statement<T> {
    type SqlType = diesel::sql_types::Untyped;
}

/// The backend of a connection that [`Db`](crate::Db) holds.
pub(super) trait Native: Backend + Sized {
    type Connection: MultiConnectionHelper<Backend = Self>;

    fn wrap<'b>(binds: Self::BindCollector<'b>) -> Binds<'b>;
    fn unwrap<'a, 'b>(binds: &'a mut Binds<'b>) -> &'a mut Self::BindCollector<'b>;
}

#[cfg(feature = "sqlite")]
impl Native for diesel::sqlite::Sqlite {
    type Connection = diesel::SqliteConnection;

    fn wrap<'b>(binds: Self::BindCollector<'b>) -> Binds<'b> {
        Binds::Sqlite(binds)
    }

    fn unwrap<'a, 'b>(binds: &'a mut Binds<'b>) -> &'a mut Self::BindCollector<'b> {
        binds.sqlite()
    }
}

#[cfg(feature = "postgres")]
impl Native for diesel::pg::Pg {
    type Connection = diesel::PgConnection;

    fn wrap<'b>(binds: Self::BindCollector<'b>) -> Binds<'b> {
        Binds::Postgres(binds)
    }

    fn unwrap<'a, 'b>(binds: &'a mut Binds<'b>) -> &'a mut Self::BindCollector<'b> {
        binds.postgres()
    }
}

impl<T, DB> QueryFragment<DB> for Statement<T>
where
    T: QueryFragment<Dialect>,
    DB: Native + 'static,
    for<'b> DB::BindCollector<'b>: Default,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if let Some((collector, lookup)) = pass.bind_collector() {
            let mut binds = DB::wrap(std::mem::take(collector));
            let collected = self.query.collect_binds(&mut binds, DB::Connection::to_any(lookup), &self.dialect);
            std::mem::swap(collector, DB::unwrap(&mut binds));
            return collected;
        }
        if let Some((values, _)) = pass.debug_binds() {
            return self.query.walk_ast(AstPass::collect_debug_binds_pass(values, &self.dialect));
        }
        if writes_sql(&mut pass) {
            pass.push_sql(self.sql()?);
        } else if !self.query.is_safe_to_cache_prepared(&self.dialect)? {
            pass.unsafe_to_cache_prepared();
        }
        Ok(())
    }
}

/// Returns whether a pass writes SQL. Diesel does not tell, but converts the builder in no other pass.
fn writes_sql<'b, DB: Backend>(pass: &mut AstPass<'_, 'b, DB>) -> bool {
    let writes = Cell::new(false);
    let _ = pass.reborrow().cast_database::<DB>(
        |binds| binds,
        |builder| {
            writes.set(true);
            builder
        },
        |backend| backend,
        |lookup| lookup,
    );
    writes.get()
}
