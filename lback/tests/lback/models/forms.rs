//! Forms of models: rules, errors at their fields, optimistic locking.

use lback::prelude::*;
use lback::testing::Client;

use super::{Author, NewAuthor, NewPost, Person, Post, State, author, client_of, post, posts};
use crate::unit_of_work::on_each_database;

#[derive(Form)]
#[form(model = Post)]
struct Draft {
    title: String,
    slug: Option<String>,
    body: String,
    state: State,
    version: i32,
}

#[derive(Form)]
#[form(model = Author)]
struct Named {
    name: String,
    mentor_id: Option<i64>,
}

fn add(req: &mut Request) -> Result<String> {
    let alice = Author::query().first::<Author>(req.db()?)?;
    let mut form = Form::<Draft>::new();
    if let Some(draft) = form.submitted(req)? {
        let mut new = NewPost { author_id: alice.id, ..draft.into_new() };
        if new.slug.is_empty() {
            new.slug = new.title.to_lowercase();
        }
        if let Some(post) = form.create(req.db()?, new)? {
            return Ok(format!("created {}", post.slug));
        }
    }
    Ok(form.html())
}

fn edit(req: &mut Request) -> Result<String> {
    let id = req.param("id")?;
    let mut post = Post::find(req.db()?, id)?;
    let mut form = Form::<Draft>::editing(&post);
    if let Some(draft) = form.submitted(req)? {
        draft.apply(&mut post);
        if form.save(req.db()?, &mut post)? {
            return Ok(format!("saved {} {}", post.version, post.slug));
        }
    }
    Ok(form.html())
}

#[derive(Form)]
#[form(model = Person)]
struct Calm {
    name: String,
}

fn add_person(req: &mut Request) -> Result<String> {
    let mut form = Form::<Calm>::new();
    if let Some(calm) = form.submitted(req)?
        && let Some(person) = form.create::<Person>(req.db()?, calm.into_new())?
    {
        return Ok(format!("created {}", person.id));
    }
    Ok(form.html())
}

fn add_author(req: &mut Request) -> Result<String> {
    let mut form = Form::<Named>::new();
    if let Some(named) = form.submitted(req)?
        && let Some(author) = form.create::<Author>(req.db()?, named.into_new())?
    {
        return Ok(format!("created {}", author.id));
    }
    Ok(form.html())
}

fn client(on: &str) -> Client {
    let urls = Router::new()
        .get("/add", add)
        .post("/add", add)
        .get("/{id:int}", edit)
        .post("/{id:int}", edit)
        .post("/author", add_author)
        .post("/person", add_person);
    let client = client_of(App::new(urls), on);
    client.db(|db| QueryResult::Ok(author(db, "alice")));
    client
}

on_each_database!(
    the_rules_are_those_of_the_model,
    a_valid_form_creates_a_row,
    a_taken_value_is_an_error_at_its_field,
    a_row_that_is_not_clean_is_an_error_at_its_field,
    a_form_edits_a_row,
    a_form_that_was_opened_before_another_change_loses_nothing,
    a_reference_to_nothing_is_an_error_at_its_field,
    a_field_has_rules_of_its_own,
    a_request_goes_on_after_a_form_was_refused,
);

fn a_field_has_rules_of_its_own(on: &str) {
    let client = client(on);
    client.post("/person").form(&[("name", "BOB")]).send().assert_contains("Please do not shout.");
    client.post("/person").form(&[("name", "Bob")]).send().assert_contains("created");
}

fn a_request_goes_on_after_a_form_was_refused(on: &str) {
    let client = client(on);
    let twice = |req: &mut Request| -> Result<String> {
        let mut form = Form::<Named>::new();
        let Some(named) = form.submitted(req)? else { return Ok(form.html()) };
        let taken = form.create::<Author>(req.db()?, named.into_new())?;
        let other = Author::create(req.db()?, NewAuthor { name: "carol".into(), ..Default::default() })?;
        let mut saved = Author::find(req.db()?, other.id)?;
        saved.name = "alice".into();
        let is_saved = form.save(req.db()?, &mut saved)?;
        Ok(format!("{} {is_saved} {}", taken.is_none(), Author::query().count().get_result::<i64>(req.db()?)?))
    };
    let other = client_of(App::new(Router::new().post("/", twice)), on);
    other.db(|db| QueryResult::Ok(author(db, "alice")));
    other.post("/").form(&[("name", "alice")]).send().assert_contains("true false 2");
    assert_eq!(other.db(|db| Author::query().count().get_result::<i64>(db)), 2);
    drop(client);
}

fn the_rules_are_those_of_the_model(on: &str) {
    let page = client(on).get("/add").send();
    page.assert_contains("maxlength=\"120\"").assert_contains("Address").assert_contains("The end of the URL.");
    page.assert_contains("<textarea").assert_contains("Everyone may read it").assert_contains("type=\"hidden\" name=\"version\"");
}

fn a_valid_form_creates_a_row(on: &str) {
    let client = client(on);
    client
        .post("/add")
        .form(&[("title", "First"), ("body", "…"), ("state", "in_review"), ("version", "1")])
        .send()
        .assert_contains("created first");
    client
        .post("/add")
        .form(&[("title", "Second"), ("slug", "no spaces"), ("body", "…"), ("state", "draft"), ("version", "1")])
        .send()
        .assert_contains("hyphens");
    client
        .post("/add")
        .form(&[("title", "Third"), ("body", "…"), ("state", "'; --"), ("version", "1")])
        .send()
        .assert_contains("Choose one");
    let posts: Vec<Post> = client.db(|db| Post::query().load(db));
    assert_eq!((posts.len(), posts[0].state), (1, State::InReview));
}

fn a_taken_value_is_an_error_at_its_field(on: &str) {
    let client = client(on);
    let send = |title: &str, slug: &str| {
        client.post("/add").form(&[("title", title), ("slug", slug), ("body", "…"), ("state", "draft"), ("version", "1")]).send()
    };
    send("First", "first").assert_contains("created first");
    send("Second", "first").assert_contains("Another post already has this address.");
    send("First", "second").assert_contains("Another post already has this author and title.");
    send("Third", "third").assert_contains("created third");
}

fn a_row_that_is_not_clean_is_an_error_at_its_field(on: &str) {
    let client = client(on);
    let sent = client.post("/add").form(&[("title", "First"), ("body", "…"), ("state", "published"), ("version", "1")]).send();
    sent.assert_contains("Say when it was published.");
    assert_eq!(client.db(|db| posts::table.count().get_result::<i64>(db)), 0);
}

fn a_form_edits_a_row(on: &str) {
    let client = client(on);
    let saved = client.db(|db| -> Result<Post> {
        let alice = Author::query().first::<Author>(db)?;
        Post::create(db, post(&alice, "first"))
    });
    let path = format!("/{}", saved.id);
    client.get(&path).send().assert_contains("value=\"FIRST\"").assert_contains("value=\"1\"");
    let sent = client.post(&path).form(&[("title", "Changed"), ("body", "…"), ("state", "draft"), ("version", "1")]).send();
    // What the form leaves empty stays as it is.
    sent.assert_contains("saved 2 first");
    client.post("/999").form(&[("title", "x")]).send().assert_status(404);
}

fn a_form_that_was_opened_before_another_change_loses_nothing(on: &str) {
    let client = client(on);
    let saved = client.db(|db| -> Result<Post> {
        let alice = Author::query().first::<Author>(db)?;
        let mut post = Post::create(db, post(&alice, "first"))?;
        post.save(db)?;
        Ok(post)
    });
    let sent =
        client.post(&format!("/{}", saved.id)).form(&[("title", "Mine"), ("body", "…"), ("state", "draft"), ("version", "1")]).send();
    sent.assert_status(200).assert_contains("since you opened it").assert_contains("value=\"Mine\"");
    assert_eq!(client.db(|db| Post::find(db, saved.id)).title, "FIRST");
}

fn a_reference_to_nothing_is_an_error_at_its_field(on: &str) {
    let client = client(on);
    client.post("/author").form(&[("name", "bob"), ("mentor_id", "999")]).send().assert_contains("Choose one of the available options.");
    client.post("/author").form(&[("name", "bob")]).send().assert_contains("created");
    assert_eq!(client.db(|db| Author::query().count().get_result::<i64>(db)), 2);
    let _ = NewAuthor::default();
}
