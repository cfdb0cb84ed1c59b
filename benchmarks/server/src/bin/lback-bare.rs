//! Lback without sessions, database and middleware, for the comparison with raw hyper.

use lback::prelude::*;

fn main() -> Result<()> {
    let app = App::new(Router::new().get("/plain", lback_benchmark_server::plain)).without_sessions().without_database();
    let bare = app.stack(|stack| {
        let names: Vec<_> = stack.names().collect();
        for name in names {
            stack.remove(name)?;
        }
        Ok(())
    });
    bare.main()
}
