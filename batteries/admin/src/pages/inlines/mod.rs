//! Rows of other models on the page of the row that they refer to.

mod choices;
mod form;
mod save;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use lback_core::{Request, Result};
use lback_db::RequestDb;
use lback_models::{Cursor, FieldMeta, Filter, List, ManyToManyMeta, Value};

use self::form::{Input, Submitted, is_filled};
use super::edit::{SEEN, fingerprint, groups, without};
use super::inputs::may_change;
use crate::access::{self, Right};
use crate::history::{LinkedKeys, RowState};
use crate::inline_admin::Inline;
use crate::model_admin::Group;
use crate::names::Named;
use crate::shown::value_of;
use crate::site::{Registered, Site};
use crate::stored_files::is_file;

/// The maximum number of rows of a model on the page.
const MOST_ROWS: usize = 100;
/// The maximum number of fields of all these rows. A form has at most 1,000 fields, and the row of the page has some.
const MOST_FIELDS: usize = 800;
/// The maximum number of links of a row by a relation that is changed here. Each of them is sent like a field.
const MOST_LINKS: usize = 10;

/// The rows of a model that refer to the row of the page.
pub(super) struct InlineRows<'a> {
    inline: &'a Inline,
    model: &'a Registered,
    inputs: Vec<Input>,
    /// All rows that refer to the row of the page. `None` for a new row.
    list: Option<List>,
    rows: Vec<InlineRow>,
    /// The maximum number of rows that the page may have.
    most: usize,
    has_more: bool,
    can_add: bool,
    /// Whether the form had rows that are not on the page any more.
    has_lost: bool,
}

/// A row, or a new one.
struct InlineRow {
    /// The prefix of the names of its fields.
    prefix: String,
    values: Vec<Value>,
    /// The keys of the rows to which it is linked, by the names of its relations.
    linked: BTreeMap<&'static str, Vec<Value>>,
    /// The state of a row of the database.
    state: Option<RowState>,
    /// The fingerprint of the state.
    seen: String,
    key: String,
    label: String,
    can_change: bool,
    can_delete: bool,
    /// Whether a new row has been filled in.
    is_filled: bool,
}

impl InlineRow {
    /// Returns the new row with this number, or the blank one that is copied for more.
    fn new(prefix: &str, number: &str, values: Vec<Value>, is_filled: bool) -> Self {
        InlineRow {
            prefix: format!("{prefix}+{number}:"),
            values,
            linked: BTreeMap::new(),
            state: None,
            seen: String::new(),
            key: String::new(),
            label: String::new(),
            can_change: true,
            can_delete: false,
            is_filled,
        }
    }

    fn name(&self, field: &str) -> String {
        format!("{}{field}", self.prefix)
    }

    fn is_new(&self) -> bool {
        self.state.is_none()
    }

    fn linked(&self, link: &ManyToManyMeta) -> &[Value] {
        self.linked.get(link.name).map_or(&[], Vec::as_slice)
    }

    /// Returns whether the form has the row's input for a field or relation.
    fn changes(&self, named: Named) -> bool {
        self.can_change && !matches!(named, Named::Link(link) if self.linked(link).len() > MOST_LINKS)
    }
}

impl<'a> InlineRows<'a> {
    /// Returns the rows of each inline that refer to `parent`; a new row has none. Models of which the user may not see rows are left out.
    pub(super) fn all(req: &mut Request, site: &'a Site, inlines: &'a [Inline], parent: Option<&Value>) -> Result<Vec<Self>> {
        let most_fields = MOST_FIELDS / inlines.len().max(1);
        let found = inlines.iter().map(|inline| InlineRows::of(req, site, inline, parent, most_fields));
        found.filter_map(Result::transpose).collect()
    }

    fn of(req: &mut Request, site: &'a Site, inline: &'a Inline, parent: Option<&Value>, most_fields: usize) -> Result<Option<Self>> {
        let model = site.model(inline.meta.table)?;
        let unseen = access::unseen_fields(req, model)?;
        if !access::has(req, model, Right::View)? || unseen.contains(inline.field.name) {
            return Ok(None);
        }
        // A new row gets the reference to the row of the page.
        let can_add = access::has(req, model, Right::Add)? && access::changes_field(req, model, inline.field.name)?;
        let fields = fields(req, site, model, inline)?;
        let submitted = Submitted::of(req, inline)?;
        let width = |named: &Named| match named {
            // The file, and the box that clears it.
            Named::Field(field) if is_file(field) => 2,
            Named::Field(_) => 1,
            Named::Link(_) => MOST_LINKS,
        };
        // Each row also has a field for its state, and one to delete it.
        let most = most_fields / (fields.iter().map(width).sum::<usize>() + 2);
        let mut rows = Vec::new();
        let mut has_more = false;
        let list = match parent {
            Some(parent) => {
                let list = access::rows(req, model)?.filter(Filter::equal(inline.field, parent.clone()));
                let place = inline.position.map(|field| field.name).filter(|name| !unseen.contains(name));
                Some(list.order_by(place.as_slice())?)
            }
            None => None,
        };
        if let Some(list) = &list {
            let most = most.saturating_sub(inline.extra).clamp(1, MOST_ROWS);
            let page = list.page(req.db()?, &Cursor::default(), u32::try_from(most).unwrap_or(u32::MAX))?;
            has_more = page.next.is_some();
            rows = existing(req, site, model, inline, page.items, &unseen)?;
            for row in &mut rows {
                // A row that was added after the form was opened has no values in it.
                row.can_change &= submitted.as_ref().is_none_or(|submitted| submitted.seen.contains(&row.name(SEEN)));
            }
        }
        let most = most.clamp(rows.len() + inline.extra, rows.len() + MOST_ROWS).min(inline.max.unwrap_or(usize::MAX).max(rows.len()));
        let can_add = can_add && (submitted.is_some() || most > rows.len());
        if can_add {
            let empty = inline.extra.max(inline.min.saturating_sub(rows.len()));
            let numbers = submitted.as_ref().map(|submitted| submitted.numbers.clone()).unwrap_or_default();
            let numbers: BTreeSet<usize> = numbers.into_iter().chain(0..empty).collect();
            // More than the maximum number of rows are an error, and not left out.
            let room = if submitted.is_some() { MOST_ROWS } else { most - rows.len() };
            for number in numbers.into_iter().take(room) {
                let values = model.ops.blank(req.now())?;
                let mut row = InlineRow::new(&inline.prefix, &number.to_string(), values, false);
                row.is_filled = fields.iter().filter(|named| !inline.is_position(**named)).any(|named| {
                    let texts = submitted.as_ref().and_then(|submitted| submitted.texts.get(&row.name(named.name())));
                    is_filled(model, *named, &row.values, submitted.is_some(), texts)
                });
                rows.push(row);
            }
        }
        let known = rows.iter().filter(|row| row.can_change).map(|row| row.name(SEEN)).collect();
        let has_lost = submitted.as_ref().is_some_and(|submitted| !submitted.seen.is_subset(&known));
        let mut inline_rows = InlineRows { inline, model, inputs: Vec::new(), list, rows, most, has_more, can_add, has_lost };
        inline_rows.inputs = inline_rows.inputs(req, site, fields, submitted.as_ref())?;
        Ok(Some(inline_rows))
    }

    /// Returns whether the form has a field of the rows.
    fn has(&self, field: &FieldMeta) -> bool {
        self.inputs.iter().any(|input| input.named.name() == field.name)
    }
}

impl Inline {
    fn is_position(&self, named: Named) -> bool {
        self.position.is_some_and(|position| position.name == named.name())
    }
}

/// Returns rows of the database. The number of queries does not depend on that of the rows.
fn existing(
    req: &mut Request,
    site: &Site,
    model: &Registered,
    inline: &Inline,
    rows: Vec<Vec<Value>>,
    unseen: &BTreeSet<&str>,
) -> Result<Vec<InlineRow>> {
    let (ops, meta) = (model.ops, model.meta());
    let mut references = Vec::new();
    for field in meta.fields.iter().filter(|field| field.column != inline.field.column && !unseen.contains(field.name)) {
        if let Some(to) = Named::Field(field).to() {
            let keys = rows.iter().map(|row| value_of(meta, row, field).clone()).collect();
            references.push((field, access::seen(req, site, to, keys)?));
        }
    }
    let linked = LinkedKeys::of(req.db()?, ops, &rows)?;
    let row = |values: Vec<Value>| {
        // The form would not offer a row that the user may not see, and saving it would clear the reference.
        let sees_references = references.iter().all(|(field, seen)| seen.has(value_of(meta, &values, field)));
        let key = ops.key_text(&values);
        let state = linked.state(ops, &values, false);
        Ok(InlineRow {
            seen: fingerprint(&without(&state, unseen)),
            prefix: format!("{}{key}:", inline.prefix),
            state: Some(state),
            label: ops.label(&values),
            can_change: sees_references && access::has_for(req, model, Right::Change, &values)?,
            can_delete: access::has_for(req, model, Right::Delete, &values)?,
            is_filled: true,
            linked: meta.many_to_many.iter().map(|link| (link.name, linked.keys(link, key.clone()).to_vec())).collect(),
            key,
            values,
        })
    };
    rows.into_iter().map(row).collect()
}

/// Returns the fields and relations of a model that are part of the page of another: those of its own form, without the reference to the
/// row of the page.
fn fields(req: &mut Request, site: &Site, model: &Registered, inline: &Inline) -> Result<Vec<Named>> {
    let mut fields = Vec::new();
    for named in groups(model).iter().flat_map(Group::named) {
        // New rows have the same columns as the others, which keep their keys.
        if named.name() != inline.field.name && may_change(req, site, model, named, false)? {
            fields.push(named);
        }
    }
    if inline.fields.is_empty() {
        return Ok(fields);
    }
    let chosen = |named: &Named| fields.iter().any(|known| known.name() == named.name());
    // Without its field, a place could not be changed.
    let place = inline.position.filter(|place| !inline.fields.iter().any(|named| named.name() == place.name)).map(Named::Field);
    Ok(inline.fields.iter().copied().chain(place).filter(chosen).collect())
}

fn position(model: &Registered, field: &FieldMeta) -> usize {
    // The fields are those of the model.
    model.meta().position(field.column).unwrap_or_default()
}
