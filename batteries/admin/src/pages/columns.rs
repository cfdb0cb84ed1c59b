//! The columns of a list that a visitor chooses, and their order.

use std::collections::BTreeMap;

use lback_core::{Error, Request, Result};
use lback_db::Db;
use lback_models::{List, ManyToManyMeta, ModelOps, Value};
use serde::Serialize;

use crate::access;
use crate::language::text;
use crate::model_admin::Listed;
use crate::query_string::{Kept, QueryString};
use crate::shown::labels;
use crate::site::{Registered, Site};

/// The parameter: the names of columns, separated by commas or in several parameters.
const NAME: &str = "columns";
/// The maximum number of labels of a many-to-many relation of a row.
const MOST_LABELS: usize = 20;

/// The form in which a visitor chooses the columns.
#[derive(Serialize)]
pub(super) struct ChooserView {
    choices: Vec<ColumnChoice>,
    kept: Vec<Kept>,
    /// The link to the columns of the configuration.
    reset: Option<String>,
}

#[derive(Serialize)]
struct ColumnChoice {
    name: &'static str,
    label: String,
    is_chosen: bool,
    /// The link that exchanges the column with the previous one.
    earlier: Option<String>,
}

/// Returns the columns that a visitor may choose: those of the list, and all other fields and relations that are neither hidden nor left
/// out, if the user may see them and the rows to which a relation leads.
fn available(req: &mut Request, site: &Site, model: &Registered) -> Result<Vec<Listed>> {
    let mut columns = configured(req, site, model)?;
    let unseen = access::unseen_fields(req, model)?;
    let is_left_out = |name: &str| model.options.left_out.contains(&name);
    for field in model.meta().fields.iter().filter(|field| !field.hidden && !is_left_out(field.name) && !unseen.contains(field.name)) {
        if !columns.iter().any(|column| matches!(column, Listed::Field(other) if other.column == field.column)) {
            columns.push(Listed::Field(field));
        }
    }
    for link in model.meta().many_to_many.iter().filter(|link| !is_left_out(link.name) && !unseen.contains(link.name)) {
        if access::visible(req, site, (link.model)())?.is_some() {
            columns.push(Listed::Link(link));
        }
    }
    Ok(columns)
}

/// Returns the columns of the configuration, without fields that the user may not see, and those of models whose rows the user may not see.
pub(super) fn configured(req: &mut Request, site: &Site, model: &Registered) -> Result<Vec<Listed>> {
    let unseen = access::unseen_fields(req, model)?;
    let mut columns = Vec::new();
    for column in model.columns() {
        let is_seen = match column {
            Listed::Field(field) => !unseen.contains(field.name),
            Listed::Link(link) => !unseen.contains(link.name),
            Listed::Through(through) => {
                access::sees_through(req, site, model, through)? && access::visible(req, site, through.to)?.is_some()
            }
            Listed::Computed(_) => true,
        };
        if is_seen {
            columns.push(column);
        }
    }
    Ok(columns)
}

pub(super) fn label_of(model: &Registered, column: Listed) -> String {
    match column {
        Listed::Field(field) => field.label.to_owned(),
        Listed::Through(through) => through.label(),
        Listed::Link(link) => link.label.to_owned(),
        Listed::Computed(at) => model.options.computed[at].label.to_owned(),
    }
}

/// Returns the columns that the query string names, or `None` if it names none.
///
/// # Errors
/// Returns 400 if the user cannot choose one of them.
pub(super) fn chosen(req: &mut Request, site: &Site, model: &Registered, query: &QueryString) -> Result<Option<Vec<Listed>>> {
    let given = query.iter().filter(|(name, _)| *name == NAME).flat_map(|(_, value)| value.split(','));
    let names: Vec<&str> = given.filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Ok(None);
    }
    let available = available(req, site, model)?;
    let mut columns: Vec<Listed> = Vec::new();
    for name in names {
        let column = available.iter().find(|column| model.column_name(**column) == name);
        let column = *column.ok_or_else(|| Error::bad_request(text!("This list has no such column. Open the list again.")))?;
        // Each column is shown once.
        if !columns.iter().any(|other| model.column_name(*other) == name) {
            columns.push(column);
        }
    }
    Ok(Some(columns))
}

/// Returns the form in which the visitor chooses the columns. `columns` are those of the page.
pub(super) fn chooser(
    req: &mut Request,
    site: &Site,
    model: &Registered,
    columns: &[Listed],
    query: &QueryString,
    path: &str,
) -> Result<ChooserView> {
    let names: Vec<&str> = columns.iter().map(|column| model.column_name(*column)).collect();
    let earlier = |at: usize| {
        let mut names = names.clone();
        names.swap(at - 1, at);
        query.with(NAME, Some(&names.join(","))).on(path)
    };
    let choice = |column: Listed, at: Option<usize>| ColumnChoice {
        name: model.column_name(column),
        label: label_of(model, column),
        is_chosen: at.is_some(),
        earlier: at.filter(|at| *at > 0).map(earlier),
    };
    let others = available(req, site, model)?.into_iter().filter(|column| !names.contains(&model.column_name(*column)));
    let choices = columns.iter().enumerate().map(|(at, column)| choice(*column, Some(at))).chain(others.map(|column| choice(column, None)));
    Ok(ChooserView {
        choices: choices.collect(),
        kept: query.without(&[NAME, "after", "before"]).kept(),
        reset: query.get(NAME).map(|_| query.with(NAME, None).on(path)),
    })
}

/// The labels of the rows to which rows are linked, joined, by the texts of the keys of the rows.
pub(super) type LinkedLabels = BTreeMap<String, String>;

/// Returns the labels of the rows of `others` to which rows are linked.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) fn linked_labels(
    db: &mut Db,
    ops: &'static dyn ModelOps,
    link: &'static ManyToManyMeta,
    others: &List,
    rows: &[Vec<Value>],
) -> Result<LinkedLabels> {
    let most = u32::try_from(MOST_LABELS + 1).unwrap_or(u32::MAX);
    let pairs = ops.linked_among(db, link, rows, others, most)?;
    let labels = labels(db, others, pairs.iter().map(|(_, other)| other.clone()).collect())?;
    let mut linked: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (own, other) in &pairs {
        if let Some(label) = labels.get(&ops.key_text_of(std::slice::from_ref(other))) {
            linked.entry(ops.key_text_of(std::slice::from_ref(own))).or_default().push(label);
        }
    }
    let joined = |labels: Vec<&str>| match labels.get(..MOST_LABELS) {
        Some(first) if labels.len() > MOST_LABELS => format!("{}, …", first.join(", ")),
        _ => labels.join(", "),
    };
    Ok(linked.into_iter().map(|(key, labels)| (key, joined(labels))).collect())
}
