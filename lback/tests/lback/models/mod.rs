//! Models: rows, relations, pages and forms of structs with `#[derive(Model)]`, through the same code on both databases.

mod changes;
mod choices;
mod copying;
mod cursors;
mod data;
#[cfg(feature = "decimal")]
mod decimals;
mod forms;
#[cfg(feature = "decimal")]
mod inspecting;
mod pages;
mod relations;
mod rows;
mod testing;
#[cfg(feature = "uuid")]
mod uuids;

use lback::chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use lback::models::migrate::create_tables;
use lback::prelude::*;
use lback::testing::Client;

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Author {
    pub id: i64,
    #[model(max_length = 50, unique)]
    pub name: String,
    #[model(references = Self, on_delete = set_null)]
    pub mentor_id: Option<i64>,
}

#[derive(Choices, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Draft,
    InReview,
    #[choice(label = "Everyone may read it")]
    Published,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(order = "-published_at, title", index(state, published_at), unique(author_id, title), clean = Post::check, many_to_many(tags: Tag))]
pub struct Post {
    pub id: i64,
    #[model(references = Author, on_delete = cascade)]
    pub author_id: i64,
    #[model(max_length = 120)]
    pub title: String,
    #[model(max_length = 40, unique, slug, label = "Address", help = "The end of the URL.")]
    pub slug: String,
    #[model(long)]
    pub body: String,
    #[model(default = State::Draft)]
    pub state: State,
    pub extra: Option<Json<Vec<String>>>,
    #[model(version)]
    pub version: i32,
    #[model(auto_now_add)]
    pub created_at: DateTime<Utc>,
    #[model(auto_now)]
    pub updated_at: DateTime<Utc>,
    pub published_at: Option<DateTime<Utc>>,
}

impl Post {
    fn check(&self, errors: &mut FormErrors) {
        if self.state == State::Published && self.published_at.is_none() {
            errors.add("state", "Say when it was published.");
        }
    }
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(order = "name")]
pub struct Tag {
    pub id: i64,
    #[model(max_length = 50, unique)]
    pub name: String,
}

/// Every type of field.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "everything")]
pub struct Everything {
    pub id: i64,
    pub small: i16,
    #[model(default = -3)]
    pub medium: i32,
    pub large: i64,
    pub single: f32,
    #[model(default = 0.5)]
    pub double: f64,
    #[model(default = true)]
    pub flag: bool,
    pub bytes: Vec<u8>,
    pub day: NaiveDate,
    pub hour: NaiveTime,
    pub local: NaiveDateTime,
    pub moment: DateTime<Utc>,
    pub length: TimeDelta,
    pub json: Json<Vec<(String, i32)>>,
    pub maybe_moment: Option<DateTime<Utc>>,
    pub maybe_length: Option<TimeDelta>,
    pub maybe_state: Option<State>,
    #[model(default = "none")]
    pub maybe_text: Option<String>,
}

/// Links within one table, a name that is a keyword, a field with a rule of its own, and a hidden one.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(many_to_many(friends: Self))]
pub struct Person {
    pub id: i64,
    #[model(clean = not_shouted)]
    pub name: String,
    #[model(references = Self, on_delete = set_null)]
    pub type_id: Option<i64>,
    #[model(hidden)]
    pub secret: String,
    #[model(unique)]
    pub code: Option<String>,
}

fn not_shouted(name: &str) -> Result<(), &'static str> {
    if name.chars().any(char::is_lowercase) { Ok(()) } else { Err("Please do not shout.") }
}

/// A key of two columns, and nothing else.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "follows")]
pub struct Follow {
    #[model(primary_key, references = Author, on_delete = cascade)]
    pub follower_id: i64,
    #[model(primary_key, references = Author, on_delete = cascade, no_join)]
    pub followed_id: i64,
}

/// A key that is a text, under other names.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "iso countries", module = countries, new = AddCountry)]
pub struct Country {
    #[model(primary_key, max_length = 2)]
    pub code: String,
    #[model(column = "the name")]
    pub name: String,
}

const START: &str = "2026-01-01T12:00:00.123456Z";

fn start() -> DateTime<Utc> {
    START.parse().unwrap()
}

/// An application with the tables, on the database that a line of settings names.
fn client(on: &str) -> Client {
    client_of(App::new(Router::new()), on)
}

fn client_of(app: App, on: &str) -> Client {
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.clock().set(start());
    client.db(|db| create_tables(db, models![Author, Post, Tag, Person, Everything, Follow, Country]));
    client
}

fn author(db: &mut Db, name: &str) -> Author {
    Author::create(db, NewAuthor { name: name.to_owned(), ..Default::default() }).unwrap()
}

fn post(author: &Author, slug: &str) -> NewPost {
    NewPost { author_id: author.id, title: slug.to_uppercase(), slug: slug.to_owned(), ..Default::default() }
}

fn titles(posts: &[Post]) -> Vec<&str> {
    posts.iter().map(|post| post.title.as_str()).collect()
}
