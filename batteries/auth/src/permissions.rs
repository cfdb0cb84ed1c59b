//! Permissions, which the application and its batteries declare, and groups, which have permissions.

use std::collections::BTreeSet;

use diesel::prelude::*;
use lback_core::{Error, Result};
use lback_db::Db;
use serde::Serialize;

use crate::User;
use crate::schema::{
    auth_groups as groups, auth_groups_permissions as groups_permissions, auth_permissions as permissions,
    auth_users_groups as users_groups, auth_users_permissions as users_permissions,
};

/// A permission, as `App::permissions` declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Permission {
    /// The name for the program: `blog.add_post`.
    pub name: String,
    /// The label for people: "Write posts".
    pub label: String,
}

impl Permission {
    /// Returns a permission with this name and label.
    pub fn new(name: &str, label: &str) -> Self {
        Permission { name: name.to_owned(), label: label.to_owned() }
    }

    pub(crate) fn has_valid_name(&self) -> bool {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_.-:".contains(c);
        !self.name.is_empty() && self.name.len() <= 150 && self.name.chars().all(is_allowed)
    }

    pub(crate) fn id(db: &mut Db, name: &str) -> Result<i64> {
        let found = permissions::table.filter(permissions::name.eq(name)).select(permissions::id);
        let id: Option<i64> = found.get_result(db).optional()?;
        id.ok_or_else(|| {
            Error::not_found(format!("the permission \"{name}\" does not exist. Declare it with App::permissions, and run migrate"))
        })
    }
}

impl From<(&str, &str)> for Permission {
    fn from((name, label): (&str, &str)) -> Self {
        Permission::new(name, label)
    }
}

/// Inserts the declared permissions and updates their labels. Existing permissions keep their ids. Permissions that are no longer declared
/// stay, with the users and groups that have them, because another version of the application may be running.
///
/// # Errors
/// Returns an error if the database fails.
pub fn declare_permissions<'a>(db: &mut Db, declared: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<()> {
    for (name, label) in declared {
        let found = permissions::table.filter(permissions::name.eq(name)).select(permissions::label);
        let known: Option<String> = found.get_result(db).optional()?;
        match known {
            Some(known) if known == label => {}
            Some(_) => {
                let row = permissions::table.filter(permissions::name.eq(name));
                diesel::update(row).set(permissions::label.eq(label)).execute(db)?;
            }
            None => {
                let row = (permissions::name.eq(name), permissions::label.eq(label));
                // Another process may start at the same time.
                diesel::insert_into(permissions::table).values(row).on_conflict_do_nothing().execute(db)?;
            }
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

pub(crate) fn grant_to_user(db: &mut Db, user_id: i64, permission_id: i64) -> Result<()> {
    let row = (users_permissions::user_id.eq(user_id), users_permissions::permission_id.eq(permission_id));
    diesel::insert_into(users_permissions::table).values(row).on_conflict_do_nothing().execute(db)?;
    Ok(())
}

pub(crate) fn revoke_from_user(db: &mut Db, user_id: i64, permission_id: i64) -> Result<()> {
    let row = users_permissions::table.find((user_id, permission_id));
    diesel::delete(row).execute(db)?;
    Ok(())
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Group {
    /// The id, which is never reused.
    pub id: i64,
    /// The name.
    pub name: String,
}

impl Group {
    /// Returns the group with this name, or `None` if there is none.
    ///
    /// # Errors
    /// Returns an error if the database fails, as do the other methods.
    pub fn named(db: &mut Db, name: &str) -> Result<Option<Group>> {
        let found = groups::table.filter(groups::name.eq(name)).select((groups::id, groups::name));
        let row: Option<(i64, String)> = found.get_result(db).optional()?;
        Ok(row.map(|(id, name)| Group { id, name }))
    }

    /// Returns the group with this name, creating it if necessary.
    ///
    /// # Errors
    /// Returns 400 if the name is empty, has more than 150 characters, or contains control characters.
    pub fn get_or_create(db: &mut Db, name: &str) -> Result<Group> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 150 || name.chars().any(char::is_control) {
            return Err(Error::bad_request("A group name has 1 to 150 characters."));
        }
        diesel::insert_into(groups::table).values(groups::name.eq(name)).on_conflict_do_nothing().execute(db)?;
        Self::named(db, name)?.ok_or_else(|| Error::internal("a group was not found after it was created"))
    }

    /// Returns all groups, sorted by name.
    pub fn all(db: &mut Db) -> Result<Vec<Group>> {
        let rows: Vec<(i64, String)> = groups::table.order(groups::name).select((groups::id, groups::name)).load(db)?;
        Ok(rows.into_iter().map(|(id, name)| Group { id, name }).collect())
    }

    /// Returns the groups of a user, sorted by name.
    pub fn of(db: &mut Db, user: &User) -> Result<Vec<Group>> {
        let ids = users_groups::table.filter(users_groups::user_id.eq(user.id)).select(users_groups::group_id);
        let theirs = groups::table.filter(groups::id.eq_any(ids)).order(groups::name).select((groups::id, groups::name));
        let rows: Vec<(i64, String)> = theirs.load(db)?;
        Ok(rows.into_iter().map(|(id, name)| Group { id, name }).collect())
    }

    /// Adds a user. Adding a member has no effect.
    pub fn add(&self, db: &mut Db, user: &User) -> Result<()> {
        let row = (users_groups::user_id.eq(user.id), users_groups::group_id.eq(self.id));
        diesel::insert_into(users_groups::table).values(row).on_conflict_do_nothing().execute(db)?;
        Ok(())
    }

    /// Removes a user.
    pub fn remove(&self, db: &mut Db, user: &User) -> Result<()> {
        let row = users_groups::table.find((user.id, self.id));
        diesel::delete(row).execute(db)?;
        Ok(())
    }

    /// Grants a permission to all members.
    ///
    /// # Errors
    /// Returns 404 if the permission does not exist.
    pub fn grant(&self, db: &mut Db, permission: &str) -> Result<()> {
        let row = (groups_permissions::group_id.eq(self.id), groups_permissions::permission_id.eq(Permission::id(db, permission)?));
        diesel::insert_into(groups_permissions::table).values(row).on_conflict_do_nothing().execute(db)?;
        Ok(())
    }

    /// Revokes a permission of the group.
    ///
    /// # Errors
    /// Returns 404 if the permission does not exist.
    pub fn revoke(&self, db: &mut Db, permission: &str) -> Result<()> {
        let row = groups_permissions::table.find((self.id, Permission::id(db, permission)?));
        diesel::delete(row).execute(db)?;
        Ok(())
    }
}
