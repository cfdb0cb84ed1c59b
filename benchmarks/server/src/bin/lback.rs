//! Lback with its defaults: sessions, and the full middleware stack.

use lback::prelude::*;

fn main() -> Result<()> {
    App::new(lback_benchmark_server::urls()).main()
}
