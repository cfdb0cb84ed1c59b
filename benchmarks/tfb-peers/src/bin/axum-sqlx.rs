//! axum with sqlx: PostgreSQL if `--database` is a PostgreSQL URL, or else a SQLite file.

use lback_benchmark_tfb_peers::{Options, Result, serve};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

fn main() -> Result {
    let options = Options::of_command_line()?;
    options.runtime()?.block_on(start(&options))
}

async fn start(options: &Options) -> Result {
    if options.database.starts_with("postgres") {
        let pool = PgPoolOptions::new().max_connections(options.pool).test_before_acquire(!options.untested);
        return serve(pool.connect(&options.database).await?, options).await;
    }
    let connect =
        SqliteConnectOptions::new().filename(&options.database).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new().max_connections(options.pool).test_before_acquire(!options.untested);
    serve(pool.connect_with(connect).await?, options).await
}
