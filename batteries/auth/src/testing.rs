//! Users for tests, and who the browser is.

use lback_app::testing::Client;
use lback_core::Error;
use lback_db::RequestDb;

use crate::sealed::Sealed;
use crate::{Account, Auth, NewUser, RequestAuth, User};

/// What a login needs, and nothing of the application's own.
const MIDDLEWARE: [&str; 3] = ["DbSessionMiddleware", "SessionMiddleware", "AuthMiddleware"];

/// Adds users to the test [`Client`].
pub trait ClientAuth: Sealed {
    /// Makes a user: of this name and without a password, or of what [`NewUser`] says besides.
    ///
    /// ```
    /// use lback::prelude::*;
    /// use lback::testing::Client;
    /// use lback::auth::NewUser;
    ///
    /// let urls = Router::new().get("/login", |_: &mut Request| "").name("login").get("/new", |_: &mut Request| "new").permission_required("blog.add_post");
    /// let app = App::new(urls).auth().permissions([("blog.add_post", "Write posts")]);
    /// let client = Client::with_settings(app, "SESSION_TIMEOUT_MINUTES = 30");
    ///
    /// let alice = client.add_user("alice");
    /// let bob = client.add_user(NewUser::from("bob").permission("blog.add_post"));
    /// client.fork().login(&alice).get("/new").send().assert_status(403);
    /// client.fork().login(&bob).get("/new").send().assert_status(200);
    /// ```
    ///
    /// # Panics
    /// If the user cannot be made.
    fn add_user(&self, user: impl Into<NewUser>) -> User;

    /// The hash of a password, for a test in which somebody types it: `NewUser::new("alice", &client.hash("…"))`. It takes its
    /// time on purpose; [`login`](Self::login) needs none.
    ///
    /// # Panics
    /// If the application has no users.
    fn hash(&self, password: &str) -> String;

    /// Logs this browser in as `user`, without a login page and without a password. What follows is as after
    /// [`req.login`](RequestAuth::login): the session has a new id and keeps what was in it, and it ends where the user's password
    /// changes, or they may not log in any more.
    ///
    /// ```
    /// use lback::prelude::*;
    /// use lback::testing::Client;
    ///
    /// fn profile(req: &mut Request) -> Result<String> {
    ///     Ok(format!("Hello, {}.", req.require_login()?.username))
    /// }
    ///
    /// let app = App::new(Router::new().get("/profile", profile)).auth();
    /// let client = Client::with_settings(app, "SESSION_TIMEOUT_MINUTES = 30");
    /// client.login(&client.add_user("alice"));
    /// client.get("/profile").send().assert_contains("Hello, alice.");
    /// ```
    ///
    /// Middleware and routes of the application are not asked. `clear_cookies` makes the browser a stranger again.
    ///
    /// # Panics
    /// If the user may not log in, or is not in the database.
    fn login<A: Account>(&self, user: &A) -> &Self;
}

impl ClientAuth for Client {
    #[track_caller]
    fn add_user(&self, user: impl Into<NewUser>) -> User {
        let now = self.clock().now();
        self.db(|db| user.into().insert(db, now))
    }

    #[track_caller]
    fn hash(&self, password: &str) -> String {
        let Some(auth) = self.app().state::<Auth>() else { panic!("this application has no users: write App::new(urls).auth()") };
        match auth.passwords().hash(password) {
            Ok(hash) => hash,
            Err(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    fn login<A: Account>(&self, user: &A) -> &Self {
        let id = user.id();
        let login = move |req: &mut lback_core::Request| {
            // As they are now, whatever the test has done to them since.
            let user =
                A::find(req.db()?, id)?.ok_or_else(|| Error::internal(format!("there is no user of the id {id} in the database")))?;
            req.login(&user)
        };
        match self.within(&MIDDLEWARE, login) {
            Ok(()) => self,
            Err(error) => panic!("nobody can be logged in: {error}"),
        }
    }
}
