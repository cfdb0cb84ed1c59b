//! The table of users, and what is asked of it.

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
    /// The user of this id.
    pub fn find(db: &mut Db, id: i64) -> Result<Option<User>> {
        Ok(users::table.find(id).select(User::as_select()).first(db).optional()?)
    }

    /// The user of this name, if the password is theirs.
    pub fn authenticate(db: &mut Db, username: &str, password: &str) -> Result<Option<User>> {
        let named = users::table.filter(users::username.eq(username)).select(User::as_select());
        let user = named.first(db).optional()?;
        // An unknown name costs as much time as a wrong password, and so tells nobody which names exist.
        let hash = user.as_ref().map_or(NOBODY, |user| &user.password);
        let right = Argon2::default().verify_password(password.as_bytes(), &PasswordHash::new(hash)?).is_ok();
        Ok(user.filter(|_| right))
    }
}

/// A hash that no password has.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$Uu+sh0185XDyUrBDCzAqoQ$L1ZaCkF/KmQ38kiH/FC2TPz+GzbuWxODQ/GPl5HXaZ4";
