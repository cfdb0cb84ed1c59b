//! The backend of [`Db`](crate::Db): Diesel's queries as SQL for whichever database a connection is to.
//!
//! | file | topic |
//! | --- | --- |
//! | `connection.rs` | statements and transactions of [`Db`](crate::Db) |
//! | `statement.rs` | one statement as SQLite's or PostgreSQL's connection sees it |
//! | `native.rs` | parts of a query that Diesel writes for PostgreSQL |
//! | `select.rs`, `combine.rs`, `insert.rs` | parts of a query that the two databases write differently, written here |
//! | `copy.rs`, `sqlite_copy.rs`, `postgres_copy.rs`, `large_inserts.rs` | many rows at once |
//! | `first_of_each.rs`, `from_select.rs` | queries that Diesel has for one database only, under names of our own |
//! | `order.rs`, `row_count.rs` | the ORDER BY of a query, read or left out, and the number of its rows |
//! | `defaults.rs` | columns that rows leave to their defaults |
//! | `types.rs`, `decimals.rs`, `uuid_text.rs`, `binds.rs`, `row.rs` | values: their types, into a statement, out of a row |

/// Evaluates an expression with what a variant holds, of an enum with one variant for each database.
macro_rules! each {
    ($value:expr, $Enum:ident($inner:pat) => $work:expr) => {
        match $value {
            #[cfg(feature = "sqlite")]
            $Enum::Sqlite($inner) => $work,
            #[cfg(feature = "postgres")]
            $Enum::Postgres($inner) => $work,
        }
    };
}

mod binds;
mod combine;
mod connection;
mod copy;
#[cfg(feature = "decimal")]
mod decimals;
mod defaults;
mod first_of_each;
mod from_select;
mod insert;
mod large_inserts;
mod native;
mod order;
#[cfg(feature = "postgres")]
mod postgres_copy;
mod query_builder;
mod row;
mod row_count;
mod select;
#[cfg(feature = "sqlite")]
mod sqlite_copy;
mod statement;
mod types;
#[cfg(all(feature = "sqlite", feature = "uuid"))]
mod uuid_text;

use diesel::backend::{Backend, DieselReserveSpecialization, SqlDialect, TrustedBackend, sql_dialect};

pub use binds::BindValue;
pub(crate) use binds::Binds;
pub use connection::RowByRow;
#[cfg(feature = "decimal")]
pub use decimals::{AnyDecimal, ReadDecimal};
pub use first_of_each::FirstOfEach;
pub use from_select::from_select;
pub use order::{OrderedColumn, order_of, unordered};
#[cfg(feature = "postgres")]
pub(crate) use postgres_copy::copy_text;
use query_builder::SqlBuilder;
use row::{Counted, Cursor, RowCursor};
pub(crate) use row::{RawValue, Row};
pub use row_count::RowCount;
pub(crate) use statement::Statement;

use crate::Kind;

/// The Diesel backend of [`Db`](crate::Db): the SQL that one query becomes on SQLite and on PostgreSQL.
///
/// Name it in `check_for_backend`, so that the compiler explains a struct that does not fit its table:
///
/// ```
/// use lback::db::Dialect;
/// use lback::diesel;
/// use lback::prelude::*;
///
/// diesel::table! {
///     posts (id) {
///         id -> BigInt,
///         title -> Text,
///     }
/// }
///
/// #[derive(Queryable, Selectable)]
/// #[diesel(check_for_backend(Dialect))]
/// struct Post {
///     id: i64,
///     title: String,
/// }
///
/// fn newest(db: &mut lback::db::Db) -> diesel::QueryResult<Post> {
///     posts::table.order(posts::id.desc()).select(Post::as_select()).first(db)
/// }
/// # let _ = (newest, |post: Post| (post.id, post.title));
/// ```
#[derive(Debug)]
pub struct Dialect {
    kind: Kind,
    /// Whether columns that a row leaves out are omitted, as on SQLite and for COPY.
    leaves_out_defaults: bool,
    defaults: defaults::Defaults,
}

impl Dialect {
    pub(crate) fn new(kind: Kind) -> Self {
        Dialect { kind, leaves_out_defaults: !kind.is_server(), defaults: defaults::Defaults::default() }
    }

    /// For the columns and values of COPY.
    #[cfg(feature = "postgres")]
    fn for_copy() -> Self {
        Dialect { leaves_out_defaults: true, ..Dialect::new(Kind::Postgres) }
    }

    /// Returns the kind of the database that the SQL is for.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl Backend for Dialect {
    type QueryBuilder = SqlBuilder;
    type RawValue<'a> = RawValue<'a>;
    type BindCollector<'a> = Binds<'a>;
}

/// What both databases write alike is left to Diesel.
impl SqlDialect for Dialect {
    type ReturningClause = insert::Returning;
    type OnConflictClause = insert::OnConflict;
    type InsertWithDefaultKeyword = insert::DefaultKeyword;
    type BatchInsertSupport = insert::Batch;
    type ConcatClause = sql_dialect::concat_clause::ConcatWithPipesClause;
    type DefaultValueClauseForInsert = sql_dialect::default_value_clause::AnsiDefaultValueClause;
    type EmptyFromClauseSyntax = sql_dialect::from_clause_syntax::AnsiSqlFromClauseSyntax;
    type ExistsSyntax = sql_dialect::exists_syntax::AnsiSqlExistsSyntax;
    type ArrayComparison = select::ArrayComparison;
    type SelectStatementSyntax = select::Select;
    type AliasSyntax = sql_dialect::alias_syntax::AsAliasSyntax;
    type WindowFrameClauseGroupSupport = sql_dialect::window_frame_clause_group_support::IsoGroupWindowFrameUnit;
    type WindowFrameExclusionSupport = sql_dialect::window_frame_exclusion_support::FrameExclusionSupport;
    type AggregateFunctionExpressions = sql_dialect::aggregate_function_expressions::PostgresLikeAggregateFunctionExpressions;
    type BuiltInWindowFunctionRequireOrder = sql_dialect::built_in_window_function_require_order::NoOrderRequired;
}

impl DieselReserveSpecialization for Dialect {}
impl TrustedBackend for Dialect {}
