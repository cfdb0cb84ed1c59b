//! The start page: numbers and charts, the models and the latest changes.

use lback_core::{Request, Response, Result, context};

use super::change_view::{latest, views, visible_tables};
use super::layout::render;
use crate::site::Site;
use crate::widgets;

/// The number of changes on the page.
const MOST: i64 = 10;

pub(super) fn index(req: &mut Request) -> Result<Response> {
    let site = Site::of(req)?;
    let tables = visible_tables(req, &site)?;
    let changes = latest(req, &tables, MOST)?;
    let recent = views(req, &site, &changes)?;
    let (numbers, charts) = widgets::views(req, &site.widgets)?;
    render(req, "admin/index.html", "", Vec::new(), context! { recent, numbers, charts })
}
