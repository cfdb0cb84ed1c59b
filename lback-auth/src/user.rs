//! The users that the framework brings.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use lback_core::{Error, Result, StatusCode};
use lback_db::Db;
use serde::Serialize;

use crate::name::{check_email, check_username, key};
use crate::password::UNUSABLE;
use crate::permissions;
use crate::schema::{auth_users as users, on_each};
use crate::{Account, Group, Permission};

/// Somebody who can log in.
///
/// Serialized, as for a template or as JSON, it says everything but the password's hash.
#[derive(Clone, Serialize)]
pub struct User {
    /// Never given twice, not even after the user is gone.
    pub id: i64,
    /// As it was typed. Another user's differs in more than the case of its letters.
    pub username: String,
    /// As it was typed, and no other user's either.
    pub email: Option<String>,
    /// Has somebody followed the link that was sent to the address?
    pub email_verified: bool,
    #[serde(skip)]
    password: String,
    /// May they log in? Somebody who may not is nobody, even where they are logged in already.
    pub is_active: bool,
    /// May they enter what is for staff?
    pub is_staff: bool,
    /// Do they have every permission?
    pub is_superuser: bool,
    /// When they last logged in.
    pub last_login: Option<DateTime<Utc>>,
    /// When they registered, or were made.
    pub joined: DateTime<Utc>,
}

/// What it takes to make a user.
///
/// ```
/// # use lback_core::Result;
/// use lback_auth::{NewUser, Passwords, User};
///
/// # fn add(db: &mut lback_db::Db, passwords: &Passwords) -> Result<()> {
/// let hash = passwords.hash("correct horse battery staple")?;
/// let alice = NewUser::new("alice", &hash).email("alice@example.com").staff(true).insert(db, chrono::Utc::now())?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct NewUser {
    username: String,
    email: Option<String>,
    password: String,
    staff: bool,
    superuser: bool,
    active: bool,
    groups: Vec<String>,
    permissions: Vec<String>,
}

impl NewUser {
    /// A user of this name, with a password that [`Passwords`](crate::Passwords) has hashed.
    pub fn new(username: &str, password_hash: &str) -> Self {
        NewUser {
            username: username.to_owned(),
            email: None,
            password: password_hash.to_owned(),
            staff: false,
            superuser: false,
            active: true,
            groups: Vec::new(),
            permissions: Vec::new(),
        }
    }

    /// A user of this name who has no password, and so cannot log in before they have reset it.
    pub fn without_password(username: &str) -> Self {
        Self::new(username, UNUSABLE)
    }

    /// With this e-mail address.
    pub fn email(mut self, address: &str) -> Self {
        self.email = Some(address.to_owned());
        self
    }

    /// Is it one of the staff?
    pub fn staff(mut self, staff: bool) -> Self {
        self.staff = staff;
        self
    }

    /// May they do everything?
    pub fn superuser(mut self, superuser: bool) -> Self {
        self.superuser = superuser;
        self
    }

    /// May they log in? They may, unless this says otherwise.
    pub fn active(mut self, active: bool) -> Self {
        self.active = active;
        self
    }

    /// In this group too, which is made where there is none.
    pub fn group(mut self, name: &str) -> Self {
        self.groups.push(name.to_owned());
        self
    }

    /// With this permission too.
    pub fn permission(mut self, name: &str) -> Self {
        self.permissions.push(name.to_owned());
        self
    }

    /// Makes the user.
    ///
    /// # Errors
    /// 400 where the name or the address is none; 409 where another user has one of them. The messages are for the user. 404
    /// where there is no such permission.
    pub fn insert(self, db: &mut Db, now: DateTime<Utc>) -> Result<User> {
        let username = check_username(&self.username).map_err(Error::bad_request)?;
        let email = self.email.as_deref().map(check_email).transpose().map_err(Error::bad_request)?;
        let row = (
            users::username_key.eq(key(&username)),
            users::username.eq(username),
            users::email_key.eq(email.as_deref().map(key)),
            users::email.eq(email),
            users::password.eq(self.password),
            users::is_active.eq(self.active),
            users::is_staff.eq(self.staff),
            users::is_superuser.eq(self.superuser),
            users::joined.eq(now.naive_utc()),
        );
        // Not an error of the database, which on PostgreSQL would end the request's transaction.
        let insert = diesel::insert_into(users::table).values(row).on_conflict_do_nothing().returning(users::id);
        let id: Option<i64> = on_each!(db, db => insert.get_result(db).optional())?;
        let Some(id) = id else {
            let of_name = User::named(db, &self.username)?.is_some();
            return Err(Error::new(StatusCode::CONFLICT, if of_name { NAME_TAKEN } else { EMAIL_TAKEN }));
        };
        let user = User::find(db, id)?.ok_or_else(|| Error::internal("a user that was just made is not there"))?;
        for name in &self.permissions {
            user.grant(db, name)?;
        }
        for name in &self.groups {
            Group::get_or_create(db, name)?.add(db, &user)?;
        }
        Ok(user)
    }
}

/// A user of this name, [without a password](NewUser::without_password).
impl From<&str> for NewUser {
    fn from(username: &str) -> Self {
        NewUser::without_password(username)
    }
}

const NAME_TAKEN: &str = "There is a user of this name already.";
const EMAIL_TAKEN: &str = "There is a user with this e-mail address already.";

type Row = (i64, String, Option<String>, bool, String, bool, bool, bool, Option<NaiveDateTime>, NaiveDateTime);

/// The columns in the order of [`Row`].
macro_rules! columns {
    () => {
        (
            users::id,
            users::username,
            users::email,
            users::email_verified,
            users::password,
            users::is_active,
            users::is_staff,
            users::is_superuser,
            users::last_login,
            users::joined,
        )
    };
}

impl From<Row> for User {
    fn from((id, username, email, email_verified, password, is_active, is_staff, is_superuser, last_login, joined): Row) -> Self {
        User {
            id,
            username,
            email,
            email_verified,
            password,
            is_active,
            is_staff,
            is_superuser,
            last_login: last_login.map(|time| time.and_utc()),
            joined: joined.and_utc(),
        }
    }
}

impl User {
    /// Somebody who does not exist, for whom the same is done as for others.
    #[cfg(feature = "pages")]
    pub(crate) fn nobody(email: &str) -> User {
        let (username, password, email) = (String::new(), UNUSABLE.to_owned(), Some(email.to_owned()));
        let (no, never) = (false, DateTime::UNIX_EPOCH);
        User::from((0, username, email, no, password, no, no, no, None, never.naive_utc()))
    }

    /// The user of this id; `None` where there is none.
    ///
    /// # Errors
    /// Those of the database; so with the other methods.
    pub fn find(db: &mut Db, id: i64) -> Result<Option<User>> {
        let found = users::table.find(id).select(columns!());
        let row: Option<Row> = on_each!(db, db => found.get_result(db).optional())?;
        Ok(row.map(User::from))
    }

    /// The user of this name, in whatever case it is written.
    pub fn named(db: &mut Db, username: &str) -> Result<Option<User>> {
        if username.contains('\0') {
            return Ok(None);
        }
        let found = users::table.filter(users::username_key.eq(key(username))).select(columns!());
        let row: Option<Row> = on_each!(db, db => found.get_result(db).optional())?;
        Ok(row.map(User::from))
    }

    /// The user of this e-mail address, in whatever case it is written.
    pub fn with_email(db: &mut Db, address: &str) -> Result<Option<User>> {
        if address.contains('\0') {
            return Ok(None);
        }
        let found = users::table.filter(users::email_key.eq(key(address))).select(columns!());
        let row: Option<Row> = on_each!(db, db => found.get_result(db).optional())?;
        Ok(row.map(User::from))
    }

    /// All users, by name.
    pub fn all(db: &mut Db) -> Result<Vec<User>> {
        let all = users::table.order(users::username_key).select(columns!());
        let rows: Vec<Row> = on_each!(db, db => all.load(db))?;
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// Lets them log in, or not any more. Somebody who is logged in and may not any more is nobody from now on.
    pub fn set_active(&mut self, db: &mut Db, active: bool) -> Result<()> {
        let row = users::table.find(self.id);
        on_each!(db, db => diesel::update(row).set(users::is_active.eq(active)).execute(db))?;
        self.is_active = active;
        Ok(())
    }

    /// Changes what they are: one of the staff, somebody who may do everything.
    pub fn set_roles(&mut self, db: &mut Db, staff: bool, superuser: bool) -> Result<()> {
        let row = users::table.find(self.id);
        let roles = (users::is_staff.eq(staff), users::is_superuser.eq(superuser));
        on_each!(db, db => diesel::update(row).set(roles).execute(db))?;
        (self.is_staff, self.is_superuser) = (staff, superuser);
        Ok(())
    }

    /// Changes the e-mail address, which nobody has verified then.
    ///
    /// # Errors
    /// 400 where it is none; 409 where another user has it.
    pub fn set_email(&mut self, db: &mut Db, address: Option<&str>) -> Result<()> {
        let email = address.map(check_email).transpose().map_err(Error::bad_request)?;
        let verified = self.email_verified && email.as_deref().map(key) == self.email.as_deref().map(key);
        let change = (users::email_key.eq(email.as_deref().map(key)), users::email.eq(email.clone()), users::email_verified.eq(verified));
        let row = users::table.find(self.id);
        // By itself, so that the request's transaction goes on where somebody has the address.
        let changed = db.transaction(|db| on_each!(db, db => diesel::update(row).set(change).execute(db)));
        changed.map_err(|error| match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                Error::new(StatusCode::CONFLICT, EMAIL_TAKEN).with_source(error)
            }
            error => error.into(),
        })?;
        (self.email, self.email_verified) = (email, verified);
        Ok(())
    }

    /// Gives them another password's hash, and notes that the e-mail address is theirs, unless one of both has changed since they
    /// were read: answers whether it was so. For who follows a link in a mail, which can be done once.
    #[cfg(feature = "pages")]
    pub(crate) fn reset_password_hash(&mut self, db: &mut Db, hash: &str) -> Result<bool> {
        let same_address = users::email_key.eq(self.email.as_deref().map(key));
        let row = users::table.find(self.id).filter(users::password.eq(&self.password)).filter(same_address);
        let change = (users::password.eq(hash), users::email_verified.eq(true));
        let changed = on_each!(db, db => diesel::update(row).set(change).execute(db))?;
        hash.clone_into(&mut self.password);
        Ok(changed == 1)
    }

    /// Notes that the e-mail address is theirs. Answers whether it is so: not where it has changed since they were read, as the
    /// new one is not what somebody has proved to be theirs.
    pub fn set_email_verified(&mut self, db: &mut Db) -> Result<bool> {
        let row = users::table.find(self.id).filter(users::email_key.eq(self.email.as_deref().map(key)));
        let changed = on_each!(db, db => diesel::update(row).set(users::email_verified.eq(true)).execute(db))?;
        self.email_verified = changed == 1;
        Ok(self.email_verified)
    }

    /// The names of the permissions that they have, by themselves and by their groups. One query. Of somebody who is not
    /// active, none; of a superuser, all there are.
    pub fn permissions(&self, db: &mut Db) -> Result<BTreeSet<String>> {
        match (self.is_active, self.is_superuser) {
            (false, _) => Ok(BTreeSet::new()),
            (true, true) => permissions::all(db),
            (true, false) => permissions::of_user(db, self.id),
        }
    }

    /// May they do this? In a view [`req.has_perm`](crate::RequestAuth::has_perm) asks the database once for all.
    ///
    /// ```
    /// # use lback_core::Result;
    /// # use lback_auth::User;
    /// fn may_write(db: &mut lback_db::Db, user: &User) -> Result<bool> {
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

    /// Gives them a permission; one that they have already does no harm.
    ///
    /// # Errors
    /// 404 where there is no such permission.
    pub fn grant(&self, db: &mut Db, permission: &str) -> Result<()> {
        let permission = Permission::id(db, permission)?;
        permissions::grant_to_user(db, self.id, permission)
    }

    /// Takes a permission away. What a group of theirs has, they keep.
    ///
    /// # Errors
    /// 404 where there is no such permission.
    pub fn revoke(&self, db: &mut Db, permission: &str) -> Result<()> {
        let permission = Permission::id(db, permission)?;
        permissions::revoke_from_user(db, self.id, permission)
    }
}

impl Account for User {
    fn find(db: &mut Db, id: i64) -> Result<Option<Self>> {
        User::find(db, id)
    }

    /// By name, or else by e-mail address.
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
        on_each!(db, db => diesel::update(row).set(users::password.eq(hash)).execute(db))?;
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
        std::iter::once(self.username.as_str()).chain(self.email.as_deref()).collect()
    }

    fn note_login(&self, db: &mut Db, now: DateTime<Utc>) -> Result<()> {
        let row = users::table.find(self.id);
        on_each!(db, db => diesel::update(row).set(users::last_login.eq(now.naive_utc())).execute(db))?;
        Ok(())
    }

    fn permissions(&self, db: &mut Db) -> Result<BTreeSet<String>> {
        User::permissions(self, db)
    }
}

/// Without the password's hash.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("username", &self.username).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").field("username", &self.username).finish_non_exhaustive()
    }
}
