use lback::prelude::*;
use serde_json::{Value, json};

/// The front page. Its flash messages are taken by the template, `base.html`.
pub fn index(req: &mut Request) -> Result<Response> {
    let username: Option<String> = req.session().get("username")?;
    let cart: Vec<String> = req.session().get("cart")?.unwrap_or_default();
    let visits: u64 = req.session().get("visits")?.unwrap_or(0);
    req.render("index.html", context! { username, cart, visits })
}

/// Counts. However many requests come at the same time, each is counted.
pub fn visits(req: &mut Request) -> Result<String> {
    let visits = req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(format!("You have visited {visits} times."))
}

/// The session, as it is.
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

/// Touches neither the session nor the database, and costs neither.
pub async fn plain(_: &mut Request) -> &'static str {
    "Hello, World!"
}
