//! Tests of the whole blog through the test client.

mod access;
mod admin;
mod bad_input;
mod browser;
mod moderating;
mod writing;

use lback::auth::NewUser;
use lback::prelude::*;
use lback::testing::{Client, TestResponse};

use crate::app;
use crate::models::{State, posts};

const PASSWORD: &str = "down the rabbit hole";

fn client() -> Client {
    Client::new(app())
}

/// Adds a user to these groups, with a password and a confirmed address.
fn add_user(client: &Client, name: &str, groups: &[&str]) -> User {
    let new = NewUser::new(name, &client.hash(PASSWORD)).email(&format!("{name}@example.com"));
    let mut user = client.add_user(groups.iter().fold(new, |new, group| new.group(group)));
    client.db(|db| user.set_email_verified(db));
    user
}

#[track_caller]
fn log_in(client: &Client, name: &str) {
    post(client, "/account/login", &[("username", name), ("password", PASSWORD)]).assert_redirect("/");
}

/// Adds a user to these groups, and returns a client that is logged in.
fn browser_of(client: &Client, name: &str, groups: &[&str]) -> Client {
    let user = add_user(client, name, groups);
    let browser = client.fork();
    browser.login(&user);
    browser
}

fn post(client: &Client, path: &str, form: &[(&str, &str)]) -> TestResponse {
    client.post(path).form(form).send()
}

/// Creates a draft, and returns its id.
#[track_caller]
fn write(author: &Client, title: &str) -> i64 {
    let form = [("title", title), ("slug", ""), ("body", "Alice was beginning to get very tired."), ("version", "0")];
    let answer = post(author, "/write/new", &form);
    answer.assert_status(303);
    author.db(|db| posts::table.order(posts::id.desc()).select(posts::id).first(db))
}

/// Submits a post and publishes it.
#[track_caller]
fn publish(author: &Client, moderator: &Client, id: i64) {
    post(author, &format!("/write/{id}/submit"), &[]).assert_status(303);
    let version = version(moderator, id);
    post(moderator, &format!("/moderate/{id}/publish"), &[("version", &version)]).assert_redirect("/moderate");
    assert_eq!(state(moderator, id), "published");
}

/// Returns the version that a page of this post would send.
fn version(client: &Client, id: i64) -> String {
    client.db(|db| posts::table.find(id).select(posts::version).first::<i32>(db)).to_string()
}

/// Returns the state of a post.
fn state(client: &Client, id: i64) -> &'static str {
    client.db(|db| posts::table.find(id).select(posts::state).first::<State>(db)).as_str()
}

#[track_caller]
fn assert_excludes(page: &TestResponse, text: &str) {
    assert!(!page.text().contains(text), "the page should not contain {text:?}: {page:?}");
}
