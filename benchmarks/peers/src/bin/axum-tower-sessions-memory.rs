//! axum with tower-sessions in memory.

use lback_benchmark_peers::{Options, Result, axum_server};
use tower_sessions::MemoryStore;

fn main() -> Result {
    let options = Options::of_command_line()?;
    let router = axum_server::with_sessions(MemoryStore::default(), &options);
    options.runtime()?.block_on(axum_server::serve(router, &options))
}
