//! The start page: the models and the latest changes.

use lback_core::{Request, Response, Result, context};

use serde::Serialize;

use super::change_view::{latest, views, visible_tables};
use super::layout::render;
use crate::site::Site;

#[derive(Serialize)]
struct NumberView {
    label: String,
    url: String,
    value: String,
}

/// The number of changes on the page.
const MOST: i64 = 10;

pub(super) fn index(req: &mut Request) -> Result<Response> {
    let site = Site::of(req)?;
    let tables = visible_tables(req, &site)?;
    let changes = latest(req, &tables, MOST)?;
    let recent = views(req, &site, &changes)?;
    let mut numbers = Vec::new();
    for number in &site.numbers {
        numbers.push(NumberView { label: number.label.clone(), url: number.url.clone(), value: (number.value)(req)? });
    }
    render(req, "admin/index.html", "", Vec::new(), context! { recent, numbers })
}
