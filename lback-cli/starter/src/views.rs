//! The views.

use lback::prelude::*;

/// Counts the visit in the visitor's session, and shows the front page.
pub fn index(req: &mut Request) -> Result<Response> {
    let visits = req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    req.render("index.html", context! { visits })
}
