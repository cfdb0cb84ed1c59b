//! The views of the app.

use lback::prelude::*;
use serde::Deserialize;

use super::models::Item;

/// Shows the newest items.
pub fn index(req: &mut Request) -> Result<Response> {
    let items = Item::newest(req.db()?)?;
    req.render("__APP__/index.html", context! { items })
}

#[derive(Deserialize)]
struct ItemForm {
    title: String,
}

/// Adds the item from the form, and shows a message on the next page.
pub fn add(req: &mut Request) -> Result<Response> {
    let form: ItemForm = req.form()?;
    let title = form.title.trim();
    if title.is_empty() {
        return Err(Error::bad_request("An item needs a title."));
    }
    Item::add(req.db()?, title)?;
    req.session().flash("success", "Added.");
    req.redirect_to("__APP__:index", &[])
}
