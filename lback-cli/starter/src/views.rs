//! The views.

use lback::prelude::*;

/// Shows the front page, with the number of visits from the visitor's session.
pub fn index(req: &mut Request) -> Result<Response> {
    let visits = req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    req.render("index.html", context! { visits })
}
