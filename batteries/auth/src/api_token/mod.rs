//! API tokens: with them, programs act in the name of a user.

mod check;
mod route;
mod secret;
mod uses;

pub(crate) use self::check::check;
pub use self::route::RouteTokens;
pub(crate) use self::route::{check_installed, scopes_of};
pub(crate) use self::uses::{SAVE_EVERY, TokenUses, save};

use std::fmt;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use lback_core::{Error, Result};
use lback_db::Db;
use lback_models::Model;

use self::auth_tokens as tokens;
use self::route::{includes, is_scope};
use self::secret::Secret;
use crate::User;
use crate::user::auth_users as users;

/// The maximum number of tokens of a user.
const MAX_TOKENS: i64 = 100;

/// An API token, with which a program acts in the name of a user.
///
/// The database has only a digest of the token. [`NewToken::insert`] and [`rotate`](Self::rotate) return the token itself, once.
#[derive(Model, Clone)]
#[model(crate = lback_models, table = "auth_tokens", order = "-id", display = name, read_only, unmanaged)]
#[model(label = "API token", plural = "API tokens")]
#[non_exhaustive]
pub struct Token {
    /// The id, which is never reused.
    pub id: i64,
    /// The user.
    #[model(references = User, on_delete = cascade)]
    pub user_id: i64,
    /// The name, by which the user recognizes the token.
    #[model(max_length = 100)]
    pub name: String,
    #[model(unique, hidden)]
    digest: Vec<u8>,
    /// The last characters of the token.
    pub hint: String,
    /// The scopes, with a space between two.
    scopes: String,
    /// The time at which the token was created or [rotated](Self::rotate).
    pub created_at: DateTime<Utc>,
    /// The time at which the token stops working, if any.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time of a recent use. It is written at most once in ten minutes.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Leaves out the digest.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("id", &self.id).field("user_id", &self.user_id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Token {
    /// Returns the token with this id, or `None` if there is none.
    ///
    /// # Errors
    /// Returns an error if the database fails, as do the other methods.
    pub fn find(db: &mut Db, id: i64) -> Result<Option<Token>> {
        Ok(tokens::table.find(id).select(Token::as_select()).first(db).optional()?)
    }

    /// Returns the tokens of a user, the newest first, including expired ones.
    pub fn of_user(db: &mut Db, user_id: i64) -> Result<Vec<Token>> {
        Ok(Token::ordered().filter(tokens::user_id.eq(user_id)).load(db)?)
    }

    /// Returns all tokens with the names of their users, sorted by these.
    pub(crate) fn all(db: &mut Db) -> Result<Vec<(Token, String)>> {
        let rows = tokens::table.inner_join(users::table).order((users::username_key, tokens::id.desc()));
        Ok(rows.select((Token::as_select(), users::username)).load(db)?)
    }

    /// Returns the token with this digest, and its user.
    fn with_digest(db: &mut Db, digest: &[u8]) -> Result<Option<(Token, User)>> {
        let found = tokens::table.inner_join(users::table).filter(tokens::digest.eq(digest));
        Ok(found.select((Token::as_select(), User::as_select())).first(db).optional()?)
    }

    /// Returns the scopes, in alphabetical order.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.split_whitespace()
    }

    /// Returns whether the token has a scope, or one that includes it: `tickets` includes `tickets:read`.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|held| includes(held, scope))
    }

    /// Returns whether the token has stopped working by this time.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Deletes the token. It stops working with the commit.
    pub fn revoke(&self, db: &mut Db) -> Result<()> {
        diesel::delete(tokens::table.find(self.id)).execute(db)?;
        Ok(())
    }

    /// Replaces the token with a new one of the same name and scopes, and returns its text. The old one stops working with the commit. If
    /// the token expires, the new one lasts as long as the old one did from its creation.
    ///
    /// ```
    /// use lback::auth::Token;
    /// use lback::prelude::*;
    ///
    /// fn rotate(req: &mut Request) -> Result<String> {
    ///     let (id, user, now) = (req.param("id")?, req.require_own_login()?, req.now());
    ///     let found = Token::find(req.db()?, id)?.filter(|token| token.user_id == user.id);
    ///     let mut token = found.ok_or_else(|| Error::not_found("There is no such token."))?;
    ///     token.rotate(req.db()?, now)
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 404 if the token was revoked or rotated since it was read.
    pub fn rotate(&mut self, db: &mut Db, now: DateTime<Utc>) -> Result<String> {
        let secret = Secret::random()?;
        let expires_at = self.expires_at.map(|end| now.checked_add_signed(end - self.created_at).unwrap_or(end));
        let change = (
            tokens::digest.eq(&secret.digest[..]),
            tokens::hint.eq(secret.hint()),
            tokens::created_at.eq(now),
            tokens::expires_at.eq(expires_at),
            tokens::last_used_at.eq(None::<DateTime<Utc>>),
        );
        let row = tokens::table.find(self.id).filter(tokens::digest.eq(self.digest.as_slice()));
        if diesel::update(row).set(change).execute(db)? != 1 {
            return Err(Error::not_found("This token has been revoked or replaced in the meantime."));
        }
        (self.digest, self.hint) = (secret.digest.to_vec(), secret.hint());
        (self.created_at, self.expires_at, self.last_used_at) = (now, expires_at, None);
        Ok(secret.text)
    }
}

/// An API token to be created.
///
/// ```
/// use lback::auth::NewToken;
/// use lback::chrono::TimeDelta;
/// use lback::prelude::*;
///
/// fn create_token(req: &mut Request) -> Result<String> {
///     let (user, now) = (req.require_own_login()?, req.now());
///     let new = NewToken::new("nightly export").scope("tickets:read").expires_at(now + TimeDelta::days(90));
///     let (_, text) = new.insert(req.db()?, &user, now)?;
///     Ok(format!("Your token: {text}"))
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "no token is stored before .insert()"]
pub struct NewToken {
    name: String,
    scopes: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
}

impl NewToken {
    /// Returns a token with this name, by which its user recognizes it. By default, it has no scopes and does not expire.
    pub fn new(name: &str) -> Self {
        NewToken { name: name.trim().to_owned(), scopes: Vec::new(), expires_at: None }
    }

    /// Adds a scope: `tickets`, or only `tickets:read`.
    pub fn scope(mut self, scope: &str) -> Self {
        self.scopes.push(scope.to_owned());
        self
    }

    /// Sets the time at which the token stops working.
    pub fn expires_at(mut self, time: DateTime<Utc>) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// Creates the token of a user, and returns it with its text, which cannot be shown again: pass it on, and do not log it.
    ///
    /// # Errors
    /// Returns 400 if the name is empty or too long, a scope is not a valid name, the token would have expired already, or the user has 100
    /// tokens. The messages are for the user.
    pub fn insert(self, db: &mut Db, user: &User, now: DateTime<Utc>) -> Result<(Token, String)> {
        let NewToken { name, mut scopes, expires_at } = self;
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Err(Error::bad_request("The name of a token has 1 to 100 characters."));
        }
        if let Some(wrong) = scopes.iter().find(|scope| !is_scope(scope)) {
            return Err(Error::bad_request(format!("\"{wrong}\" is not a valid scope. Scopes look like tickets or tickets:read.")));
        }
        if expires_at.is_some_and(|end| end <= now) {
            return Err(Error::bad_request("The token would have expired already. Choose a later time."));
        }
        let held: i64 = tokens::table.filter(tokens::user_id.eq(user.id)).count().get_result(db)?;
        if held >= MAX_TOKENS {
            return Err(Error::bad_request(format!("There are {MAX_TOKENS} tokens already. Revoke one that is not used any more.")));
        }
        scopes.sort_unstable();
        scopes.dedup();
        let secret = Secret::random()?;
        let row = (
            tokens::user_id.eq(user.id),
            tokens::name.eq(name),
            tokens::digest.eq(&secret.digest[..]),
            tokens::hint.eq(secret.hint()),
            tokens::scopes.eq(scopes.join(" ")),
            tokens::created_at.eq(now),
            tokens::expires_at.eq(expires_at),
        );
        let id: i64 = diesel::insert_into(tokens::table).values(row).returning(tokens::id).get_result(db)?;
        let token = Token::find(db, id)?.ok_or_else(|| Error::internal("a token was not found after being created"))?;
        Ok((token, secret.text))
    }
}
