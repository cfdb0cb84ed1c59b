//! The signals of users. They do not contain what was typed, because people type passwords into the name field.

use lback_core::Signal;
use serde::Serialize;

macro_rules! signals {
    ($($(#[$meta:meta])* $type:ident $name:literal { $($(#[$field_meta:meta])* $field:ident: $of:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Serialize)]
        #[non_exhaustive]
        pub struct $type { $($(#[$field_meta])* pub $field: $of,)* }

        impl Signal for $type {
            const NAME: &'static str = $name;
        }
    )*};
}

signals! {
    /// `user.logged_in`: a user has logged in, and the request is committed.
    UserLoggedIn "user.logged_in" {
        /// The user.
        user_id: i64,
    }
    /// `user.login_failed`: an attempt to log in was refused.
    UserLoginFailed "user.login_failed" {
        /// The user with that name, if there is one.
        user_id: Option<i64>,
        /// Whether the attempt was refused because of a delay, without checking the password.
        throttled: bool,
    }
    /// `user.logged_out`: a user has logged out.
    UserLoggedOut "user.logged_out" {
        /// The user.
        user_id: i64,
    }
    /// `user.password_changed`: a user has a new password, by a page, a link in a mail, or the command `changepassword`.
    UserPasswordChanged "user.password_changed" {
        /// The user.
        user_id: i64,
    }
}
