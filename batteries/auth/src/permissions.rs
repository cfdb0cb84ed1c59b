//! Permissions, which the application and its batteries declare, and groups, which have permissions.

use std::collections::BTreeSet;

use diesel::prelude::*;
use lback_core::{Error, Result};
use lback_db::Db;
use lback_models::{Model, WritableModel};
use serde::Serialize;

use self::auth_groups_permissions as groups_permissions;
use self::{auth_groups as groups, auth_permissions as permissions};
use crate::User;
use crate::user::{auth_users_groups as users_groups, auth_users_own_permissions as users_permissions};

/// A permission, which `App::permissions` has declared.
#[derive(Model, Clone, Debug, PartialEq, Eq, Serialize)]
#[model(crate = lback_models, table = "auth_permissions", order = "name", display = label, unmanaged)]
pub struct Permission {
    /// The id, which is never reused.
    pub id: i64,
    /// The name for the program: `blog.add_post`.
    #[model(max_length = 150, unique)]
    pub name: String,
    /// The label for people: "Write posts".
    pub label: String,
}

impl Permission {
    pub(crate) fn id(db: &mut Db, name: &str) -> Result<i64> {
        let found = permissions::table.filter(permissions::name.eq(name)).select(permissions::id);
        let id: Option<i64> = found.get_result(db).optional()?;
        id.ok_or_else(|| {
            Error::not_found(format!("the permission \"{name}\" does not exist. Declare it with App::permissions, and run migrate"))
        })
    }
}

impl NewPermission {
    pub(crate) fn has_valid_name(&self) -> bool {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_.-:".contains(c);
        !self.name.is_empty() && self.name.len() <= 150 && self.name.chars().all(is_allowed)
    }
}

impl From<(&str, &str)> for NewPermission {
    fn from((name, label): (&str, &str)) -> Self {
        NewPermission { name: name.to_owned(), label: label.to_owned() }
    }
}

/// Inserts the declared permissions and updates their labels. Existing permissions keep their ids. Permissions that are no longer declared
/// stay, with the users and groups that have them, because another version of the application may be running.
///
/// # Errors
/// Returns an error if the database fails.
pub fn declare_permissions<'a>(db: &mut Db, declared: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<()> {
    for declared in declared {
        // Another process may start at the same time.
        let (mut permission, _) = Permission::get_or_create(db, declared.into(), &["name"])?;
        if permission.label != declared.1 {
            declared.1.clone_into(&mut permission.label);
            permission.save(db)?;
        }
    }
    Ok(())
}

/// Returns the names of all permissions.
pub(crate) fn all(db: &mut Db) -> Result<BTreeSet<String>> {
    let names: Vec<String> = permissions::table.select(permissions::name).load(db)?;
    Ok(names.into_iter().collect())
}

/// Returns the names of a user's permissions: their own and those of their groups.
pub(crate) fn of_user(db: &mut Db, user_id: i64) -> Result<BTreeSet<String>> {
    let own = users_permissions::table.filter(users_permissions::user_id.eq(user_id)).select(users_permissions::permission_id);
    let their_groups = users_groups::table.filter(users_groups::user_id.eq(user_id)).select(users_groups::group_id);
    let by_group =
        groups_permissions::table.filter(groups_permissions::group_id.eq_any(their_groups)).select(groups_permissions::permission_id);
    let theirs = permissions::id.eq_any(own).or(permissions::id.eq_any(by_group));
    let names: Vec<String> = permissions::table.filter(theirs).select(permissions::name).load(db)?;
    Ok(names.into_iter().collect())
}

/// A group of users with the same permissions.
///
/// ```
/// # use lback::Result;
/// use lback::auth::{Group, User};
///
/// fn make_editor(db: &mut lback::db::Db, user: &User) -> Result<()> {
///     let editors = Group::get_or_create(db, "editors")?;
///     editors.grant(db, "blog.change_post")?;
///     editors.add(db, user)
/// }
/// ```
#[derive(Model, Clone, Debug, PartialEq, Eq, Serialize)]
#[model(crate = lback_models, table = "auth_groups", order = "name", unmanaged, many_to_many(permissions: Permission))]
#[non_exhaustive]
pub struct Group {
    /// The id, which is never reused.
    pub id: i64,
    /// The name.
    #[model(max_length = 150, unique, clean = check_group_name)]
    pub name: String,
}

fn check_group_name(name: &str) -> Result<(), &'static str> {
    match name.trim().is_empty() || name.chars().count() > 150 || name.chars().any(char::is_control) {
        true => Err("A group name has 1 to 150 characters."),
        false => Ok(()),
    }
}

impl Group {
    /// Returns the group with this name, or `None` if there is none.
    ///
    /// # Errors
    /// Returns an error if the database fails, as do the other methods.
    pub fn named(db: &mut Db, name: &str) -> Result<Option<Group>> {
        Ok(Group::query().filter(groups::name.eq(name)).first(db).optional()?)
    }

    /// Returns the group with this name, creating it if necessary.
    ///
    /// # Errors
    /// Returns 400 if the name is empty, has more than 150 characters, or contains control characters.
    pub fn get_or_create(db: &mut Db, name: &str) -> Result<Group> {
        let name = name.trim().to_owned();
        check_group_name(&name).map_err(Error::bad_request)?;
        let (group, _) = <Group as WritableModel>::get_or_create(db, NewGroup { name }, &["name"])?;
        Ok(group)
    }

    /// Returns all groups, sorted by name.
    pub fn all(db: &mut Db) -> Result<Vec<Group>> {
        Ok(Group::ordered().load(db)?)
    }

    /// Adds a user. Adding a member has no effect.
    pub fn add(&self, db: &mut Db, user: &User) -> Result<()> {
        user.add_groups(db, &[self.id])
    }

    /// Removes a user.
    pub fn remove(&self, db: &mut Db, user: &User) -> Result<()> {
        user.remove_groups(db, &[self.id])
    }

    /// Grants a permission to all members.
    ///
    /// # Errors
    /// Returns 404 if the permission does not exist.
    pub fn grant(&self, db: &mut Db, permission: &str) -> Result<()> {
        let permission = Permission::id(db, permission)?;
        self.add_permissions(db, &[permission])
    }

    /// Revokes a permission of the group.
    ///
    /// # Errors
    /// Returns 404 if the permission does not exist.
    pub fn revoke(&self, db: &mut Db, permission: &str) -> Result<()> {
        let permission = Permission::id(db, permission)?;
        self.remove_permissions(db, &[permission])
    }
}
