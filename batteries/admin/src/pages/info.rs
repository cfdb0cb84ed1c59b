//! The pages of batteries about the running application, for superusers.

use lback_app::{InfoPage, InfoPages};
use lback_auth::RequestAuth;
use lback_core::{Error, Request, Response, Result, context};
use lback_session::RequestSession;
use serde::Serialize;

use super::layout::{Crumb, link, render};
use crate::language::text;
use crate::widgets::chart;

#[derive(Serialize)]
struct RowView {
    key: Option<String>,
    cells: Vec<String>,
}

#[derive(Serialize)]
struct ActionView {
    label: &'static str,
    url: String,
}

pub(super) fn show(req: &mut Request) -> Result<Response> {
    require_superuser(req)?;
    let app = req.app().clone();
    let page = page(app.state(), &req.param::<String>("page")?)?;
    let table = page.load(req)?;
    let mut actions = Vec::new();
    for action in page.actions() {
        let url = link(req, "info-action", &[("page", &page.name()), ("action", &action.name())])?;
        actions.push(ActionView { label: action.label(), url });
    }
    let rows: Vec<_> = table.rows.into_iter().map(|row| RowView { key: row.key, cells: row.cells }).collect();
    let (title, columns) = (page.title(), table.columns);
    let charts: Vec<_> = table.charts.iter().map(|drawn| chart(&drawn.label, None, drawn.bars.clone())).collect();
    render(req, "admin/info.html", "", vec![Crumb::new(title, None)], context! { title, columns, rows, actions, charts })
}

pub(super) fn act(req: &mut Request) -> Result<Response> {
    require_superuser(req)?;
    let app = req.app().clone();
    let page = page(app.state(), &req.param::<String>("page")?)?;
    let name: String = req.param("action")?;
    let action = page.actions().iter().find(|action| action.name() == name);
    let action = action.ok_or_else(|| Error::not_found(text!("There is no such action.")))?;
    let Chosen { key } = req.form()?;
    let message = action.run(req, &key)?;
    req.session().flash("success", &message);
    Ok(Response::redirect(&link(req, "info", &[("page", &page.name())])?))
}

#[derive(serde::Deserialize)]
struct Chosen {
    key: String,
}

fn page<'a>(pages: Option<&'a InfoPages>, name: &str) -> Result<&'a InfoPage> {
    let found = pages.and_then(|pages| pages.iter().find(|page| page.name() == name));
    found.ok_or_else(|| Error::not_found(text!("There is no such page.")))
}

/// These pages reveal how the application is built and configured.
fn require_superuser(req: &mut Request) -> Result<()> {
    match req.user()? {
        Some(user) if user.is_superuser => Ok(()),
        _ => Err(Error::forbidden(text!("Only superusers see this page."))),
    }
}
