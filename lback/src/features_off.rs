//! Methods of batteries whose features are off, so that the compiler can say which feature it is.

#[cfg(not(feature = "accounts"))]
pub use accounts::AppAccounts;
#[cfg(not(feature = "admin"))]
pub use admin::AppAdmin;
#[cfg(not(feature = "api"))]
pub use api::AppApi;
#[cfg(not(feature = "auth"))]
pub use auth::AppAuth;
#[cfg(not(feature = "cache"))]
pub use cache::AppCache;
#[cfg(not(feature = "jobs"))]
pub use jobs::AppJobs;
#[cfg(not(feature = "limits"))]
pub use limits::AppLimits;
#[cfg(not(feature = "mail"))]
pub use mail::AppMail;
#[cfg(not(feature = "realtime"))]
pub use realtime::AppRealtime;
#[cfg(not(feature = "websockets"))]
pub use websockets::AppWebSockets;

#[cfg(not(feature = "accounts"))]
mod accounts {
    use crate::App;

    /// Stands for accounts.
    #[derive(Debug)]
    pub struct Accounts;

    /// The trait that [`Accounts`] lack.
    #[diagnostic::on_unimplemented(
        message = "accounts are a feature of lback that is off",
        label = "needs the feature `accounts` of lback",
        note = "write in Cargo.toml: lback = {{ …, features = [\"accounts\"] }}"
    )]
    pub trait Feature<'a> {}

    /// The methods that the feature `accounts` adds to [`App`].
    pub trait AppAccounts: Sized {
        /// Needs the feature.
        fn accounts(self) -> Self
        where
            for<'a> Accounts: Feature<'a>,
        {
            self
        }

        /// Needs the feature.
        fn accounts_at(self, _path: &str) -> Self
        where
            for<'a> Accounts: Feature<'a>,
        {
            self
        }
    }

    impl AppAccounts for App {}
}

#[cfg(not(feature = "admin"))]
mod admin {
    use crate::App;

    /// Stands for the admin.
    #[derive(Debug)]
    pub struct AdminSite;

    /// The trait that [`AdminSite`] lacks.
    #[diagnostic::on_unimplemented(
        message = "the admin is a feature of lback that is off",
        label = "needs the feature `admin` of lback",
        note = "write in Cargo.toml: lback = {{ …, features = [\"accounts\", \"admin\"] }}"
    )]
    pub trait Feature<'a> {}

    /// The methods that the feature `admin` adds to [`App`].
    pub trait AppAdmin: Sized {
        /// Needs the feature.
        fn admin(self) -> Self
        where
            for<'a> AdminSite: Feature<'a>,
        {
            self
        }
    }

    impl AppAdmin for App {}
}

#[cfg(not(feature = "api"))]
mod api {
    use crate::App;

    /// Stands for APIs.
    #[derive(Debug)]
    pub struct Apis;

    /// The trait that [`Apis`] lack.
    #[diagnostic::on_unimplemented(
        message = "APIs are a feature of lback that is off",
        label = "needs the feature `api` of lback",
        note = "write in Cargo.toml: lback = {{ …, features = [\"accounts\", \"api\"] }}"
    )]
    pub trait Feature<'a> {}

    /// The methods that the feature `api` adds to [`App`].
    pub trait AppApi: Sized {
        /// Needs the feature.
        fn api(self) -> Self
        where
            for<'a> Apis: Feature<'a>,
        {
            self
        }
    }

    impl AppApi for App {}
}

#[cfg(not(feature = "auth"))]
mod auth {
    use crate::App;

    /// Stands for users.
    #[derive(Debug)]
    pub struct Users;

    /// What [`Users`] do not have.
    #[diagnostic::on_unimplemented(
        message = "users are a feature of lback that is off",
        label = "needs the feature `auth` of lback",
        note = "write in Cargo.toml: lback = {{ …, features = [\"accounts\"] }}, or [\"auth\"] without the pages on which they log in"
    )]
    pub trait Feature<'a> {}

    /// What the feature `auth` adds to [`App`].
    pub trait AppAuth: Sized {
        /// Needs the feature.
        fn auth(self) -> Self
        where
            for<'a> Users: Feature<'a>,
        {
            self
        }

        /// Needs the feature.
        fn auth_with<A>(self) -> Self
        where
            for<'a> Users: Feature<'a>,
        {
            self
        }
    }

    impl AppAuth for App {}
}

#[cfg(not(feature = "cache"))]
mod cache {
    use crate::App;

    /// Stands for the cache.
    #[derive(Debug)]
    pub struct Caches;

    /// The trait that [`Caches`] lack.
    #[diagnostic::on_unimplemented(
        message = "the cache is a feature of lback that is off",
        label = "needs the feature `cache` of lback",
        note = "write in Cargo.toml: lback = {{ …, features = [\"cache\"] }}"
    )]
    pub trait Feature<'a> {}

    /// The methods that the feature `cache` adds to [`App`].
    pub trait AppCache: Sized {
        /// Needs the feature.
        fn cache(self) -> Self
        where
            for<'a> Caches: Feature<'a>,
        {
            self
        }
    }

    impl AppCache for App {}
}

#[cfg(not(feature = "jobs"))]
mod jobs {
    use crate::App;

    /// Stands for jobs.
    #[derive(Debug)]
    pub struct BackgroundJobs;

    /// The trait that [`BackgroundJobs`] lack.
    #[diagnostic::on_unimplemented(
        message = "jobs are a feature of lback that is off",
        label = "needs the feature `jobs` of lback",
        note = "write in Cargo.toml: lback = {{ …, features = [\"jobs\"] }}"
    )]
    pub trait Feature<'a> {}

    /// The methods that the feature `jobs` adds to [`App`].
    pub trait AppJobs: Sized {
        /// Needs the feature.
        fn jobs<J>(self, _types: J) -> Self
        where
            for<'a> BackgroundJobs: Feature<'a>,
        {
            self
        }

        /// Needs the feature.
        fn schedule<J>(self, _expression: &str, _job: J) -> Self
        where
            for<'a> BackgroundJobs: Feature<'a>,
        {
            self
        }
    }

    impl AppJobs for App {}
}

#[cfg(not(feature = "limits"))]
mod limits {
    use crate::App;

    /// Stands for rate limits.
    #[derive(Debug)]
    pub struct Limits;

    /// The trait that [`Limits`] lack.
    #[diagnostic::on_unimplemented(
        message = "rate limits are a feature of lback that is off",
        label = "needs the feature `limits` of lback",
        note = "write in Cargo.toml: lback = {{ …, features = [\"limits\"] }}"
    )]
    pub trait Feature<'a> {}

    /// The methods that the feature `limits` adds to [`App`].
    pub trait AppLimits: Sized {
        /// Needs the feature.
        fn limits(self) -> Self
        where
            for<'a> Limits: Feature<'a>,
        {
            self
        }
    }

    impl AppLimits for App {}
}

#[cfg(not(feature = "mail"))]
mod mail {
    use crate::App;

    /// Stands for mail.
    #[derive(Debug)]
    pub struct Mails;

    /// What [`Mails`] do not have.
    #[diagnostic::on_unimplemented(
        message = "mail is a feature of lback that is off",
        label = "needs the feature `mail` of lback",
        note = "write in Cargo.toml: lback = {{ …, features = [\"smtp\"] }}, or [\"mail\"] without mail servers"
    )]
    pub trait Feature<'a> {}

    /// What the feature `mail` adds to [`App`].
    pub trait AppMail: Sized {
        /// Needs the feature.
        fn mail(self) -> Self
        where
            for<'a> Mails: Feature<'a>,
        {
            self
        }
    }

    impl AppMail for App {}
}

#[cfg(not(feature = "realtime"))]
mod realtime {
    use crate::App;

    /// Stands for channels.
    #[derive(Debug)]
    pub struct RealtimeChannels;

    /// The trait that [`RealtimeChannels`] lack.
    #[diagnostic::on_unimplemented(
        message = "channels are a feature of lback that is off",
        label = "needs the feature `realtime` of lback",
        note = "write in Cargo.toml: lback = {{ …, features = [\"realtime\"] }}"
    )]
    pub trait Feature<'a> {}

    /// The methods that the feature `realtime` adds to [`App`].
    pub trait AppRealtime: Sized {
        /// Needs the feature.
        fn realtime(self) -> Self
        where
            for<'a> RealtimeChannels: Feature<'a>,
        {
            self
        }
    }

    impl AppRealtime for App {}
}

#[cfg(not(feature = "websockets"))]
mod websockets {
    use crate::App;

    /// Stands for WebSockets.
    #[derive(Debug)]
    pub struct WebSockets;

    /// The trait that [`WebSockets`] lack.
    #[diagnostic::on_unimplemented(
        message = "WebSockets are a feature of lback that is off",
        label = "needs the feature `websockets` of lback",
        note = "write in Cargo.toml: lback = {{ …, features = [\"websockets\"] }}"
    )]
    pub trait Feature<'a> {}

    /// The methods that the feature `websockets` adds to [`App`].
    pub trait AppWebSockets: Sized {
        /// Needs the feature.
        fn websockets(self) -> Self
        where
            for<'a> WebSockets: Feature<'a>,
        {
            self
        }
    }

    impl AppWebSockets for App {}
}
