//! The battery that adds accounts to an application.

use lback_app::{App, Battery, Setup};
use lback_auth::{Auth, User};
use lback_core::{ProgramError, ProgramResult, Router};

use crate::sealed::Sealed;
use crate::{pages, templates};

/// Adds accounts to [`App`].
pub trait AppAccounts: Sealed {
    /// Adds the pages of accounts under `/account`: register, log in and out, confirm an e-mail address, change and reset a password,
    /// a list of the devices that are logged in, and, with `App::tokens()`, the user's API tokens. The command `routes` lists them. They
    /// need users and mail:
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// fn main() {
    ///     App::new(Router::new()).auth().accounts().mail().main()
    /// }
    /// ```
    ///
    /// The names of their routes begin with `account:`, as in `{{ url_for(route="account:login") }}`. The guards lead visitors to
    /// `account:login`, unless the setting `LOGIN_URL` or a route called `login` says otherwise.
    fn accounts(self) -> Self;

    /// Adds the same pages under another path: `.accounts_at("/me")`. The names of the routes stay the same.
    fn accounts_at(self, path: &str) -> Self;
}

impl AppAccounts for App {
    fn accounts(self) -> Self {
        self.accounts_at("/account")
    }

    fn accounts_at(self, path: &str) -> Self {
        self.with(Accounts { path: path.to_owned() })
    }
}

/// The pages, and the path under which they are.
struct Accounts {
    path: String,
}

impl Battery for Accounts {
    fn name(&self) -> &'static str {
        "accounts"
    }

    fn requires(&self) -> &'static [&'static str] {
        &["auth", "mail"]
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let auth = setup.find_state::<Auth>().cloned().ok_or_else(|| ProgramError::new("accounts need users: write App::auth()"))?;
        check_user_type(&auth)?;
        setup.routes(Router::new().include(&self.path, pages::urls(auth.has_tokens())).name("account"));
        for (name, text) in templates::ALL {
            setup.template(name, text);
        }
        setup.checks(move |_, checks| {
            if checks.deploy() {
                checks.add("links in mails", check_site_url(&auth));
            }
        });
        Ok(())
    }
}

fn check_user_type(auth: &Auth) -> ProgramResult {
    let known = auth.user_type();
    if known == std::any::type_name::<User>() {
        return Ok(());
    }
    Err(ProgramError::new(format!(
        "the pages of App::accounts() support only the framework's own users, and the users of this application are of the type {known}. \
         Write App::auth() instead of App::auth_with(), or remove App::accounts() and write pages of your own"
    )))
}

/// Checks that links in mails lead to this site, whatever host the request names.
fn check_site_url(auth: &Auth) -> ProgramResult {
    if auth.settings().auth_site_url.is_some() {
        return Ok(());
    }
    Err(ProgramError::new(
        "links in mails use the host and port that the request names. Write AUTH_SITE_URL = \"https://example.com\" in settings.production.toml",
    ))
}
