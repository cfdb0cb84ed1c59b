//! The table of users, and its queries.

use argon2::{Argon2, PasswordHash, PasswordVerifier};
use lback::prelude::*;

diesel::table! {
    users (id) {
        id -> BigInt,
        username -> Text,
        password -> Text,
        full_name -> Text,
    }
}

#[derive(Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = users)]
pub struct User {
    pub id: i64,
    pub username: String,
    #[serde(skip)]
    password: String,
    pub full_name: String,
}

impl User {
    /// Returns the user with the given id.
    pub fn find(db: &mut Db, id: i64) -> Result<Option<User>> {
        Ok(users::table.find(id).select(User::as_select()).first(db).optional()?)
    }

    /// Returns the user with the given name, if the password is correct.
    pub fn authenticate(db: &mut Db, username: &str, password: &str) -> Result<Option<User>> {
        let named = users::table.filter(users::username.eq(username)).select(User::as_select());
        let user = named.first(db).optional()?;
        // An unknown name takes as much time as a wrong password, so that the time does not reveal which names exist.
        let hash = user.as_ref().map_or(UNUSED_HASH, |user| &user.password);
        let is_correct = Argon2::default().verify_password(password.as_bytes(), &PasswordHash::new(hash)?).is_ok();
        Ok(user.filter(|_| is_correct))
    }
}

/// A hash for which no password is known.
const UNUSED_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$Uu+sh0185XDyUrBDCzAqoQ$L1ZaCkF/KmQ38kiH/FC2TPz+GzbuWxODQ/GPl5HXaZ4";
