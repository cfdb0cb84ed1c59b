//! Creating users.

use std::fmt;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use lback_core::{Error, Result, StatusCode};
use lback_db::Db;

use crate::name::{KEY_VERSION, check_email, check_username, email_key, skeletons, username_key};
use crate::password::UNUSABLE;
use crate::schema::auth_username_skeletons as skeletons_table;
use crate::user::EMAIL_TAKEN;
use crate::user::auth_users as users;
use crate::{Group, User};

/// A user to be created.
///
/// ```
/// # use lback::Result;
/// use lback::auth::{NewUser, Passwords, User};
///
/// # fn add(db: &mut lback::db::Db, passwords: &Passwords) -> Result<()> {
/// let hash = passwords.hash("correct horse battery staple")?;
/// let alice = NewUser::new("alice", &hash).email("alice@example.com").staff(true).insert(db, chrono::Utc::now())?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "no user is stored before .insert()"]
pub struct NewUser {
    username: String,
    email: Option<String>,
    pending_email: Option<String>,
    password: String,
    staff: bool,
    superuser: bool,
    active: bool,
    groups: Vec<String>,
    permissions: Vec<String>,
}

impl NewUser {
    /// Returns a user with this name and a password hash, which [`Passwords`](crate::Passwords) has made.
    pub fn new(username: &str, password_hash: &str) -> Self {
        NewUser {
            username: username.to_owned(),
            email: None,
            pending_email: None,
            password: password_hash.to_owned(),
            staff: false,
            superuser: false,
            active: true,
            groups: Vec::new(),
            permissions: Vec::new(),
        }
    }

    /// Returns a user with this name and without a password, who cannot log in before resetting it.
    pub fn without_password(username: &str) -> Self {
        Self::new(username, UNUSABLE)
    }

    /// Sets the e-mail address, without verifying it.
    pub fn email(mut self, address: &str) -> Self {
        self.email = Some(address.to_owned());
        self
    }

    /// Sets whether the user is staff. By default, the user is not.
    pub fn staff(mut self, staff: bool) -> Self {
        self.staff = staff;
        self
    }

    /// Sets whether the user is a superuser, who has every permission. By default, the user is not.
    pub fn superuser(mut self, superuser: bool) -> Self {
        self.superuser = superuser;
        self
    }

    /// Sets whether the user may log in. By default, the user may.
    pub fn active(mut self, active: bool) -> Self {
        self.active = active;
        self
    }

    /// Adds the user to a group, creating it if necessary.
    pub fn group(mut self, name: &str) -> Self {
        self.groups.push(name.to_owned());
        self
    }

    /// Grants the user a permission.
    pub fn permission(mut self, name: &str) -> Self {
        self.permissions.push(name.to_owned());
        self
    }

    /// Sets the e-mail address that becomes the user's when it is [verified](User::set_email_verified). Until then, it is the user's
    /// [`pending_email`](User::pending_email), and others may ask for it too.
    pub fn pending_email(mut self, address: &str) -> Self {
        self.pending_email = Some(address.to_owned());
        self
    }

    /// Creates the user.
    ///
    /// # Errors
    /// Returns 400 if the name or the address is invalid; 409 if another user has one of them, or a name that looks the same
    /// (UTS 39), such as `modem` and `modern`. The messages are for the user. Returns 404 if a permission does not exist.
    pub fn insert(self, db: &mut Db, now: DateTime<Utc>) -> Result<User> {
        let username = check_username(&self.username).map_err(Error::bad_request)?;
        let email = self.email.as_deref().map(check_email).transpose().map_err(Error::bad_request)?;
        let pending = self.pending_email.as_deref().map(check_email).transpose().map_err(Error::bad_request)?;
        let row = (
            users::username_key.eq(username_key(&username)),
            users::username.eq(&username),
            users::key_version.eq(KEY_VERSION),
            users::email_key.eq(email.as_deref().map(email_key)),
            users::email.eq(email),
            users::pending_email_key.eq(pending.as_deref().map(email_key)),
            users::pending_email.eq(pending),
            users::password.eq(&self.password),
            users::is_active.eq(self.active),
            users::is_staff.eq(self.staff),
            users::is_superuser.eq(self.superuser),
            users::joined.eq(now),
        );
        // In a savepoint, so that the request's transaction can continue if the name is taken.
        let user = db.transaction(|db| {
            // Without a database error, which would end the transaction on PostgreSQL.
            let insert = diesel::insert_into(users::table).values(row).on_conflict_do_nothing().returning(users::id);
            let id: Option<i64> = insert.get_result(db).optional()?;
            let Some(id) = id else {
                let is_taken = NameConflict::find(db, &username)?.is_some_and(|conflict| conflict == NameConflict::Taken);
                let message = if is_taken { NameConflict::Taken.to_string() } else { EMAIL_TAKEN.to_owned() };
                return Err(Error::new(StatusCode::CONFLICT, message));
            };
            reserve_name(db, id, &username)?;
            User::find(db, id)?.ok_or_else(|| Error::internal("a user was not found after being created"))
        })?;
        for name in &self.permissions {
            user.grant(db, name)?;
        }
        for name in &self.groups {
            Group::get_or_create(db, name)?.add(db, &user)?;
        }
        Ok(user)
    }
}

/// Why a user name is not available. As text it is addressed to the person who entered the name.
///
/// A registration page checks the name before it hashes the password:
///
/// ```
/// # use lback::Result;
/// use lback::auth::NameConflict;
///
/// fn name_error(db: &mut lback::db::Db, name: &str) -> Result<Option<String>> {
///     Ok(NameConflict::find(db, name)?.map(|conflict| conflict.to_string()))
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameConflict {
    /// Another user has the name.
    Taken,
    /// The name looks like that of another user (UTS 39), as `modem` looks like `modern`.
    Lookalike,
}

impl NameConflict {
    /// Returns why a new user cannot have this name, or `None` if it is available.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub fn find(db: &mut Db, username: &str) -> Result<Option<Self>> {
        if User::named(db, username)?.is_some() {
            return Ok(Some(NameConflict::Taken));
        }
        let alike = skeletons_table::table.filter(skeletons_table::skeleton.eq_any(skeletons(username))).count();
        let alike: i64 = alike.get_result(db)?;
        Ok((alike > 0).then_some(NameConflict::Lookalike))
    }
}

impl fmt::Display for NameConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameConflict::Taken => "This name is taken.",
            NameConflict::Lookalike => "This name looks too much like one that is taken.",
        })
    }
}

/// Reserves the names that look the same as that of a user.
///
/// # Errors
/// Returns 409 if another user has such a name.
pub(crate) fn reserve_name(db: &mut Db, id: i64, username: &str) -> Result<()> {
    keep_skeletons(db, [(id, username)])?;
    let others = skeletons_table::user_id.ne(id).and(skeletons_table::skeleton.eq_any(skeletons(username)));
    let others: i64 = skeletons_table::table.filter(others).count().get_result(db)?;
    if others > 0 { Err(Error::new(StatusCode::CONFLICT, NameConflict::Lookalike.to_string())) } else { Ok(()) }
}

/// Stores the skeletons of users' names, unless an earlier user has the same one.
pub(crate) fn keep_skeletons<'a>(db: &mut Db, users: impl IntoIterator<Item = (i64, &'a str)>) -> Result<()> {
    let rows = users.into_iter().flat_map(|(id, username)| skeletons(username).into_iter().map(move |skeleton| (skeleton, id)));
    let rows = rows.map(|(skeleton, id)| (skeletons_table::skeleton.eq(skeleton), skeletons_table::user_id.eq(id)));
    match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(db) => {
            for row in rows {
                diesel::insert_into(skeletons_table::table).values(row).on_conflict_do_nothing().execute(db)?;
            }
        }
        // In one round trip.
        #[cfg(feature = "postgres")]
        Db::Postgres(db) => {
            let rows: Vec<_> = rows.collect();
            diesel::insert_into(skeletons_table::table).values(rows).on_conflict_do_nothing().execute(db)?;
        }
    }
    Ok(())
}

/// Returns a user with this name, [without a password](NewUser::without_password).
impl From<&str> for NewUser {
    fn from(username: &str) -> Self {
        NewUser::without_password(username)
    }
}

/// Leaves out the password hash.
impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").field("username", &self.username).finish_non_exhaustive()
    }
}
