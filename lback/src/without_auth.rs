//! Users, while the feature `auth` is off: so that the compiler can say which feature it is.

use crate::App;

/// Stands for users.
pub struct Users;

/// What [`Users`] are not.
#[diagnostic::on_unimplemented(
    message = "users are a feature of lback that is off",
    label = "needs the feature `auth` of lback",
    note = "write in Cargo.toml: lback = {{ …, features = [\"auth-pages\"] }}, or [\"auth\"] without the pages on which they log in"
)]
pub trait OfFeatureAuth<'a> {}

/// What the feature adds to [`App`].
pub trait AppAuth: Sized {
    /// Needs the feature.
    fn auth(self) -> Self
    where
        for<'a> Users: OfFeatureAuth<'a>,
    {
        self
    }

    /// Needs the feature.
    fn auth_with<A>(self) -> Self
    where
        for<'a> Users: OfFeatureAuth<'a>,
    {
        self
    }
}

impl AppAuth for App {}
