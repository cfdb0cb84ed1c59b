use lback::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct CartForm {
    item: String,
}

pub fn add(req: &mut Request) -> Result<Response> {
    let CartForm { item } = req.form()?;
    let item = item.trim().to_owned();
    if item.is_empty() {
        req.session().flash("warning", "Enter an item to add to the cart.");
        return req.redirect_to("index", &[]);
    }
    // As with a counter, concurrent updates are merged, so that no item is lost.
    req.session().update("cart", move |cart: Option<Vec<String>>| {
        let mut cart = cart.unwrap_or_default();
        cart.push(item.clone());
        cart
    })?;
    req.redirect_to("index", &[])
}

pub fn remove(req: &mut Request) -> Result<Response> {
    let CartForm { item } = req.form()?;
    req.session().update("cart", move |cart: Option<Vec<String>>| {
        let mut cart = cart.unwrap_or_default();
        if let Some(at) = cart.iter().position(|other| *other == item) {
            cart.remove(at);
        }
        cart
    })?;
    req.redirect_to("index", &[])
}

/// Removes all values from the session, but keeps it.
pub fn clear(req: &mut Request) -> Result<Response> {
    req.session().clear();
    req.redirect_to("index", &[])
}
