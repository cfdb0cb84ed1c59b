//! Whatever an application has for users.

use std::any::{Any, type_name};
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_core::{Error, Result};
use lback_db::Db;
use serde::Serialize;

/// A user of an application's own making, for `App::auth_with::<Customer>()`. The framework's own is [`User`](crate::User).
///
/// It says how to find one, where the hash of the password is kept, and whether they may come in. Serialized it is what
/// templates see as `user`, so it leaves the hash out.
pub trait Account: Serialize + Send + Sync + Sized + 'static {
    /// The user of this id, which the session holds; `None` where there is none.
    ///
    /// # Errors
    /// Those of the database; so with the others.
    fn find(db: &mut Db, id: i64) -> Result<Option<Self>>;

    /// Returns the user who logs in with this name, which is as it was typed, without surrounding spaces. Compare it in its normal
    /// form: [`username_key`](crate::username_key), or [`email_key`](crate::email_key) for addresses.
    ///
    /// # Errors
    /// Those of the database.
    fn find_by_login(db: &mut Db, login: &str) -> Result<Option<Self>>;

    /// The id.
    fn id(&self) -> i64;

    /// What [`Passwords`](crate::Passwords) made of the password.
    fn password_hash(&self) -> &str;

    /// Stores another hash of a password.
    ///
    /// # Errors
    /// Those of the database.
    fn set_password_hash(&mut self, db: &mut Db, hash: &str) -> Result<()>;

    /// May they log in? Asked with every request, so that somebody who may not any more is nobody at once.
    fn is_active(&self) -> bool;

    /// May they enter what is for staff?
    fn is_staff(&self) -> bool {
        false
    }

    /// May they do everything?
    fn is_superuser(&self) -> bool {
        false
    }

    /// What a password should be unlike: names, addresses.
    fn personal(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Notes that they logged in.
    ///
    /// # Errors
    /// Those of the database.
    fn note_login(&self, _db: &mut Db, _now: DateTime<Utc>) -> Result<()> {
        Ok(())
    }

    /// The names of the permissions that they have.
    ///
    /// # Errors
    /// Those of the database.
    fn permissions(&self, _db: &mut Db) -> Result<BTreeSet<String>> {
        Ok(BTreeSet::new())
    }
}

/// Somebody who is logged in, whatever the application's users are.
#[derive(Clone)]
pub(crate) struct Somebody {
    pub(crate) account: Arc<dyn Any + Send + Sync>,
    pub(crate) password_hash: String,
    pub(crate) is_active: bool,
    pub(crate) is_staff: bool,
    pub(crate) is_superuser: bool,
}

impl Somebody {
    fn of<A: Account>(account: A) -> Self {
        Somebody {
            password_hash: account.password_hash().to_owned(),
            is_active: account.is_active(),
            is_staff: account.is_staff(),
            is_superuser: account.is_superuser(),
            account: Arc::new(account),
        }
    }
}

/// The users of an application, without their type.
pub(crate) trait Accounts: Send + Sync {
    fn find(&self, db: &mut Db, id: i64) -> Result<Option<Somebody>>;
    fn permissions(&self, db: &mut Db, somebody: &Somebody) -> Result<BTreeSet<String>>;
    fn to_value(&self, somebody: &Somebody) -> Result<serde_json::Value>;
    fn type_name(&self) -> &'static str;
}

/// Those of the type `A`.
pub(crate) struct Of<A>(pub(crate) PhantomData<fn() -> A>);

impl<A: Account> Of<A> {
    fn typed<'a>(&self, somebody: &'a Somebody) -> Result<&'a A> {
        somebody.account.downcast_ref().ok_or_else(|| wrong_type::<A>(self.type_name()))
    }
}

impl<A: Account> Accounts for Of<A> {
    fn find(&self, db: &mut Db, id: i64) -> Result<Option<Somebody>> {
        Ok(A::find(db, id)?.map(Somebody::of))
    }

    fn permissions(&self, db: &mut Db, somebody: &Somebody) -> Result<BTreeSet<String>> {
        self.typed(somebody)?.permissions(db)
    }

    fn to_value(&self, somebody: &Somebody) -> Result<serde_json::Value> {
        Ok(serde_json::to_value(self.typed(somebody)?)?)
    }

    fn type_name(&self) -> &'static str {
        type_name::<A>()
    }
}

#[track_caller]
pub(crate) fn wrong_type<A>(known: &str) -> Error {
    Error::internal(format!(
        "the users of this application are of the type {known}, and this is for those of the type {asked}: write req.user_as::<{known}>(), \
         req.authenticate_as::<{known}>(…), or App::auth_with::<{asked}>()",
        asked = type_name::<A>()
    ))
}
