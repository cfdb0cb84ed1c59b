//! Loads the rows. The number of queries does not depend on that of the rows.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use lback_core::{Request, Result};
use lback_db::RequestDb;
use lback_models::{Cursor, Filter, Value};

use super::super::edit::{fingerprint, without};
use super::super::inputs::may_change;
use super::form::is_filled;
use super::submitted::Submitted;
use super::{InlineRow, InlineRows, MOST_LINKS, MOST_ROWS, NUMBER_OF_BLANK, Parent, SEEN, encoded};
use crate::access::{self, Right};
use crate::history::LinkedKeys;
use crate::inline_admin::Inline;
use crate::model_admin::Group;
use crate::names::Named;
use crate::shown::value_of;
use crate::site::{Registered, Site};
use crate::stored_files::is_file;

impl<'a> InlineRows<'a> {
    /// Returns the rows that refer to some parents. `None` if the user may not see rows of the model.
    pub(super) fn of(
        req: &mut Request,
        site: &'a Site,
        inline: &'a Inline,
        mut parents: Vec<Parent>,
        most_fields: usize,
    ) -> Result<Option<Self>> {
        let model = site.model(inline.meta.table)?;
        let unseen = access::unseen_fields(req, model)?;
        if !access::has(req, model, Right::View)? || unseen.contains(inline.field.name) {
            return Ok(None);
        }
        // A new row gets the reference to its parent.
        let can_add = access::has(req, model, Right::Add)? && access::changes_field(req, model, inline.field.name)?;
        let fields = fields(req, site, model, inline)?;
        let submitted = Submitted::of(req, &parents)?;
        let width = |named: &Named| match named {
            // The file, and the box that clears it.
            Named::Field(field) if is_file(field) => 2,
            Named::Field(_) => 1,
            Named::Link(_) => MOST_LINKS,
        };
        // Each row also has a field for its state, and one to delete it.
        let most = most_fields / (fields.iter().map(width).sum::<usize>() + 2);
        let count = parents.len().max(1);
        // The empty rows of several parents take at most half of the page.
        let extra = if count == 1 { inline.extra } else { inline.extra.min(most / 2 / count) };
        let place = inline.position.map(|field| field.name).filter(|name| !unseen.contains(name));
        let list = access::rows(req, model)?.order_by(place.as_slice())?;
        let mut inline_rows = InlineRows {
            inline,
            model,
            inputs: Vec::new(),
            list,
            parents: Vec::new(),
            rows: Vec::new(),
            nested: Vec::new(),
            has_lost: false,
        };
        let stored = inline_rows.stored(req, &mut parents, place, most.saturating_sub(extra * count).clamp(1, MOST_ROWS))?;
        let mut rows = existing(req, site, model, inline, stored, &parents, &unseen)?;
        for row in &mut rows {
            // A row that was added after the form was opened has no values in it.
            row.can_change &= submitted.as_ref().is_none_or(|submitted| submitted.seen.contains(&row.name(SEEN)));
        }
        for (at, parent) in parents.iter_mut().enumerate() {
            let known = rows.iter().filter(|row| row.parent == at).count();
            parent.most = (most / count).clamp(known + extra, known + MOST_ROWS).min(inline.max.unwrap_or(usize::MAX).max(known));
            parent.can_add = can_add && parent.can_change && (submitted.is_some() || parent.most > known);
            if !parent.can_add {
                continue;
            }
            let missing = inline.min.saturating_sub(known);
            let empty = extra.max(if count == 1 { missing } else { missing.min(extra) });
            let numbers = submitted.as_ref().map(|submitted| submitted.numbers(parent)).unwrap_or_default();
            let numbers: BTreeSet<usize> = numbers.into_iter().chain(0..empty).collect();
            // More than the maximum number of rows are an error, and not left out.
            let room = if submitted.is_some() { MOST_ROWS } else { parent.most - known };
            let numbers: Vec<_> = numbers.into_iter().take(room).collect();
            let new = numbers.len();
            for number in numbers {
                let mut row = InlineRow::new(at, &parent.prefix, &number.to_string(), model.ops.blank(req.now())?);
                row.is_filled = fields.iter().filter(|named| !inline.is_position(**named)).any(|named| {
                    let texts = submitted.as_ref().and_then(|submitted| submitted.texts(&row.name(named.name())));
                    is_filled(model, *named, &row.values, submitted.is_some(), texts)
                });
                rows.push(row);
            }
            if known + new < parent.most {
                parent.blank = Some(InlineRow::new(at, &parent.prefix, NUMBER_OF_BLANK, model.ops.blank(req.now())?));
            }
        }
        let known = rows.iter().filter(|row| row.can_change).map(|row| row.name(SEEN)).collect();
        inline_rows.has_lost = submitted.as_ref().is_some_and(|submitted| !submitted.seen.is_subset(&known));
        (inline_rows.parents, inline_rows.rows) = (parents, rows);
        inline_rows.inputs = inline_rows.inputs(req, site, fields, submitted.as_ref())?;
        inline_rows.add_nested(req, site, most_fields)?;
        Ok(Some(inline_rows))
    }

    /// Adds the inlines of the rows.
    fn add_nested(&mut self, req: &mut Request, site: &'a Site, most_fields: usize) -> Result<()> {
        for inline in &self.inline.inlines {
            let blank = self.parents.first().and_then(|parent| parent.blank.as_ref());
            let parents = self.rows.iter().chain(blank).map(|row| {
                let key = self.model.ops.key(&row.values).into_iter().next().filter(|_| !row.is_new());
                Parent::new(row.name(&inline.prefix), key, row.can_change)
            });
            let Some(nested) = InlineRows::of(req, site, inline, parents.collect(), most_fields)? else { continue };
            for row in nested.rows.iter().filter(|row| row.is_new() && row.is_filled) {
                if let Some(parent) = self.rows.get_mut(row.parent) {
                    parent.is_filled = true;
                }
            }
            self.nested.push(nested);
        }
        Ok(())
    }

    /// Returns the rows that refer to the parents, each with the place of its parent, at most `most` of them.
    fn stored(&self, req: &mut Request, parents: &mut [Parent], place: Option<&str>, most: usize) -> Result<Vec<(usize, Vec<Value>)>> {
        let (ops, meta, field) = (self.model.ops, self.model.meta(), self.inline.field);
        let keys: Vec<Value> = parents.iter().filter_map(|parent| parent.key.clone()).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let list = match keys.as_slice() {
            [key] => self.list.clone().filter(Filter::equal(field, key.clone())),
            // An index on the reference serves this order.
            _ => {
                let order: Vec<&str> = std::iter::once(field.name).chain(place).collect();
                self.list.clone().filter(Filter::OneOf(field, keys)).order_by(&order)?
            }
        };
        let page = list.page(req.db()?, &Cursor::default(), u32::try_from(most).unwrap_or(u32::MAX))?;
        let text = |key: &Value| ops.key_text_of(slice::from_ref(key));
        let places = parents.iter().enumerate().filter_map(|(at, parent)| Some((text(parent.key.as_ref()?), at)));
        let places: BTreeMap<String, usize> = places.collect();
        let placed = |row: Vec<Value>| Some((*places.get(&text(value_of(meta, &row, field)))?, row));
        let rows: Vec<(usize, Vec<Value>)> = page.items.into_iter().filter_map(placed).collect();
        if page.next.is_some() {
            let complete: BTreeSet<usize> =
                rows.iter().map(|(at, _)| *at).filter(|at| rows.last().is_none_or(|(last, _)| at != last)).collect();
            for (at, parent) in parents.iter_mut().enumerate().filter(|(_, parent)| parent.key.is_some()) {
                // Those without a row may have some.
                parent.has_more = !complete.contains(&at);
            }
        }
        Ok(rows)
    }
}

/// Returns rows of the database.
fn existing(
    req: &mut Request,
    site: &Site,
    model: &Registered,
    inline: &Inline,
    rows: Vec<(usize, Vec<Value>)>,
    parents: &[Parent],
    unseen: &BTreeSet<&str>,
) -> Result<Vec<InlineRow>> {
    let (ops, meta) = (model.ops, model.meta());
    let (places, rows): (Vec<usize>, Vec<Vec<Value>>) = rows.into_iter().unzip();
    let mut references = Vec::new();
    for field in meta.fields.iter().filter(|field| field.column != inline.field.column && !unseen.contains(field.name)) {
        if let Some(to) = Named::Field(field).to() {
            let keys = rows.iter().map(|row| value_of(meta, row, field).clone()).collect();
            references.push((field, access::seen(req, site, to, keys)?));
        }
    }
    let linked = LinkedKeys::of(req.db()?, ops, &rows)?;
    let row = |(place, values): (usize, Vec<Value>)| {
        let parent = &parents[place];
        // The form would not offer a row that the user may not see, and saving it would clear the reference.
        let sees_references = references.iter().all(|(field, seen)| seen.has(value_of(meta, &values, field)));
        let key = ops.key_text(&values);
        let state = linked.state(ops, &values, false);
        Ok(InlineRow {
            parent: place,
            seen: fingerprint(&without(&state, unseen)),
            prefix: format!("{}{}:", parent.prefix, encoded(&key)),
            state: Some(state),
            label: ops.label(&values),
            can_change: parent.can_change && sees_references && access::has_for(req, model, Right::Change, &values)?,
            can_delete: parent.can_change && access::has_for(req, model, Right::Delete, &values)?,
            is_filled: true,
            linked: meta.many_to_many.iter().map(|link| (link.name, linked.keys(link, key.clone()).to_vec())).collect(),
            key,
            values,
        })
    };
    places.into_iter().zip(rows).map(row).collect()
}

/// Returns the fields and relations of a model that are part of the page of another: those of its own form, without the reference to the
/// row of the page.
fn fields(req: &mut Request, site: &Site, model: &Registered, inline: &Inline) -> Result<Vec<Named>> {
    let mut fields = Vec::new();
    for named in model.groups().iter().flat_map(Group::named) {
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
