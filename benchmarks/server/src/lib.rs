//! The routes and views that Lback's servers share.

use lback::prelude::*;
use lback::session::AppSession;

/// Returns the routes. Those with sessions have an async view, which runs on the thread of the connection, and a plain one,
/// which runs on a blocking thread.
pub fn urls() -> Router {
    Router::new()
        .get("/plain", plain)
        .get("/plain-plain", |_: &mut Request| "Hello, World!")
        .get("/read", async |req: &mut Request| read(req.load_session().await))
        .get("/count", async |req: &mut Request| count(req.load_session().await))
        .get("/read-plain", |req: &mut Request| read(req.session()))
        .get("/count-plain", |req: &mut Request| count(req.session()))
        // For hostile clients.
        .get("/page", async |_: &mut Request| Response::html("<p>A page of some size.</p>".repeat(2_700)))
        .post("/upload", |req: &mut Request| -> Result<String> { Ok(req.multipart()?.files().count().to_string()) })
        .csrf_exempt()
        .post("/comments", |req: &mut Request| -> Result<String> { Ok(req.form::<Comment>()?.text) })
        .csrf_exempt()
}

#[derive(serde::Deserialize)]
struct Comment {
    text: String,
}

/// Uses neither the session nor the database.
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
