//! Lback as it comes: sessions, and the whole default stack of middleware.

use lback::prelude::*;

fn main() -> Result<()> {
    App::new(lback_benchmark_server::urls()).main()
}
