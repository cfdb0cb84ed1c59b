//! The database: connections, the unit of work of a request, and migrations.

#[cfg(feature = "decimal")]
#[doc(inline)]
pub use lback_db::Decimal;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use lback_db::Sqlite;
#[doc(inline)]
pub use lback_db::schema::{Column, Columns};
#[doc(inline)]
pub use lback_db::sql_types;
#[doc(inline)]
pub use lback_db::{
    Applied, CopyData, CopyProgress, DRAFT, Database, DateMethods, Db, DbSession, DbSessionMiddleware, DbSettings, Dialect, FirstOfEach,
    Heard, Isolation, JsonMethods, Kind, Listening, MigrationAction, MigrationSet, MigrationStatus, Migrations, OrNotFoundRow,
    PlannedMigration, PoolStats, PooledDb, RequestDb, RowByRow, Squashed, Tables, TextMethods, from_select, is_unavailable,
    joinable_tables, migrations, tables,
};
#[cfg(feature = "postgres")]
#[doc(inline)]
pub use lback_db::{Postgres, TemporaryDatabase};
// Its type `Dir` is what `migrations!` returns.
#[doc(hidden)]
pub use lback_db::include_dir;
