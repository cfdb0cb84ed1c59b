//! axum without sessions.

use axum::Router;
use axum::routing::get;
use lback_benchmark_peers::{Options, Result, axum_server};

fn main() -> Result {
    let options = Options::of_command_line()?;
    options.runtime()?.block_on(axum_server::serve(Router::new().route("/plain", get(axum_server::plain)), &options))
}
