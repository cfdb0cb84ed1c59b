//! The views of the app.

use lback::prelude::*;
use serde::Deserialize;

use super::models::{__MODEL__, __MODEL__Form, __MODULE__};

#[derive(Deserialize)]
struct Search {
    q: Option<String>,
    page: Option<u32>,
}

/// Lists all rows, or those in which the text `q` occurs.
pub fn index(req: &mut Request) -> Result<Response> {
    let Search { q, page } = req.query()?;
    let mut found = __MODEL__::ordered();
    if let Some(q) = &q {
        found = found.filter(__ITEMS__::title.icontains(q).or(__ITEMS__::text.icontains(q)));
    }
    let page: Page<__MODEL__> = found.page(req.db()?, page.unwrap_or(1), 20)?;
    req.render("__APP__/index.html", context! { page, q })
}

/// Shows one row.
pub fn show(req: &mut Request) -> Result<Response> {
    let __ITEM__ = __ITEM__(req)?;
    req.render("__APP__/show.html", context! { __ITEM__ })
}

/// Adds a row.
pub fn add(req: &mut Request) -> Result<Response> {
    let mut form = Form::<__MODEL__Form>::new();
    if let Some(new) = form.submitted(req)?
        && let Some(__ITEM__) = form.create::<__MODEL__>(req.db()?, new.into_new())?
    {
        req.session().flash("success", "Added.");
        return req.redirect_to("__APP__:show", &[("id", &__ITEM__.id)]);
    }
    req.render("__APP__/form.html", context! { form })
}

/// Changes a row.
pub fn edit(req: &mut Request) -> Result<Response> {
    let mut __ITEM__ = __ITEM__(req)?;
    let mut form = Form::<__MODEL__Form>::editing(&__ITEM__);
    if let Some(changes) = form.submitted(req)? {
        changes.apply(&mut __ITEM__);
        if form.save(req.db()?, &mut __ITEM__)? {
            req.session().flash("success", "Saved.");
            return req.redirect_to("__APP__:show", &[("id", &__ITEM__.id)]);
        }
    }
    req.render("__APP__/form.html", context! { form, __ITEM__ })
}

/// Deletes a row.
pub fn delete(req: &mut Request) -> Result<Response> {
    __ITEM__(req)?.delete(req.db()?)?;
    req.session().flash("success", "Deleted.");
    req.redirect_to("__APP__:index", &[])
}

/// Returns the row in the path, or a 404.
fn __ITEM__(req: &mut Request) -> Result<__MODEL__> {
    let id = req.param("id")?;
    __MODEL__::find(req.db()?, id)
}
