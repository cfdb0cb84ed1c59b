//! axum with tower-sessions and its store on sqlx: PostgreSQL if `--database` is a PostgreSQL URL, or else a SQLite file.

use lback_benchmark_peers::{Options, Result, axum_server};
use tower_sessions_sqlx_store::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use tower_sessions_sqlx_store::sqlx::{PgPool, SqlitePool};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore};

fn main() -> Result {
    let options = Options::of_command_line()?;
    options.runtime()?.block_on(serve(&options))
}

// Both pools have the default size of sqlx, 10 connections.
async fn serve(options: &Options) -> Result {
    if options.database.starts_with("postgres") {
        let store = PostgresStore::new(PgPool::connect(&options.database).await?);
        store.migrate().await?;
        return axum_server::serve(axum_server::with_sessions(store, options), options).await;
    }
    let connect = SqliteConnectOptions::new()
        .filename(&options.database)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(options.synchronous.parse()?);
    let store = SqliteStore::new(SqlitePool::connect_with(connect).await?);
    store.migrate().await?;
    axum_server::serve(axum_server::with_sessions(store, options), options).await
}
