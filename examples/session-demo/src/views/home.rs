use lback::prelude::*;
use serde_json::{Value, json};

/// Shows the front page. The template `base.html` shows the flash messages.
pub fn index(req: &mut Request) -> Result<Response> {
    let username: Option<String> = req.session().get("username")?;
    let cart: Vec<String> = req.session().get("cart")?.unwrap_or_default();
    let visits: u64 = req.session().get("visits")?.unwrap_or(0);
    req.render("index.html", context! { username, cart, visits })
}

/// Counts the visit. Concurrent requests are all counted.
pub fn visits(req: &mut Request) -> Result<String> {
    let visits = req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(format!("You have visited {visits} times."))
}

/// Returns the session as JSON.
pub fn session_json(req: &mut Request) -> Value {
    let session = req.session();
    let data: serde_json::Map<_, _> = session.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    json!({
        "id": session.id(),
        "is_new": session.is_new(),
        "modified": session.modified(),
        "expires_at": session.expires_at(),
        "keys": session.keys().collect::<Vec<_>>(),
        "data": data,
    })
}

/// Uses neither the session nor the database, so the request accesses neither.
pub async fn plain(_: &mut Request) -> &'static str {
    "Hello, World!"
}
