//! The form of a row: a new one, or one that is changed.

mod conflict;
mod dialog;
mod fields;
mod page;
mod prepopulated;
mod row_view;
mod save;

pub(super) use dialog::{added, is_in_dialog};
pub(super) use page::{Buttons, GroupView};
pub(super) use row_view::{RowLink, RowView};
pub(super) use save::Then;

use std::collections::BTreeSet;

use lback_core::{Error, Method, Request, Response, Result};
use lback_db::RequestDb;
use lback_models::{Auto, FieldMeta, Value};

use super::confirm::confirm_for;
use super::inlines::InlineRows;
use super::inputs::may_change;
use super::layout::{key_of_path, site_and_table};
use super::list_rows::FROM;
use crate::access::{self, Right};
use crate::history::{RowState, state_of};
use crate::language::{text, within_sentence};
use crate::model_admin::Group;
use crate::names::Named;
use crate::query_string::QueryString;
use crate::shown::value_of;
use crate::site::{Registered, Site};

/// The hidden field that identifies the state of the row from which the form was filled in.
pub(super) const SEEN: &str = "_seen";

/// The row of a form.
struct Edited<'a> {
    model: &'a Registered,
    /// The values of the row: those of the database, or those of a new row.
    values: Vec<Value>,
    /// The key as text. `None` for a new row.
    key: Option<String>,
    groups: Vec<Group>,
    /// The fields that the visitor may change.
    fields: Vec<Named>,
    can_save: bool,
    inlines: Vec<InlineRows<'a>>,
    /// The names of the fields that the visitor may not see.
    unseen: BTreeSet<&'static str>,
}

pub(super) fn add(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::Add)?;
    if let Some(page) = confirm_for(req, model)? {
        return Ok(page);
    }
    let values = model.ops.blank(req.now())?;
    let edited = Edited::new(req, &site, model, values, None, true)?;
    let mut form = edited.form(req, &site)?;
    let query = QueryString::of(req)?;
    for name in edited.fields.iter().map(|named| named.name()) {
        if let Some(value) = query.get(name) {
            form = form.initial(name, value);
        }
    }
    if let Some(response) = edited.save(req, &site, &mut form, None)? {
        return Ok(response);
    }
    edited.page(req, &site, form, None)
}

pub(super) fn change(req: &mut Request) -> Result<Response> {
    let (site, table) = site_and_table(req)?;
    let model = site.model(&table)?;
    access::require(req, model, Right::View)?;
    if *req.method() == Method::POST {
        access::require(req, model, Right::Change)?;
        if let Some(page) = confirm_for(req, model)? {
            return Ok(page);
        }
    }
    let (key, mut values) = row_of_path(req, model)?;
    if *req.method() == Method::POST {
        access::require_for(req, model, Right::Change, &values)?;
        // Others who save the row at the same time come before or after this request.
        model.ops.lock(req.db()?, &values)?;
        values = row_of_path(req, model)?.1;
        access::require_for(req, model, Right::Change, &values)?;
    }
    let can_save = access::has_for(req, model, Right::Change, &values)?;
    let edited = Edited::new(req, &site, model, values, Some(key), can_save)?;
    let mut form = edited.form(req, &site)?;
    let state = state_of(req.db()?, model.ops, &edited.values, false)?;
    let seen = fingerprint(&without(&state, &edited.unseen));
    form = form.initial(SEEN, seen.as_str());
    if let Some(response) = edited.save(req, &site, &mut form, Some(&state))? {
        return Ok(response);
    }
    let mut conflict = None;
    if form.values(SEEN) != [seen.as_str()] {
        conflict = Some(edited.conflict(req, &form, &state)?);
        // Saving again overwrites the values that the visitor sees now.
        form = form.initial(SEEN, seen.as_str());
    }
    edited.page(req, &site, form, conflict)
}

/// Returns the key and the row that the path names.
///
/// # Errors
/// Returns 404 if the row does not exist, or if the user may not see it.
pub(super) fn row_of_path(req: &mut Request, model: &Registered) -> Result<(String, Vec<Value>)> {
    let text = key_of_path(&req.param::<String>("key")?);
    let missing =
        || Error::not_found(text!("There is no such {model}. It may have been deleted.", model = within_sentence(model.meta().label)));
    let key = model.ops.read_key(&text).ok_or_else(missing)?;
    let row = access::rows(req, model)?.find(req.db()?, &key)?.ok_or_else(missing)?;
    Ok((text, row))
}

/// Returns the state of a row without some fields.
pub(super) fn without(state: &RowState, unseen: &BTreeSet<&str>) -> RowState {
    state.iter().filter(|(name, _)| !unseen.contains(name.as_str())).map(|(name, json)| (name.clone(), json.clone())).collect()
}

/// Returns a hash of the row, which changes with it. It must not depend on fields that the visitor may not see, whose values could be guessed
/// from it.
pub(super) fn fingerprint(state: &RowState) -> String {
    // FNV-1a, which stays the same in all versions.
    let text = serde_json::Value::Object(state.clone()).to_string();
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

impl<'a> Edited<'a> {
    fn new(
        req: &mut Request,
        site: &'a Site,
        model: &'a Registered,
        values: Vec<Value>,
        key: Option<String>,
        can_save: bool,
    ) -> Result<Self> {
        let unseen = access::unseen_fields(req, model)?;
        let mut edited = Edited { model, values, key, groups: model.groups(), fields: Vec::new(), can_save, inlines: Vec::new(), unseen };
        if can_save {
            for named in edited.groups.iter().flat_map(Group::named).collect::<Vec<_>>() {
                if edited.may_change(req, site, named)? {
                    edited.fields.push(named);
                }
            }
        }
        edited.inlines = InlineRows::all(req, site, &model.options.inlines, edited.parent().as_ref())?;
        Ok(edited)
    }

    /// Returns the key by which other rows refer to this row. `None` for a new row.
    fn parent(&self) -> Option<Value> {
        self.key.as_ref().and_then(|_| self.model.ops.key(&self.values).into_iter().next())
    }

    fn is_new(&self) -> bool {
        self.key.is_none()
    }

    /// Returns whether the database gives a copy of the row a key of its own.
    fn can_be_copied(&self) -> bool {
        let meta = self.model.meta();
        let key = meta.primary_key.iter().filter_map(|column| meta.field_of_column(column));
        !self.is_new() && key.into_iter().all(|field| field.auto == Auto::Id)
    }

    fn may_change(&self, req: &mut Request, site: &Site, named: Named) -> Result<bool> {
        if !may_change(req, site, self.model, named, self.is_new())? {
            return Ok(false);
        }
        match (named.to(), named) {
            // The form would not offer the current row, and saving it would clear the reference.
            (Some(to), Named::Field(field)) if !self.is_new() => access::sees(req, site, to, self.value(field)),
            _ => Ok(true),
        }
    }

    fn value(&self, field: &FieldMeta) -> &Value {
        value_of(self.model.meta(), &self.values, field)
    }
}

/// Returns the query string of the list from which the page was opened.
fn from_list(req: &Request) -> Result<QueryString> {
    Ok(QueryString::of(req)?.get(FROM).map(QueryString::parse).unwrap_or_default())
}
