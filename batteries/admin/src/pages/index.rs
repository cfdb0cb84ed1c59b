//! The start page: numbers and charts, the models and the latest changes.

use std::collections::BTreeMap;

use diesel::Connection as _;
use lback_core::{Request, Response, Result, context};
use lback_db::{RequestDb, is_missing_table};

use super::change_view::{latest, views, visible_tables};
use super::filter_counts::count;
use super::layout::{link, render};
use crate::access::{self, Right};
use crate::site::Site;
use crate::widgets;

/// The number of changes on the page.
const MOST: i64 = 10;

pub(super) fn index(req: &mut Request) -> Result<Response> {
    let site = Site::of(req)?;
    let tables = visible_tables(req, &site)?;
    let changes = latest(req, &tables, MOST)?;
    let recent = views(req, &site, &changes)?;
    let counts = counts(req, &site)?;
    let (numbers, charts) = widgets::views(req, &site.widgets)?;
    render(req, "admin/index.html", "", Vec::new(), context! { recent, counts, numbers, charts })
}

/// Returns the number of rows of each model, up to 1,000, by the path of its list. Models that are narrowed by `rows` have none, because
/// the database may have to read a whole table for it.
fn counts(req: &mut Request, site: &Site) -> Result<BTreeMap<String, String>> {
    let mut lists = Vec::new();
    for model in site.models.iter().filter(|model| model.options.rows.is_none()) {
        if access::has(req, model, Right::View)? {
            lists.push((link(req, "list", &[("model", &model.meta().table)])?, access::rows(req, model)?));
        }
    }
    let counted: Result<_> = req.db()?.transaction(|db| {
        let counted = lists.into_iter().map(|(path, list)| count(db, &list).map(|count| (path, count)));
        counted.collect()
    });
    match counted {
        // The page of the model names the remedy.
        Err(error) if is_missing_table(&error) => Ok(BTreeMap::new()),
        counts => counts,
    }
}
