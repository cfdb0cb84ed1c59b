//! The number of rows of each choice of a filter, for visitors who ask for it.

use lback_core::{Error, Request, Result};
use lback_db::{Db, RequestDb};
use lback_models::List;
use serde::Serialize;

use super::conditions::{Condition, narrow};
use super::filter_views::FilterView;
use crate::language::text;
use crate::query_string::QueryString;
use crate::site::Registered;

/// The parameter: `1` to show the numbers.
const NAME: &str = "counts";
/// Rows are counted up to this number.
const MOST_COUNTED: u32 = 1001;
/// The maximum number of choices of a filter whose rows are counted, and of all filters of a page.
const MOST_CHOICES: usize = 20;
const MOST: usize = 100;

/// The link that shows or hides the numbers.
#[derive(Serialize)]
pub(super) struct CountsLink {
    label: String,
    url: String,
}

/// Returns the number of rows as text. The database stops counting after 1,000.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) fn count(db: &mut Db, list: &List) -> Result<String> {
    Ok(match list.count_up_to(db, MOST_COUNTED)? {
        MOST_COUNTED => "1,000+".to_owned(),
        count => count.to_string(),
    })
}

/// Returns whether the query string asks for the numbers.
///
/// # Errors
/// Returns 400 if the value is invalid.
pub(super) fn are_wanted(query: &QueryString) -> Result<bool> {
    match query.get(NAME) {
        None => Ok(false),
        Some("1") => Ok(true),
        Some(_) => Err(Error::bad_request(text!("The filter \"{field}\" has an invalid value. Open the list again.", field = NAME))),
    }
}

/// Returns the link that shows or hides the numbers. `None` if no filter has choices.
pub(super) fn link(views: &[FilterView], query: &QueryString, path: &str) -> Option<CountsLink> {
    let (label, value) = if query.get(NAME).is_some() { (text!("Hide counts"), None) } else { (text!("Show counts"), Some("1")) };
    views.iter().any(|view| !view.choices.is_empty()).then(|| CountsLink { label, url: query.with(NAME, value).on(path) })
}

/// Adds the number of rows to the choices: those that the user may see and that satisfy the conditions of all other filters. In a large
/// table, only a single condition is counted, and only if it is one of a field with an index.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) fn add(
    req: &mut Request,
    model: &Registered,
    views: &mut [FilterView],
    all: &List,
    conditions: &[Condition],
    is_large: bool,
) -> Result<()> {
    let mut counted = 0;
    for view in views.iter_mut().filter(|view| view.choices.len() <= MOST_CHOICES) {
        let others: Vec<&Condition> = conditions.iter().filter(|condition| condition.of != view.name).collect();
        let is_alone = others.is_empty() && model.options.rows.is_none();
        let list = narrow(all, others.into_iter());
        for choice in &mut view.choices {
            let Some(narrows) = &choice.narrows else { continue };
            if counted < MOST && (!is_large || (is_alone && narrows.is_counted(model.meta()))) {
                counted += 1;
                choice.count = Some(count(req.db()?, &narrows.apply(list.clone()))?);
            }
        }
    }
    Ok(())
}
