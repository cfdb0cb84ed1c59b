//! Users in tests.

use lback_app::testing::Client;
use lback_core::Error;
use lback_db::RequestDb;

use crate::sealed::Sealed;
use crate::{Account, Auth, NewUser, RequestAuth, User};

/// The middleware that a login needs, without the application's own.
const MIDDLEWARE: [&str; 3] = ["DbSessionMiddleware", "SessionMiddleware", "AuthMiddleware"];

/// Adds users to the test [`Client`].
pub trait ClientAuth: Sealed {
    /// Creates a user with this name and without a password, or from a [`NewUser`].
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
    /// Panics if the user cannot be created.
    fn add_user(&self, user: impl Into<NewUser>) -> User;

    /// Returns the hash of a password, for a test that submits the password: `NewUser::new("alice", &client.hash("…"))`. Hashing is slow
    /// on purpose; [`login`](Self::login) does not need it.
    ///
    /// # Panics
    /// Panics if the application has no users.
    fn hash(&self, password: &str) -> String;

    /// Logs this browser in as `user`, without a login page and without a password. The effect is that of
    /// [`req.login`](RequestAuth::login): the session gets a new id and keeps its data, and the login ends when the user's password
    /// changes or the user is deactivated.
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
    /// The application's middleware and routes are not involved. `clear_cookies` turns the browser into an anonymous visitor again.
    ///
    /// # Panics
    /// Panics if the user is deactivated or is not in the database.
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
            // The current row: the test may have changed the user.
            let user =
                A::find(req.db()?, id)?.ok_or_else(|| Error::internal(format!("there is no user with the id {id} in the database")))?;
            req.login(&user)
        };
        match self.within(&MIDDLEWARE, login) {
            Ok(()) => self,
            Err(error) => panic!("the user cannot be logged in: {error}"),
        }
    }
}
