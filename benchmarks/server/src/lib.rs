//! The views that Lback's servers share.

use lback::AppSession;
use lback::prelude::*;

/// The routes with sessions: each with an async view, which runs where connections are served, and with a plain one,
/// which runs on a thread that may block.
pub fn urls() -> Router {
    Router::new()
        .get("/plain", plain)
        .get("/read", async |req: &mut Request| read(req.load_session().await))
        .get("/count", async |req: &mut Request| count(req.load_session().await))
        .get("/read-plain", |req: &mut Request| read(req.session()))
        .get("/count-plain", |req: &mut Request| count(req.session()))
}

/// Touches neither the session nor the database.
pub async fn plain(_: &mut Request) -> &'static str {
    "Hello, World!"
}

fn read(session: &mut AppSession) -> Result<String> {
    let count: u64 = session.get("count")?.unwrap_or(0);
    Ok(count.to_string())
}

fn count(session: &mut AppSession) -> Result<String> {
    let count = session.update("count", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(count.to_string())
}
