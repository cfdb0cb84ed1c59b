//! The signals of users. None says what was typed: many a password is typed into the field for the name.

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
    /// `user.logged_in`: somebody has logged in, and the request that did it is saved.
    UserLoggedIn "user.logged_in" {
        /// The user.
        user_id: i64,
    }
    /// `user.login_failed`: a name and a password were tried, and refused.
    UserLoginFailed "user.login_failed" {
        /// The user of that name, where there is one.
        user_id: Option<i64>,
        /// Had it to wait, so that the password was not even looked at?
        throttled: bool,
    }
    /// `user.logged_out`: somebody has logged out.
    UserLoggedOut "user.logged_out" {
        /// The user.
        user_id: i64,
    }
    /// `user.password_changed`: a user has another password, by themselves or by a link from a mail.
    UserPasswordChanged "user.password_changed" {
        /// The user.
        user_id: i64,
    }
}
