//! Users: who is there, how they log in, what they may do.

mod api_tokens;
mod bad_input;
mod commands;
mod confirming;
mod guards;
mod hashes;
mod impersonation;
mod logins;
mod names;
mod own_users;
#[cfg(feature = "accounts")]
mod pages;
mod passwords;
mod people;
mod permissions;
mod rate_limits;
mod settings;
mod testing;
mod throttle;
mod tokens;
#[cfg(feature = "sqlite")]
mod uploads;

use std::time::Duration;

use lback::auth::{Auth, NewUser};
use lback::prelude::*;
use lback::testing::{Client, TestResponse};

use crate::sessions::{Store, suite};
use crate::sql;

/// Hashing is quick in tests.
const SETTINGS: &str = "AUTH_ARGON2_MEMORY_KIB = 64\nAUTH_ARGON2_PASSES = 1";

const PASSWORD: &str = "down the rabbit hole";

#[rustfmt::skip] // one route a line
fn urls() -> Router {
    let office = Router::new()
        .get("/", |_: &mut Request| "office")
        .get("/safe", |_: &mut Request| "safe").permission_required("office.open_safe");
    Router::new()
        .get("/who", who)
        .get("/may/{permission}", may)
        .get("/untouched", |_: &mut Request| "untouched")
        .get("/login", |_: &mut Request| "log in here").name("login")
        .post("/login", log_in)
        .post("/login/remember", log_in_and_remember)
        .post("/logout", log_out)
        .post("/confirm", confirm)
        .post("/act-as/{name}", act_as)
        .post("/act-as-nobody", |req: &mut Request| -> Result<String> { Ok(req.end_impersonation()?.to_string()) })
        .get("/impersonator", |req: &mut Request| -> Result<String> { Ok(req.impersonator()?.map_or("nobody".to_owned(), |user| user.username.clone())) })
        .get("/own", |_: &mut Request| "own").own_login_required()
        .get("/confirmed/{seconds:int}", confirmed)
        .post("/password", change_password)
        .post("/cart/{item}", put_into_cart)
        .get("/cart", |req: &mut Request| req.session()["cart"].to_string())
        .get("/flashes", |req: &mut Request| req.session().take_flashes().iter().map(|flash| flash.message.clone()).collect::<Vec<_>>().join(","))
        .get("/members", |_: &mut Request| "members").login_required()
        .post("/members", |_: &mut Request| "posted").login_required()
        .get("/write", |_: &mut Request| "write").permission_required("blog.add_post")
        .get("/async", async |_: &mut Request| "async").permission_required("blog.add_post")
        .get("/both", |_: &mut Request| "both").permission_required("blog.add_post").permission_required("blog.change_post")
        .get("/in-view", |req: &mut Request| -> Result<String> { Ok(req.require_login()?.username.clone()) })
        .get("/in-view/staff", |req: &mut Request| -> Result<&'static str> { req.require_staff().map(|()| "staff") })
        .get("/in-view/write", |req: &mut Request| -> Result<&'static str> { req.require_permission("blog.add_post").map(|()| "write") })
        .include("/office", office).staff_required()
}

fn app() -> App {
    App::new(urls()).auth().permissions([
        ("blog.add_post", "Write posts"),
        ("blog.change_post", "Change posts"),
        ("office.open_safe", "Open the safe"),
    ])
}

fn who(req: &mut Request) -> Result<String> {
    Ok(req.user()?.map_or("nobody".to_owned(), |user| user.username.clone()))
}

fn may(req: &mut Request) -> Result<String> {
    let permission: String = req.param("permission")?;
    Ok(req.has_perm(&permission)?.to_string())
}

#[derive(serde::Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

fn log_in(req: &mut Request) -> Result<Response> {
    let form: Credentials = req.form()?;
    match req.authenticate(&form.username, &form.password)? {
        Ok(user) => {
            req.login(&user)?;
            req.session().flash("success", "Welcome back!");
            Ok(Response::text("welcome"))
        }
        Err(refused) => Ok(Response::text(refused.to_string())),
    }
}

fn log_in_and_remember(req: &mut Request) -> Result<Response> {
    let response = log_in(req)?;
    req.remember_login()?;
    Ok(response)
}

fn act_as(req: &mut Request) -> Result<()> {
    let name: String = req.param("name")?;
    let user = User::named(req.db()?, &name)?.ok_or_else(|| Error::not_found("no user"))?;
    req.impersonate(&user)
}

fn confirm(req: &mut Request) -> Result<String> {
    #[derive(serde::Deserialize)]
    struct Typed {
        password: String,
    }
    let Typed { password } = req.form()?;
    Ok(match req.confirm_password(&password)? {
        Ok(()) => "confirmed".to_owned(),
        Err(refused) => refused.to_string(),
    })
}

fn confirmed(req: &mut Request) -> Result<String> {
    let seconds: i64 = req.param("seconds")?;
    Ok(req.confirmed_within(Duration::from_secs(seconds.unsigned_abs()))?.to_string())
}

fn log_out(req: &mut Request) -> Result<()> {
    req.logout()?;
    req.session().flash("info", "You have been logged out.");
    Ok(())
}

fn change_password(req: &mut Request) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct New {
        password: String,
    }
    let New { password } = req.form()?;
    let mut user = (*req.require_login()?).clone();
    req.set_password(&mut user, &password)
}

fn put_into_cart(req: &mut Request) -> Result<()> {
    let item: String = req.param("item")?;
    req.session().insert("cart", item)
}

/// A browser before the application, and a user alice.
fn client(store: &Store) -> Client {
    client_with(store, "")
}

fn client_with(store: &Store, settings: &str) -> Client {
    let client = store.open(app(), &format!("{SETTINGS}\n{settings}"));
    add_user(&client, "alice");
    client
}

fn add_user(client: &Client, name: &str) -> User {
    client.add_user(NewUser::new(name, &client.hash(PASSWORD)).email(&format!("{name}@example.com")))
}

fn auth(client: &Client) -> &Auth {
    client.app().state().expect("an application with users")
}

/// The user as the database has them.
fn user(client: &Client, name: &str) -> User {
    client.db(|db| User::named(db, name)).expect("a user of this name")
}

fn try_login(client: &Client, name: &str, password: &str) -> TestResponse {
    client.post("/login").form(&[("username", name), ("password", password)]).send()
}

#[track_caller]
fn login(client: &Client, name: &str) {
    assert_eq!(try_login(client, name, PASSWORD).text(), "welcome");
}

#[track_caller]
fn assert_who(client: &Client, name: &str) {
    assert_eq!(client.get("/who").send().text(), name);
}

const WRONG: &str = "That is not the right user name and password.";
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What `work` costs in hashes.
fn hashes<T>(client: &Client, work: impl FnOnce() -> T) -> (u64, T) {
    let before = auth(client).passwords().computed();
    let result = work();
    (auth(client).passwords().computed() - before, result)
}
