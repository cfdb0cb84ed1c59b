//! The views that Lback's servers share.

use lback::prelude::*;

/// The routes with sessions: each with an async view, which runs where connections are served, and with a plain one,
/// which runs on a thread that may block.
pub fn urls() -> Router {
    Router::new()
        .get("/plain", plain)
        .get("/read", async |req: &mut Request| read(req))
        .get("/count", async |req: &mut Request| count(req))
        .get("/read-plain", read)
        .get("/count-plain", count)
}

/// Touches neither the session nor the database.
pub async fn plain(_: &mut Request) -> &'static str {
    "Hello, World!"
}

fn read(req: &mut Request) -> Result<String> {
    let count: u64 = req.session().get("count")?.unwrap_or(0);
    Ok(count.to_string())
}

fn count(req: &mut Request) -> Result<String> {
    let count = req.session().update("count", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(count.to_string())
}
