//! The members of a group, and the users with a permission.

use diesel::prelude::*;
use lback_core::Result;
use lback_db::Db;

use crate::permissions::auth_groups_permissions as groups_permissions;
use crate::user::{auth_users as users, auth_users_groups as users_groups, auth_users_own_permissions as users_permissions};
use crate::{Group, Permission, User};

impl Group {
    /// Returns the users in the group, sorted by name, including deactivated users.
    ///
    /// ```
    /// # use lback::Result;
    /// use lback::auth::Group;
    ///
    /// fn names(db: &mut lback::db::Db, group: &Group) -> Result<Vec<String>> {
    ///     Ok(group.members(db)?.into_iter().map(|user| user.username).collect())
    /// }
    /// ```
    pub fn members(&self, db: &mut Db) -> Result<Vec<User>> {
        let ids = users_groups::table.filter(users_groups::group_id.eq(self.id)).select(users_groups::user_id);
        let members = User::ordered().filter(users::id.eq_any(ids));
        Ok(members.load(db)?)
    }
}

impl User {
    /// Returns the users who [have](Self::has_perm) a permission, sorted by name: their own, through a group, or as superusers.
    /// Deactivated users have none.
    ///
    /// # Errors
    /// Returns 404 if the permission does not exist.
    pub fn with_permission(db: &mut Db, permission: &str) -> Result<Vec<User>> {
        let permission = Permission::id(db, permission)?;
        let by_themselves =
            users_permissions::table.filter(users_permissions::permission_id.eq(permission)).select(users_permissions::user_id);
        let groups =
            groups_permissions::table.filter(groups_permissions::permission_id.eq(permission)).select(groups_permissions::group_id);
        let by_group = users_groups::table.filter(users_groups::group_id.eq_any(groups)).select(users_groups::user_id);
        let have_it = users::is_superuser.or(users::id.eq_any(by_themselves)).or(users::id.eq_any(by_group));
        Ok(User::ordered().filter(users::is_active.and(have_it)).load(db)?)
    }
}
