//! axum with tower-sessions and its store on rusqlite: a SQLite file, with one connection on its own thread.

use lback_benchmark_peers::{Options, Result, axum_server};
use tokio_rusqlite::Connection;
use tower_sessions_rusqlite_store::RusqliteStore;

fn main() -> Result {
    let options = Options::of_command_line()?;
    options.runtime()?.block_on(serve(&options))
}

async fn serve(options: &Options) -> Result {
    let connection = Connection::open(&options.database).await?;
    let pragmas = format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = {};", options.synchronous);
    connection.call(move |connection| Ok(connection.execute_batch(&pragmas)?)).await?;
    let store = RusqliteStore::new(connection);
    store.migrate().await?;
    axum_server::serve(axum_server::with_sessions(store, options), options).await
}
