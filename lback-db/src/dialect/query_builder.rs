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
pub enum SqlBuilder {
    /// For SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteQueryBuilder),
    /// For PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(PgQueryBuilder),
}

impl SqlBuilder {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => SqlBuilder::Sqlite(SqliteQueryBuilder::new()),
            #[cfg(feature = "postgres")]
            Kind::Postgres => SqlBuilder::Postgres(PgQueryBuilder::new()),
        }
    }
}

impl QueryBuilder<Dialect> for SqlBuilder {
    fn push_sql(&mut self, sql: &str) {
        // Since 3.47, SQLite prepares a statement again whenever the number of `LIMIT ?` is bound, for which it could choose another
        // plan. An operator before it, which changes nothing, prevents that.
        #[cfg(feature = "sqlite")]
        if let (SqlBuilder::Sqlite(builder), " LIMIT ") = (&mut *self, sql) {
            return builder.push_sql(" LIMIT +");
        }
        each!(self, SqlBuilder(builder) => builder.push_sql(sql));
    }

    fn push_identifier(&mut self, identifier: &str) -> QueryResult<()> {
        each!(self, SqlBuilder(builder) => builder.push_identifier(identifier))
    }

    fn push_bind_param(&mut self) {
        each!(self, SqlBuilder(builder) => builder.push_bind_param());
    }

    fn push_bind_param_value_only(&mut self) {
        each!(self, SqlBuilder(builder) => builder.push_bind_param_value_only());
    }

    fn finish(self) -> String {
        each!(self, SqlBuilder(builder) => builder.finish())
    }
}

/// For [`native`](super::native), in a pass for PostgreSQL.
#[cfg(feature = "postgres")]
impl SqlBuilder {
    pub(super) fn postgres(&mut self) -> &mut PgQueryBuilder {
        match self {
            SqlBuilder::Postgres(builder) => builder,
            #[cfg(feature = "sqlite")]
            SqlBuilder::Sqlite(_) => unreachable!("a pass for PostgreSQL has its builder"),
        }
    }
}
