//! The framework's own users.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use lback_core::{Error, Result, StatusCode};
use lback_db::Db;
use lback_models::Model;
use serde::Serialize;

use self::auth_users as users;
use crate::name::{check_email, email_key, former_key, username_key};
use crate::new_user::reserve_name;
use crate::permissions;
use crate::{Account, Group, Permission};

/// A user of the framework's own table `auth_users`.
///
/// Its serialized form, for templates or JSON, has all fields except the password hash and the normal forms of names and addresses.
#[derive(Model, Clone, Serialize)]
#[model(crate = lback_models, table = "auth_users", order = "username_key", read_only, unmanaged)]
#[model(many_to_many(groups: Group), many_to_many(own_permissions: Permission, table = "auth_users_permissions"))]
pub struct User {
    /// The id, which is never reused, not even after the user is deleted.
    pub id: i64,
    /// The name as it is displayed. Its [normal form](crate::username_key) is unique.
    pub username: String,
    /// The normal form of the name, for comparisons: [`username_key`](crate::username_key).
    #[model(unique, hidden)]
    #[serde(skip)]
    username_key: String,
    /// The e-mail address as it was typed, to which mails to the user are sent. Its [normal form](crate::email_key) is unique.
    #[model(email)]
    pub email: Option<String>,
    /// The normal form of the address, for comparisons: [`email_key`](crate::email_key).
    #[model(unique, hidden)]
    #[serde(skip)]
    email_key: Option<String>,
    /// Whether the user has followed a link that was sent to the address.
    #[model(default = false)]
    pub email_verified: bool,
    #[model(hidden)]
    #[serde(skip)]
    password: String,
    /// Whether the user may log in. Existing logins of a deactivated user are invalid.
    #[model(default = true)]
    pub is_active: bool,
    /// Whether the user is staff.
    #[model(default = false)]
    pub is_staff: bool,
    /// Whether the user has every permission.
    #[model(default = false)]
    pub is_superuser: bool,
    /// The time of the last login.
    pub last_login: Option<DateTime<Utc>>,
    /// The time at which the user registered or was created.
    pub joined: DateTime<Utc>,
    /// The e-mail address that the user has asked for. It becomes [`email`](Self::email) when it is
    /// [verified](Self::set_email_verified). Until then, it may belong to another person.
    #[model(email)]
    pub pending_email: Option<String>,
    /// The normal form of the pending address.
    #[model(hidden)]
    #[serde(skip)]
    pending_email_key: Option<String>,
    /// The version of the rules by which `username_key` was computed.
    #[model(hidden)]
    #[serde(skip)]
    key_version: i32,
}

pub(crate) const EMAIL_TAKEN: &str = "This e-mail address is taken.";

impl User {
    /// Returns a user who is not in the database and has this address. For lback-accounts, which does the same work for unknown addresses.
    #[doc(hidden)]
    pub fn placeholder(email: &str) -> User {
        User {
            id: 0,
            username: String::new(),
            username_key: String::new(),
            email: Some(email.to_owned()),
            email_key: Some(email_key(email)),
            email_verified: false,
            password: crate::password::UNUSABLE.to_owned(),
            is_active: false,
            is_staff: false,
            is_superuser: false,
            last_login: None,
            joined: DateTime::UNIX_EPOCH,
            pending_email: None,
            pending_email_key: None,
            key_version: 0,
        }
    }

    /// Returns the user with this id, or `None` if there is none.
    ///
    /// # Errors
    /// Returns an error if the database fails, as do the other methods.
    pub fn find(db: &mut Db, id: i64) -> Result<Option<User>> {
        Ok(users::table.find(id).select(User::as_select()).first(db).optional()?)
    }

    /// Returns the user with this name. Names are compared in their [normal form](crate::username_key).
    pub fn named(db: &mut Db, username: &str) -> Result<Option<User>> {
        if username.contains('\0') {
            return Ok(None);
        }
        let (key, former) = (username_key(username), former_key(username));
        // Two names that were different under former rules may have the same key now; then one user has kept the former key.
        let is_former = users::username_key.eq(&former);
        let found = users::table.filter(users::username_key.eq(&key).or(is_former));
        let users: Vec<User> = found.select(User::as_select()).load(db)?;
        let exact = users.iter().position(|user| user.username_key == former).unwrap_or(0);
        Ok(users.into_iter().nth(exact))
    }

    /// Returns the user with this e-mail address. Addresses are compared in their [normal form](crate::email_key);
    /// [pending](Self::pending_email) addresses are ignored.
    pub fn with_email(db: &mut Db, address: &str) -> Result<Option<User>> {
        if address.contains('\0') {
            return Ok(None);
        }
        let found = users::table.filter(users::email_key.eq(email_key(address)));
        Ok(found.select(User::as_select()).first(db).optional()?)
    }

    /// Returns the user who may reset their password by a link that is sent to this address: the active user who has it, or else the active
    /// user without a verified address who asked for it last. Whether or not the address is known, the queries are the same.
    pub fn for_reset(db: &mut Db, address: &str) -> Result<Option<User>> {
        let (owner, newcomer) = (User::with_email(db, address)?, User::awaiting_email(db, address)?);
        Ok(match owner {
            Some(owner) => Some(owner).filter(|user| user.is_active),
            None => newcomer,
        })
    }

    /// Returns the active user who asked for this e-mail address last and has no other one.
    fn awaiting_email(db: &mut Db, address: &str) -> Result<Option<User>> {
        if address.contains('\0') {
            return Ok(None);
        }
        let asked = users::pending_email_key.eq(email_key(address)).and(users::email.is_null()).and(users::is_active);
        let found = users::table.filter(asked).order(users::id.desc());
        Ok(found.select(User::as_select()).first(db).optional()?)
    }

    /// Returns all users, sorted by name.
    pub fn all(db: &mut Db) -> Result<Vec<User>> {
        Ok(User::ordered().load(db)?)
    }

    /// Activates or deactivates the user. Deactivating also invalidates existing logins.
    pub fn set_active(&mut self, db: &mut Db, active: bool) -> Result<()> {
        let row = users::table.find(self.id);
        diesel::update(row).set(users::is_active.eq(active)).execute(db)?;
        self.is_active = active;
        Ok(())
    }

    /// Sets whether the user is staff and whether the user is a superuser.
    pub fn set_roles(&mut self, db: &mut Db, staff: bool, superuser: bool) -> Result<()> {
        let row = users::table.find(self.id);
        let roles = (users::is_staff.eq(staff), users::is_superuser.eq(superuser));
        diesel::update(row).set(roles).execute(db)?;
        (self.is_staff, self.is_superuser) = (staff, superuser);
        Ok(())
    }

    /// Reserves the names that look the same as that of this user (UTS 39), as [`NewUser::insert`](crate::NewUser::insert) does. Call it for
    /// users whose rows were written in another way, for example by restoring a deleted user.
    ///
    /// # Errors
    /// Returns 409 if another user has such a name.
    pub fn reserve_name(&self, db: &mut Db) -> Result<()> {
        reserve_name(db, self.id, &self.username)
    }

    /// Changes the e-mail address immediately, without verifying it, and drops a [pending](Self::pending_email) one. To
    /// have the user verify it first, use [`set_pending_email`](Self::set_pending_email).
    ///
    /// # Errors
    /// Returns 400 if the address is invalid; 409 if another user has it.
    pub fn set_email(&mut self, db: &mut Db, address: Option<&str>) -> Result<()> {
        let email = address.map(check_email).transpose().map_err(Error::bad_request)?;
        let verified = self.email_verified && email.as_deref().map(email_key) == self.email.as_deref().map(email_key);
        let change = (
            users::email_key.eq(email.as_deref().map(email_key)),
            users::email.eq(email.clone()),
            users::email_verified.eq(verified),
            users::pending_email_key.eq(None::<String>),
            users::pending_email.eq(None::<String>),
        );
        let row = users::table.find(self.id);
        // In a savepoint, so that the request's transaction can continue if the address is taken.
        let changed = db.transaction(|db| diesel::update(row).set(change).execute(db));
        changed.map_err(|error| match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                Error::new(StatusCode::CONFLICT, EMAIL_TAKEN).with_source(error)
            }
            error => error.into(),
        })?;
        (self.email, self.email_verified, self.pending_email) = (email, verified, None);
        Ok(())
    }

    /// Stores an e-mail address that the user asks for. [`email`](Self::email) does not change until
    /// [`set_email_verified`](Self::set_email_verified); `None` drops an earlier request. The result does not depend on whether another
    /// user has the address, so that it does not reveal that.
    ///
    /// # Errors
    /// Returns 400 if the address is invalid.
    pub fn set_pending_email(&mut self, db: &mut Db, address: Option<&str>) -> Result<()> {
        let pending = address.map(check_email).transpose().map_err(Error::bad_request)?;
        let change = (users::pending_email_key.eq(pending.as_deref().map(email_key)), users::pending_email.eq(pending.clone()));
        let row = users::table.find(self.id);
        diesel::update(row).set(change).execute(db)?;
        self.pending_email = pending;
        Ok(())
    }

    /// Returns the address that is not verified yet: the [pending](Self::pending_email) one, or else the current one.
    pub fn unverified_email(&self) -> Option<&str> {
        self.pending_email.as_deref().or_else(|| self.email.as_deref().filter(|_| !self.email_verified))
    }

    /// Sets the hash of a password after a link in a mail was followed, and marks the address of that mail as verified. Returns `false`
    /// if the password or the address has changed since the user was read: the link works once.
    pub(crate) fn reset_password_hash(&mut self, db: &mut Db, hash: &str) -> Result<bool> {
        let row = users::table.find(self.id).filter(users::password.eq(&self.password));
        let Some(key) = self.email.as_deref().map(email_key) else {
            // The mail went to the pending address.
            let row = row.filter(users::email.is_null());
            let changed = diesel::update(row).set(users::password.eq(hash)).execute(db)?;
            if changed != 1 {
                return Ok(false);
            }
            hash.clone_into(&mut self.password);
            self.set_email_verified(db)?;
            return Ok(true);
        };
        // The owner of the current address may not have asked for the pending one, so it is dropped.
        let change = (
            users::password.eq(hash),
            users::email_verified.eq(true),
            users::pending_email_key.eq(None::<String>),
            users::pending_email.eq(None::<String>),
        );
        let row = row.filter(users::email_key.eq(key));
        let changed = diesel::update(row).set(change).execute(db)?;
        hash.clone_into(&mut self.password);
        (self.email_verified, self.pending_email) = (true, None);
        Ok(changed == 1)
    }

    /// Marks the [pending](Self::pending_email) e-mail address as verified, or else the current one. A pending address becomes the current
    /// one. Returns `false` if the address has changed since the user was read, or if another user has it by now.
    pub fn set_email_verified(&mut self, db: &mut Db) -> Result<bool> {
        let Some(pending) = &self.pending_email else { return self.verify_email(db) };
        let key = email_key(pending);
        let row = users::table.find(self.id).filter(users::pending_email_key.eq(&key));
        let change = (
            users::email_key.eq(&key),
            users::email.eq(pending),
            users::email_verified.eq(true),
            users::pending_email_key.eq(None::<String>),
            users::pending_email.eq(None::<String>),
        );
        // In a savepoint, so that the request's transaction can continue if the address is taken.
        match db.transaction(|db| diesel::update(row).set(change).execute(db)) {
            Ok(1) => {}
            Ok(_) | Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        (self.email, self.email_verified) = (self.pending_email.take(), true);
        Ok(true)
    }

    fn verify_email(&mut self, db: &mut Db) -> Result<bool> {
        let row = users::table.find(self.id).filter(users::email_key.eq(self.email.as_deref().map(email_key)));
        let changed = diesel::update(row).set(users::email_verified.eq(true)).execute(db)?;
        self.email_verified = changed == 1;
        Ok(self.email_verified)
    }

    /// Returns the names of the user's permissions, their own and those of their groups, with one query. A deactivated user has none, a
    /// superuser has all.
    pub fn permissions(&self, db: &mut Db) -> Result<BTreeSet<String>> {
        match (self.is_active, self.is_superuser) {
            (false, _) => Ok(BTreeSet::new()),
            (true, true) => permissions::all(db),
            (true, false) => permissions::of_user(db, self.id),
        }
    }

    /// Returns whether the user has a permission. In a view, use [`req.has_perm`](crate::RequestAuth::has_perm), which queries the database
    /// only once per request.
    ///
    /// ```
    /// # use lback::Result;
    /// # use lback::auth::User;
    /// fn may_write(db: &mut lback::db::Db, user: &User) -> Result<bool> {
    ///     user.has_perm(db, "blog.add_post")
    /// }
    /// ```
    pub fn has_perm(&self, db: &mut Db, permission: &str) -> Result<bool> {
        match (self.is_active, self.is_superuser) {
            (false, _) => Ok(false),
            (true, true) => Ok(true),
            (true, false) => Ok(permissions::of_user(db, self.id)?.contains(permission)),
        }
    }

    /// Grants the user a permission. Granting it again has no effect.
    ///
    /// # Errors
    /// Returns 404 if the permission does not exist.
    pub fn grant(&self, db: &mut Db, permission: &str) -> Result<()> {
        let permission = Permission::id(db, permission)?;
        self.add_own_permissions(db, &[permission])
    }

    /// Revokes one of the user's own permissions. Permissions through groups stay.
    ///
    /// # Errors
    /// Returns 404 if the permission does not exist.
    pub fn revoke(&self, db: &mut Db, permission: &str) -> Result<()> {
        let permission = Permission::id(db, permission)?;
        self.remove_own_permissions(db, &[permission])
    }
}

impl Account for User {
    fn find(db: &mut Db, id: i64) -> Result<Option<Self>> {
        User::find(db, id)
    }

    /// Looks for the name, then for the e-mail address.
    fn find_by_login(db: &mut Db, login: &str) -> Result<Option<Self>> {
        match User::named(db, login)? {
            Some(user) => Ok(Some(user)),
            None if login.contains('@') => User::with_email(db, login),
            None => Ok(None),
        }
    }

    fn id(&self) -> i64 {
        self.id
    }

    fn password_hash(&self) -> &str {
        &self.password
    }

    fn set_password_hash(&mut self, db: &mut Db, hash: &str) -> Result<()> {
        let row = users::table.find(self.id);
        diesel::update(row).set(users::password.eq(hash)).execute(db)?;
        hash.clone_into(&mut self.password);
        Ok(())
    }

    fn is_active(&self) -> bool {
        self.is_active
    }

    fn is_staff(&self) -> bool {
        self.is_staff
    }

    fn is_superuser(&self) -> bool {
        self.is_superuser
    }

    fn personal(&self) -> Vec<&str> {
        std::iter::once(self.username.as_str()).chain(self.email.as_deref()).chain(self.pending_email.as_deref()).collect()
    }

    fn record_login(&self, db: &mut Db, now: DateTime<Utc>) -> Result<()> {
        let row = users::table.find(self.id);
        diesel::update(row).set(users::last_login.eq(now)).execute(db)?;
        Ok(())
    }

    fn permissions(&self, db: &mut Db) -> Result<BTreeSet<String>> {
        User::permissions(self, db)
    }
}

/// Leaves out the password hash.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("username", &self.username).finish_non_exhaustive()
    }
}
