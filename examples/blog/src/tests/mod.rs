//! The blog, driven as browsers drive it.

mod bad_input;
mod browser;
mod moderating;
mod walk;
mod writing;

use lback::prelude::*;
use lback::testing::{Client, TestResponse};
use lback::{Auth, NewUser};

use crate::app;
use crate::models::posts;

const PASSWORD: &str = "down the rabbit hole";

fn client() -> Client {
    Client::new(app())
}

/// A user in these groups.
fn add_user(client: &Client, name: &str, groups: &[&str]) -> User {
    let auth: &Auth = client.app().state().unwrap();
    let hash = auth.passwords().hash(PASSWORD).unwrap();
    let new = NewUser::new(name, &hash).email(&format!("{name}@example.com"));
    client.db(|db| {
        let mut user = new.insert(db, client.clock().now())?;
        user.set_email_verified(db)?;
        groups.iter().try_for_each(|group| Group::named(db, group)?.unwrap().add(db, &user))?;
        Ok::<_, Error>(user)
    })
}

#[track_caller]
fn log_in(client: &Client, name: &str) {
    post(client, "/account/login", &[("username", name), ("password", PASSWORD)]).assert_redirect("/");
}

/// The browser of a new user in these groups.
fn browser_of(client: &Client, name: &str, groups: &[&str]) -> Client {
    add_user(client, name, groups);
    let browser = client.fork();
    log_in(&browser, name);
    browser
}

fn post(client: &Client, path: &str, form: &[(&str, &str)]) -> TestResponse {
    client.post(path).form(form).send()
}

/// Writes a draft, and returns its id.
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

/// The version that a page of this post would send along.
fn version(client: &Client, id: i64) -> String {
    client.db(|db| posts::table.find(id).select(posts::version).first::<i32>(db)).to_string()
}

/// The state in which a post is.
fn state(client: &Client, id: i64) -> String {
    client.db(|db| posts::table.find(id).select(posts::state).first(db))
}

#[track_caller]
fn assert_lacks(page: &TestResponse, text: &str) {
    assert!(!page.text().contains(text), "the page should not contain {text:?}: {page:?}");
}
