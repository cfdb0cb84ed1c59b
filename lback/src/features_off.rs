//! Methods of features that are off, so that the compiler can say which feature it is.

/// Adds the methods of a feature to [`App`](crate::App) while it is off, with the error of a call: its message, label and note.
macro_rules! off {
    (
        $feature:literal, $module:ident::$Methods:ident, $message:literal, $label:literal, $note:literal,
        $(fn $method:ident $(<$T:ident>)? (self $(, $argument:ident: $Type:ty)*);)+
    ) => {
        #[cfg(not(feature = $feature))]
        pub use $module::$Methods as _;

        #[cfg(not(feature = $feature))]
        mod $module {
            /// Stands for the feature.
            #[derive(Debug)]
            pub struct Off;

            /// The trait that [`Off`] lacks.
            #[diagnostic::on_unimplemented(message = $message, label = $label, note = $note)]
            pub trait Feature<'a> {}

            #[doc = concat!("The methods that the feature `", $feature, "` adds to [`App`](crate::App).")]
            pub trait $Methods: Sized {
                $(
                    /// Needs the feature.
                    fn $method $(<$T>)? (self $(, $argument: $Type)*) -> Self
                    where
                        for<'a> Off: Feature<'a>,
                    {
                        self
                    }
                )+
            }

            impl $Methods for crate::App {}
        }
    };
}

off! {
    "accounts", accounts::AppAccounts,
    "accounts are a feature of lback that is off",
    "needs the feature `accounts` of lback",
    "write in Cargo.toml: lback = {{ …, features = [\"accounts\"] }}",
    fn accounts(self);
    fn accounts_at(self, _path: &str);
}

off! {
    "admin", admin::AppAdmin,
    "the admin is a feature of lback that is off",
    "needs the feature `admin` of lback",
    "write in Cargo.toml: lback = {{ …, features = [\"accounts\", \"admin\"] }}",
    fn admin(self);
    fn admin_with<A>(self, _admin: A);
}

off! {
    "api", api::AppApi,
    "APIs are a feature of lback that is off",
    "needs the feature `api` of lback",
    "write in Cargo.toml: lback = {{ …, features = [\"accounts\", \"api\"] }}",
    fn api(self);
}

off! {
    "auth", auth::AppAuth,
    "users are a feature of lback that is off",
    "needs the feature `auth` of lback",
    "write in Cargo.toml: lback = {{ …, features = [\"accounts\"] }}, or [\"auth\"] without the pages on which they log in",
    fn auth(self);
    fn auth_with<A>(self);
}

off! {
    "cache", cache::AppCache,
    "the cache is a feature of lback that is off",
    "needs the feature `cache` of lback",
    "write in Cargo.toml: lback = {{ …, features = [\"cache\"] }}",
    fn cache(self);
}

off! {
    "compression", compression::AppCompression,
    "compression is a feature of lback that is off",
    "needs the feature `compression` of lback",
    "write in Cargo.toml: lback = {{ …, features = [\"compression\"] }}",
    fn compression(self);
}

off! {
    "jobs", jobs::AppJobs,
    "jobs are a feature of lback that is off",
    "needs the feature `jobs` of lback",
    "write in Cargo.toml: lback = {{ …, features = [\"jobs\"] }}",
    fn jobs<J>(self, _types: J);
    fn schedule<J>(self, _expression: &str, _job: J);
}

off! {
    "limits", limits::AppLimits,
    "rate limits are a feature of lback that is off",
    "needs the feature `limits` of lback",
    "write in Cargo.toml: lback = {{ …, features = [\"limits\"] }}",
    fn limits(self);
}

off! {
    "mail", mail::AppMail,
    "mail is a feature of lback that is off",
    "needs the feature `mail` of lback",
    "write in Cargo.toml: lback = {{ …, features = [\"smtp\"] }}, or [\"mail\"] without mail servers",
    fn mail(self);
}

off! {
    "realtime", realtime::AppRealtime,
    "channels are a feature of lback that is off",
    "needs the feature `realtime` of lback",
    "write in Cargo.toml: lback = {{ …, features = [\"realtime\"] }}",
    fn realtime(self);
}

off! {
    "websockets", websockets::AppWebSockets,
    "WebSockets are a feature of lback that is off",
    "needs the feature `websockets` of lback",
    "write in Cargo.toml: lback = {{ …, features = [\"websockets\"] }}",
    fn websockets(self);
}
