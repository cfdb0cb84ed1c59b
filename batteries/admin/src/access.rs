//! The rights of the current user for the models.

use std::collections::BTreeSet;
use std::slice;

pub(crate) use lback_auth::Right;
use lback_auth::{Group, Permission, RequestAuth, User};
use lback_core::{Error, Request, Result};
use lback_db::RequestDb;
use lback_models::runtime::ops_of;
use lback_models::{List, Model as _, ModelMeta, ModelOps as _, Value, ops};

use crate::language::text;
use crate::list_options::Through;
use crate::shown::{RowsByKey, rows_by_key};
use crate::site::{Registered, Site};

/// Returns whether the user has a right for a model.
pub(crate) fn has(req: &mut Request, model: &Registered, right: Right) -> Result<bool> {
    if model.is_read_only() && right != Right::View {
        return Ok(false);
    }
    let meta = model.meta();
    // A user who changes a permission changes the rights of all who have it.
    if meta.table == Permission::META.table && right != Right::View && !decides_on_rights(req)? {
        return Ok(false);
    }
    let permitted = req.has_perm(&right.permission(meta))?
        // The right to change rows includes the right to see them.
        || (right == Right::View && !model.is_read_only() && req.has_perm(&Right::Change.permission(meta))?);
    match (&model.options.can_add, right) {
        (Some(may), Right::Add) => Ok(permitted && may(req)?),
        _ => Ok(permitted),
    }
}

/// Returns whether the user has any permission for a model, and so may see one of its pages.
pub(crate) fn has_any(req: &mut Request, meta: &ModelMeta) -> Result<bool> {
    for right in Right::ALL {
        if req.has_perm(&right.permission(meta))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns an error unless the user has a right for a model.
///
/// # Errors
/// Returns 403 if the user lacks the right.
#[track_caller]
pub(crate) fn require(req: &mut Request, model: &Registered, right: Right) -> Result<()> {
    if has(req, model, right)? { Ok(()) } else { Err(lacking(model, right)) }
}

/// Returns whether the user has a right for a row.
pub(crate) fn has_for(req: &mut Request, model: &Registered, right: Right, row: &[Value]) -> Result<bool> {
    let decide = match right {
        Right::Change => &model.options.can_change,
        Right::Delete => &model.options.can_delete,
        Right::View | Right::Add => &None,
    };
    if model.meta().table == User::META.table && right != Right::View && is_superuser(row)? && !decides_on_rights(req)? {
        return Ok(false);
    }
    Ok(has(req, model, right)?
        && match decide {
            Some(may) => may(req, row)?,
            None => true,
        })
}

fn is_superuser(row: &[Value]) -> Result<bool> {
    Ok(User::from_values(row.to_vec())?.is_superuser)
}

/// Returns whether the user may decide about the rights of others. Other users could grant more rights than they have.
pub(crate) fn decides_on_rights(req: &mut Request) -> Result<bool> {
    Ok(req.user()?.is_some_and(|user| user.is_superuser))
}

/// Returns whether the rows of a model decide about rights.
pub(crate) fn grants_rights(meta: &ModelMeta) -> bool {
    RIGHTS.contains(&meta.table)
}

/// The tables whose rows decide about rights: users, groups and permissions.
pub(crate) const RIGHTS: [&str; 3] = [User::META.table, Group::META.table, Permission::META.table];

/// Returns an error unless the user has a right for a row.
///
/// # Errors
/// Returns 403 if the user lacks the right.
#[track_caller]
pub(crate) fn require_for(req: &mut Request, model: &Registered, right: Right, row: &[Value]) -> Result<()> {
    if has_for(req, model, right, row)? { Ok(()) } else { Err(lacking(model, right)) }
}

#[track_caller]
fn lacking(model: &Registered, right: Right) -> Error {
    let cause = format!("the user lacks the permission {}", right.permission(model.meta()));
    Error::forbidden(text!("You are not allowed to do this.")).with_source(cause)
}

/// Returns the names of the fields and relations of a model that the user may not see.
pub(crate) fn unseen_fields(req: &mut Request, model: &Registered) -> Result<BTreeSet<&'static str>> {
    let mut unseen = model.options.hidden.clone();
    for limited in model.options.limited.iter().filter(|limited| limited.to_see) {
        if !req.has_perm(limited.permission)? {
            unseen.insert(limited.name);
        }
    }
    Ok(unseen)
}

/// Returns whether the user may see a field or relation of a model.
pub(crate) fn sees_field(req: &mut Request, model: &Registered, name: &str) -> Result<bool> {
    Ok(!unseen_fields(req, model)?.contains(name))
}

/// Returns whether the user may change a field or relation of a model in rows that the user may change.
pub(crate) fn changes_field(req: &mut Request, model: &Registered, name: &str) -> Result<bool> {
    if model.options.hidden.contains(name) || model.options.fixed.contains(name) {
        return Ok(false);
    }
    for limited in model.options.limited.iter().filter(|limited| limited.name == name) {
        if !req.has_perm(limited.permission)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns whether the user may see a field of the row to which a reference of a model leads.
pub(crate) fn sees_through(req: &mut Request, site: &Site, model: &Registered, through: Through) -> Result<bool> {
    Ok(sees_field(req, model, through.reference.name)?
        && match site.find(through.to.table) {
            Some(to) => sees_field(req, to, through.field.name)?,
            None => true,
        })
}

/// Returns whether a model refers to others by a field that the user may not see, so that the rows that refer to a row are not revealed.
pub(crate) fn hides_reference(req: &mut Request, site: &Site, meta: &ModelMeta) -> Result<bool> {
    let Some(model) = site.find(meta.table) else { return Ok(false) };
    let unseen = unseen_fields(req, model)?;
    Ok(meta.fields.iter().any(|field| field.references.is_some() && unseen.contains(field.name)))
}

/// Returns the rows that the user may see.
pub(crate) fn rows(req: &mut Request, model: &Registered) -> Result<List> {
    let list = model.ops.list();
    match &model.options.rows {
        Some(narrow) => {
            let user = req.require_login()?;
            Ok(narrow(list, user))
        }
        None => Ok(list),
    }
}

/// Returns the rows of another model that the user may see and choose, or `None` if there are none.
pub(crate) fn visible(req: &mut Request, site: &Site, meta: &ModelMeta) -> Result<Option<List>> {
    let is_permission = meta.table == Permission::META.table;
    if is_permission && !decides_on_rights(req)? {
        return Ok(None);
    }
    match site.find(meta.table) {
        Some(model) if has(req, model, Right::View)? => rows(req, model).map(Some),
        // Superusers choose permissions even if the site does not list them.
        None if is_permission => Ok(Some(ops::<Permission>().list())),
        _ => Ok(None),
    }
}

/// The rows of another model that the user may see, among those with some keys.
pub(crate) struct Seen {
    meta: &'static ModelMeta,
    /// The texts of their keys. `None` if the user may see all rows.
    keys: Option<BTreeSet<String>>,
}

impl Seen {
    /// Returns whether the user may see the row with one of the keys. Nothing can be seen behind `NULL`, and nothing is hidden.
    pub(crate) fn has(&self, key: &Value) -> bool {
        let is_seen = |keys: &BTreeSet<String>| keys.contains(&ops_of(self.meta).key_text_of(slice::from_ref(key)));
        *key == Value::Null || self.keys.as_ref().is_none_or(is_seen)
    }
}

/// Returns the rows of another model that the user may see, among those with these keys.
pub(crate) fn seen(req: &mut Request, site: &Site, meta: &'static ModelMeta, keys: Vec<Value>) -> Result<Seen> {
    if sees_all(req, site, meta)? {
        return Ok(Seen { meta, keys: None });
    }
    let rows = match visible(req, site, meta)? {
        Some(list) => rows_by_key(req.db()?, &list, keys)?,
        None => RowsByKey::new(),
    };
    Ok(Seen { meta, keys: Some(rows.into_keys().collect()) })
}

/// Returns whether the user may see the row of another model to which a value refers.
pub(crate) fn sees(req: &mut Request, site: &Site, meta: &'static ModelMeta, value: &Value) -> Result<bool> {
    Ok(seen(req, site, meta, vec![value.clone()])?.has(value))
}

/// Returns whether the user may see all rows of a model, so that an answer that depends on its rows reveals nothing.
pub(crate) fn sees_all(req: &mut Request, site: &Site, meta: &ModelMeta) -> Result<bool> {
    match site.find(meta.table) {
        Some(model) if model.options.rows.is_none() => has(req, model, Right::View),
        _ => Ok(false),
    }
}
