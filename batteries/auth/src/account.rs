//! The interface of an application's users.

use std::any::{Any, type_name};
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_core::{Error, Result};
use lback_db::Db;
use serde::Serialize;

/// A user of an application's own type, for `App::auth_with::<Customer>()`. The framework's own type is [`User`](crate::User).
///
/// The trait says how to find a user, where the password hash is stored, and whether the user may log in. Its serialized form is the
/// variable `user` of templates, so it must not contain the hash.
pub trait Account: Serialize + Send + Sync + Sized + 'static {
    /// Returns the user with this id, which the session stores, or `None` if there is none.
    ///
    /// # Errors
    /// Returns an error if the database fails, as do the other methods.
    fn find(db: &mut Db, id: i64) -> Result<Option<Self>>;

    /// Returns the user who logs in with this name, which is as it was typed, without surrounding spaces. Compare it in its normal
    /// form: [`username_key`](crate::username_key), or [`email_key`](crate::email_key) for addresses.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    fn find_by_login(db: &mut Db, login: &str) -> Result<Option<Self>>;

    /// Returns the id.
    fn id(&self) -> i64;

    /// Returns the password hash, which [`Passwords`](crate::Passwords) has made.
    fn password_hash(&self) -> &str;

    /// Stores a new password hash.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    fn set_password_hash(&mut self, db: &mut Db, hash: &str) -> Result<()>;

    /// Returns whether the user may log in. This is checked with every request, so deactivating a user takes effect immediately.
    fn is_active(&self) -> bool;

    /// Returns whether the user is staff.
    fn is_staff(&self) -> bool {
        false
    }

    /// Returns whether the user is a superuser, who has every permission.
    fn is_superuser(&self) -> bool {
        false
    }

    /// Returns personal data that a password must not resemble, such as the name and the address.
    fn personal(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Records the time of a login.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    fn record_login(&self, _db: &mut Db, _now: DateTime<Utc>) -> Result<()> {
        Ok(())
    }

    /// Returns the names of the user's permissions.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    fn permissions(&self, _db: &mut Db) -> Result<BTreeSet<String>> {
        Ok(BTreeSet::new())
    }
}

/// The user who is logged in, independent of the type of the application's users.
#[derive(Clone)]
pub(crate) struct CurrentUser {
    pub(crate) id: i64,
    pub(crate) account: Arc<dyn Any + Send + Sync>,
    pub(crate) password_hash: String,
    pub(crate) is_active: bool,
    pub(crate) is_staff: bool,
    pub(crate) is_superuser: bool,
}

impl CurrentUser {
    pub(crate) fn of<A: Account>(account: A) -> Self {
        CurrentUser {
            id: account.id(),
            password_hash: account.password_hash().to_owned(),
            is_active: account.is_active(),
            is_staff: account.is_staff(),
            is_superuser: account.is_superuser(),
            account: Arc::new(account),
        }
    }
}

/// The users of an application, with their type erased.
pub(crate) trait Accounts: Send + Sync {
    fn find(&self, db: &mut Db, id: i64) -> Result<Option<CurrentUser>>;
    fn permissions(&self, db: &mut Db, user: &CurrentUser) -> Result<BTreeSet<String>>;
    fn to_value(&self, user: &CurrentUser) -> Result<serde_json::Value>;
    fn type_name(&self) -> &'static str;
}

/// The users of the type `A`.
pub(crate) struct AccountsOf<A>(pub(crate) PhantomData<fn() -> A>);

impl<A: Account> AccountsOf<A> {
    fn typed<'a>(&self, user: &'a CurrentUser) -> Result<&'a A> {
        user.account.downcast_ref().ok_or_else(|| wrong_type::<A>(self.type_name()))
    }
}

impl<A: Account> Accounts for AccountsOf<A> {
    fn find(&self, db: &mut Db, id: i64) -> Result<Option<CurrentUser>> {
        Ok(A::find(db, id)?.map(CurrentUser::of))
    }

    fn permissions(&self, db: &mut Db, user: &CurrentUser) -> Result<BTreeSet<String>> {
        self.typed(user)?.permissions(db)
    }

    fn to_value(&self, user: &CurrentUser) -> Result<serde_json::Value> {
        Ok(serde_json::to_value(self.typed(user)?)?)
    }

    fn type_name(&self) -> &'static str {
        type_name::<A>()
    }
}

#[track_caller]
pub(crate) fn wrong_type<A>(known: &str) -> Error {
    Error::internal(format!(
        "the users of this application are of the type {known}, and this call is for users of the type {asked}: write req.user_as::<{known}>(), \
         req.authenticate_as::<{known}>(…), or App::auth_with::<{asked}>()",
        asked = type_name::<A>()
    ))
}
