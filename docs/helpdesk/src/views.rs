//! The views.

use lback::prelude::*;

/// Shows the front page.
pub fn index(req: &mut Request) -> Result<Response> {
    req.render("index.html", context! {})
}
