//! `dumpdata` and `loaddata`.

use std::fs;
use std::path::PathBuf;

use lback::chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use lback::models::migrate::create_tables;
use lback::prelude::*;
use lback::serde_json;
use lback::testing::Client;
use tempfile::TempDir;

use super::{
    Author, Country, Everything, Follow, NewAuthor, NewEverything, NewFollow, NewPerson, Person, Post, State, Tag, author, authors,
    client_of, everything, people, post, posts, start, tags,
};
use crate::unit_of_work::on_each_database;

on_each_database!(
    every_value_is_the_same_in_another_database,
    rows_come_in_any_order,
    rows_that_need_each_other_come_together,
    rows_are_found_by_their_unique_fields,
    rows_without_unique_fields_are_written_once,
    a_dump_without_numbers_fits_any_database,
    fields_that_are_missing_stay_as_they_are,
    what_is_wrong_is_named_and_nothing_is_loaded,
    new_rows_are_numbered_after_loaded_ones,
    many_rows_are_dumped_and_loaded,
);

fn site(on: &str) -> Client {
    client_of(App::new(Router::new()).models(models![Author, Post, Tag, Person, Everything, Follow, Country]), on)
}

/// A file of rows.
struct Rows {
    _folder: TempDir,
    path: PathBuf,
}

impl Rows {
    fn new(text: &str) -> Self {
        let folder = TempDir::with_prefix("lback-test-").unwrap();
        let path = folder.path().join("rows.json");
        fs::write(&path, text).unwrap();
        Rows { _folder: folder, path }
    }

    fn shown(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

fn load(client: &Client, text: &str) -> String {
    client.command("loaddata", &[Rows::new(text).shown()])
}

fn all_values() -> NewEverything {
    NewEverything {
        small: i16::MIN,
        medium: i32::MAX,
        large: i64::MIN,
        single: 0.1,
        double: 0.1 + 0.2,
        flag: false,
        bytes: vec![0, 255, 10],
        day: NaiveDate::from_ymd_opt(2024, 2, 29).unwrap(),
        hour: NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap(),
        local: "1999-12-31T23:59:59.5".parse::<NaiveDateTime>().unwrap(),
        moment: start(),
        length: TimeDelta::microseconds(-90_061_000_001),
        json: Json(vec![("a \"b\" é 🦀 \u{1}".to_owned(), -1)]),
        maybe_moment: Some("0001-01-01T00:00:00Z".parse().unwrap()),
        maybe_length: Some(TimeDelta::days(40)),
        maybe_state: Some(State::InReview),
        maybe_text: Some("null\n\\ ' \" 𝄞".into()),
    }
}

/// Creates rows of all kinds.
pub(super) fn fill(db: &mut Db) -> Result<()> {
    Everything::create(db, all_values())?;
    Everything::create(db, NewEverything { double: f64::INFINITY, single: f32::MIN_POSITIVE, maybe_text: None, ..Default::default() })?;
    Everything::create(db, NewEverything { double: f64::MIN_POSITIVE, single: f32::NEG_INFINITY, ..all_values() })?;
    let alice = author(db, "alice");
    let mut first = Post::create(db, post(&alice, "first"))?;
    first.save(db)?;
    Follow::create(db, NewFollow { follower_id: alice.id, followed_id: alice.id })?;
    Country::create(db, super::AddCountry { code: "CH".into(), name: "Schwiiz".into() })?;
    let tags = ["rust", "web"].map(|name| Tag::create(db, super::NewTag { name: name.into() }).map(|tag| tag.id));
    let [rust, web] = tags;
    first.set_tags(db, &[rust?, web?])
}

fn every_value_is_the_same_in_another_database(on: &str) {
    let from = site(on);
    from.db(fill);
    let all = from.command("dumpdata", &[]);
    serde_json::from_str::<serde_json::Value>(&all).unwrap();
    assert!(all.contains("\"single\": 0.1,") && all.contains("\"moment\": \"2026-01-01T12:00:00.123456Z\""), "{all}");
    assert!(all.contains("\"length\": \"-P1DT1H1M1.000001S\"") && all.contains("\"bytes\": \"AP8K\""), "{all}");
    // Every line is a row, so that git shows what has changed.
    assert!(all.lines().any(|line| line == r#"    {"code": "CH", "name": "Schwiiz"}"#), "{all}");
    let file = Rows::new("");
    assert_eq!(from.command("dumpdata", &["--output", file.shown()]), "");
    assert_eq!(fs::read_to_string(&file.path).unwrap(), all);
    for other in [on, ""] {
        if cfg!(not(feature = "sqlite")) && other.is_empty() {
            continue;
        }
        let into = site(other);
        let printed = into.command("loaddata", &[file.shown()]);
        assert!(printed.contains("loaded 3 rows of everything\n") && printed.contains("loaded 2 rows of posts_tags\n"), "{printed}");
        assert_eq!(into.command("dumpdata", &[]), all);
        assert_eq!(into.db(|db| everything::table.find(1).select(Everything::as_select()).first(db)), {
            from.db(|db| everything::table.find(1).select(Everything::as_select()).first::<Everything>(db))
        });
        into.command("loaddata", &[file.shown()]);
        assert_eq!(into.command("dumpdata", &[]), all, "loaded twice");
        assert_eq!(into.db(|db| Post::find(db, 1)).version, 2, "as it was dumped");
    }
}

fn rows_come_in_any_order(on: &str) {
    let client = site(on);
    // A post before its author, an author before their mentor, and two in a circle.
    load(
        &client,
        r#"{
  "posts_tags": [{"post_id": 7, "tag_id": 2}],
  "posts": [{"id": 7, "author_id": 1, "title": "First", "slug": "first"}],
  "authors": [
    {"id": 1, "name": "alice", "mentor_id": 3},
    {"id": 2, "name": "bob", "mentor_id": 2},
    {"id": 3, "name": "carol", "mentor_id": 1}
  ],
  "people": [
    {"name": "a", "secret": "", "code": "A", "type_id": {"code": "B"}},
    {"name": "b", "secret": "", "code": "B", "type_id": {"code": "A"}}
  ],
  "tags": [{"id": 2, "name": "rust"}]
}"#,
    );
    let mentors: Vec<(i64, Option<i64>)> =
        client.db(|db| authors::table.select((authors::id, authors::mentor_id)).order(authors::id).load(db));
    assert_eq!(mentors, [(1, Some(3)), (2, Some(2)), (3, Some(1))]);
    let people: Vec<Person> = client.db(|db| people::table.select(Person::as_select()).order(people::name).load(db));
    assert_eq!((people[0].type_id, people[1].type_id), (Some(people[1].id), Some(people[0].id)));
    let tags: Vec<Tag> = client.db(|db| Post::find(db, 7)?.tags(db));
    assert_eq!(tags[0].name, "rust");
    // A long chain, the last one first.
    let rows = (1..=250).map(|n| format!(r#"{{"name": "n{n}", "mentor_id": {{"name": "n{}"}}}}"#, n + 1)).collect::<Vec<_>>();
    load(&client, &format!(r#"{{"authors": [{}, {{"name": "n251"}}]}}"#, rows.join(",\n")));
    let without: i64 = client.db(|db| authors::table.filter(authors::mentor_id.is_null()).count().get_result(db));
    assert_eq!(without, 1);
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Hen {
    pub id: i64,
    #[model(references = Egg)]
    pub egg_id: i64,
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Egg {
    pub id: i64,
    #[model(references = Hen, no_join)]
    pub hen_id: i64,
}

/// References that may not be NULL, in a circle. PostgreSQL accepts that only if their checks can be deferred.
fn rows_that_need_each_other_come_together(on: &str) {
    let client = client_of(App::new(Router::new()).models(models![Hen, Egg]), on);
    client.db(|db| create_tables(db, models![Hen, Egg]));
    let file = Rows::new(r#"{"hens": [{"id": 1, "egg_id": 2}], "eggs": [{"id": 2, "hen_id": 1}]}"#);
    if !on.is_empty() {
        let error = client.try_command("loaddata", &[file.shown()]).unwrap_err().to_string();
        assert!(error.contains("rows.json:1: hens, row 1: the field egg_id: eggs has no row 2"), "{error}");
        crate::sql(&client, "ALTER TABLE hens ALTER CONSTRAINT hens_egg_id_fkey DEFERRABLE");
    }
    client.command("loaddata", &[file.shown()]);
    assert_eq!(client.db(|db| Hen::find(db, 1)).egg_id, 2);
    let missing = Rows::new(r#"{"hens": [{"id": 3, "egg_id": 4}], "eggs": [{"id": 4, "hen_id": 9}]}"#);
    let error = client.try_command("loaddata", &[missing.shown()]).unwrap_err().to_string();
    assert!(error.contains("hens, row 1: the field egg_id: eggs has no row 4") || error.contains("hens has no row 9"), "{error}");
    assert_eq!(client.db(|db| hens::table.count().get_result::<i64>(db)), 1);
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Category {
    pub id: i64,
    pub title: String,
    #[model(references = Self)]
    pub parent_id: Option<i64>,
}

/// Without a unique field, a row that was written cannot be found again, so it must wait for its reference.
fn rows_without_unique_fields_are_written_once(on: &str) {
    let client = client_of(App::new(Router::new()).models(models![Category]), on);
    client.db(|db| create_tables(db, models![Category]));
    let file = Rows::new(
        r#"{"categories": [
  {"title": "c", "parent_id": {"title": "b"}},
  {"title": "b", "parent_id": {"title": "a"}},
  {"title": "a", "parent_id": null}
]}"#,
    );
    client.command("loaddata", &[file.shown()]);
    let categories: Vec<Category> = client.db(|db| Category::query().order(categories::title).load(db));
    let parents: Vec<_> = categories.iter().map(|category| category.parent_id).collect();
    assert_eq!(parents, [None, Some(categories[0].id), Some(categories[1].id)]);
}

fn rows_are_found_by_their_unique_fields(on: &str) {
    let client = site(on);
    client.db(|db| -> Result<()> {
        author(db, "zoe");
        author(db, "alice");
        Ok(())
    });
    let file = r#"{
  "authors": [{"name": "alice", "mentor_id": {"name": "zoe"}}, {"name": "bob"}],
  "posts": [
    {"author_id": {"name": "bob"}, "title": "One", "slug": "one", "state": "published"},
    {"author_id": {"name": "alice"}, "title": "Two", "slug": "two", "extra": ["a"]}
  ],
  "posts_tags": [{"post_id": {"author_id": {"name": "bob"}, "title": "One"}, "tag_id": {"name": "rust"}}],
  "tags": [{"name": "rust"}]
}"#;
    for _ in 0..2 {
        load(&client, file);
        let names: Vec<(i64, String)> = client.db(|db| authors::table.select((authors::id, authors::name)).order(authors::id).load(db));
        assert_eq!(names, [(1, "zoe".to_owned()), (2, "alice".to_owned()), (names[2].0, "bob".to_owned())]);
        let posts: Vec<Post> = client.db(|db| posts::table.select(Post::as_select()).order(posts::slug).load(db));
        assert_eq!(
            posts.iter().map(|post| (post.author_id, post.state)).collect::<Vec<_>>(),
            [(names[2].0, State::Published), (2, State::Draft)]
        );
        // What Lback fills in, it fills in here, too.
        assert_eq!((posts[0].version, posts[0].created_at), (1, start()));
        assert_eq!(client.db(|db| posts[0].tags(db)).len(), 1);
    }
}

fn a_dump_without_numbers_fits_any_database(on: &str) {
    let from = site(on);
    from.db(|db| -> Result<()> {
        let alice = author(db, "alice");
        let bob = Author::create(db, NewAuthor { name: "bob".into(), mentor_id: Some(alice.id) })?;
        let first = Post::create(db, post(&bob, "first"))?;
        let tag = Tag::create(db, super::NewTag { name: "rust".into() })?;
        // Its unique field may be NULL, so it keeps its number.
        Person::create(db, NewPerson { name: "p".into(), ..Default::default() })?;
        first.set_tags(db, &[tag.id])
    });
    let dumped = from.command("dumpdata", &["--natural"]);
    for line in [
        r#"    {"name": "bob", "mentor_id": {"name": "alice"}}"#,
        r#"    {"post_id": {"slug": "first"}, "tag_id": {"name": "rust"}}"#,
        r#"    {"id": 1, "name": "p", "type_id": null, "secret": "", "code": null}"#,
    ] {
        assert!(dumped.lines().any(|found| found.trim_end_matches(',') == line), "{line}\n{dumped}");
    }
    let into = site(on);
    into.db(|db| -> Result<()> {
        (0..3).try_for_each(|n| Author::create(db, NewAuthor { name: format!("other {n}"), ..Default::default() }).map(drop))
    });
    load(&into, &dumped);
    assert_eq!(
        into.command("dumpdata", &["--natural", "Post", "posts_tags"]),
        from.command("dumpdata", &["--natural", "Post", "posts_tags"])
    );
    let bob: Author = into.db(|db| authors::table.filter(authors::name.eq("bob")).select(Author::as_select()).first(db));
    assert_eq!(into.db(|db| bob.mentor(db)).map(|mentor| mentor.name).as_deref(), Some("alice"));
}

fn fields_that_are_missing_stay_as_they_are(on: &str) {
    let client = site(on);
    client.db(|db| -> Result<()> {
        let alice = author(db, "alice");
        let mut first = Post::create(db, super::NewPost { body: "text".into(), ..post(&alice, "first") })?;
        first.save(db)
    });
    load(&client, r#"{"posts": [{"id": 1, "author_id": 1, "title": "New", "slug": "first"}]}"#);
    let post = client.db(|db| Post::find(db, 1));
    assert_eq!((post.title.as_str(), post.body.as_str(), post.version), ("New", "text", 2));
    load(&client, r#"{"authors": [{"id": 1, "name": "Alice"}], "posts": []}"#);
    assert_eq!(client.db(|db| Author::find(db, 1)).name, "Alice");
    assert_eq!(load(&client, "{}"), "there are no rows in these files\n");
}

fn what_is_wrong_is_named_and_nothing_is_loaded(on: &str) {
    let client = site(on);
    let row = |rest: &str| format!("{{\n  \"authors\": [{{\"id\": 1, \"name\": \"alice\"}},\n{rest}\n  ]\n}}");
    for (text, part) in [
        (row(r#"{"id": 2, "nmae": "bob"}"#), ":3: authors, row 2: Author has no field \"nmae\"; did you mean name?"),
        (row(r#"{"id": "2", "name": "bob"}"#), ":3: authors, row 2: the field id: expected a whole number, found \"2\""),
        (row(r#"{"id": 2, "name": null}"#), "authors, row 2: the field name: it must have a value"),
        (row(&format!(r#"{{"id": 2, "name": "{}"}}"#, "x".repeat(51))), "row 2: the field name: it has more than 50 characters"),
        (row(r#"{"id": 2, "name": "alice"}"#), ":3: authors, row 2: "),
        (row(r#"{"id": 2, "name": "bob", "mentor_id": 9}"#), ":3: authors, row 2: the field mentor_id: authors has no row 9"),
        (
            row(r#"{"name": "bob", "mentor_id": {"name": "nobody"}}"#),
            "row 2: the field mentor_id: no row of authors is {\"name\": \"nobody\"}",
        ),
        (
            row(r#"{"name": "bob", "mentor_id": {"names": "nobody"}}"#),
            "the field mentor_id: Author has no field \"names\"; did you mean name?",
        ),
        (row(r#"{"name": "bob", "name": "carol"}"#), ":3: the row has the field name twice"),
        (row("[2]"), ":3: invalid type: sequence, expected a row"),
        (row("{\"name\": \"bob\""), ":4: expected `,` or `}`"),
        ("{\"authrs\": []}".to_owned(), ":1: there is no table of a model \"authrs\"; did you mean authors?"),
        ("[]".to_owned(), "expected an object with the names of tables. The file must have the form"),
        ("{\"authors\": {}}".to_owned(), "expected an array with the rows of authors"),
        (r#"{"posts": [{"title": "a", "slug": "a"}]}"#.to_owned(), "posts, row 1: the field author_id is missing"),
        (r#"{"posts": [{"author_id": 1, "tags": []}]}"#.to_owned(), "tags is not a field of Post: its pairs are rows of posts_tags"),
        (r#"{"posts": [{"state": "gone"}]}"#.to_owned(), "\"gone\" is not a choice; the choices are draft, in_review, published"),
        (r#"{"follows": [{"follower_id": 1}]}"#.to_owned(), "the primary key is missing: followed_id"),
        (r#"{"everything": [{"length": "90 minutes"}]}"#.to_owned(), "expected a length of time, such as \"PT1H30M\""),
        (r#"{"everything": [{"small": 32768}]}"#.to_owned(), "expected a whole number from -32768 to 32767, found 32768"),
        (r#"{"everything": [{"json": {"a": 1}}]}"#.to_owned(), "a value that Everything.json cannot have"),
    ] {
        let file = Rows::new(&text);
        let error = client.try_command("loaddata", &[file.shown()]).expect_err(&text).to_string();
        assert!(error.contains(part) && error.contains("rows.json"), "{part}\n{error}");
        assert_eq!(client.db(|db| authors::table.count().get_result::<i64>(db)), 0, "{text}");
    }
    for (command, arguments, part) in [
        ("loaddata", &["nowhere.json"][..], "nowhere.json cannot be read"),
        ("dumpdata", &["Pots"], "there is no model \"Pots\"; did you mean Post?"),
        ("dumpdata", &["--exclude", "sessions"], "there is no model \"sessions\""),
        ("dumpdata", &["--output", "/nowhere/at/all.json"], "cannot be written"),
    ] {
        let error = client.try_command(command, arguments).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

fn new_rows_are_numbered_after_loaded_ones(on: &str) {
    let client = site(on);
    load(&client, r#"{"authors": [{"id": 41, "name": "alice"}], "tags": []}"#);
    assert_eq!(client.db(|db| Ok::<_, Error>(author(db, "bob"))).id, 42);
    load(&client, r#"{"authors": [{"id": 7, "name": "carol"}]}"#);
    assert_eq!(client.db(|db| Ok::<_, Error>(author(db, "dora"))).id, 43);
}

fn many_rows_are_dumped_and_loaded(on: &str) {
    let (from, into) = (site(on), site(on));
    let new = |n: i64| NewAuthor { name: format!("author {n}"), mentor_id: (n > 1).then_some(n / 2) };
    from.db(|db| Author::create_many(db, (1..=1203_i64).map(new)));
    let dumped = from.command("dumpdata", &["authors"]);
    assert_eq!(dumped.lines().count(), 1203 + 4);
    load(&into, &dumped);
    assert_eq!(into.command("dumpdata", &[]), dumped);
    assert_eq!(from.command("dumpdata", &["--exclude", "Author"]), "{\n}\n");
}

#[cfg(feature = "sqlite")]
#[test]
fn a_test_loads_a_file() {
    let client = site("");
    let file = Rows::new(r#"{"tags": [{"name": "rust"}, {"name": "web"}]}"#);
    client.load(file.shown());
    assert_eq!(client.db(|db| tags::table.count().get_result::<i64>(db)), 2);
}

/// Rows of the framework's own models, to which a model of the application refers.
#[cfg(feature = "auth")]
mod users {
    use lback::prelude::*;
    use lback::testing::Client;

    use super::load;
    use crate::unit_of_work::on_each_database;

    on_each_database!(users_are_dumped_with_their_groups);

    #[derive(Model, Clone, Debug, PartialEq)]
    pub struct Letter {
        pub id: i64,
        #[model(references = User)]
        pub user_id: i64,
        pub text: String,
    }

    fn site(on: &str) -> Client {
        let app = App::new(Router::new()).auth().permissions([("letters.send", "Send letters")]).models(models![Letter]);
        let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
        client.db(|db| lback::models::migrate::create_tables(db, models![Letter]));
        client
    }

    fn users_are_dumped_with_their_groups(on: &str) {
        let (from, into) = (site(on), site(on));
        let alice = from.add_user("Alice");
        from.db(|db| {
            let group = Group::get_or_create(db, "staff")?;
            group.grant(db, "letters.send")?;
            group.add(db, &alice)
        });
        load(&from, r#"{"letters": [{"user_id": {"username": "Alice"}, "text": "Dear Bob"}]}"#);
        assert_eq!(from.db(|db| letters::table.select(letters::user_id).first::<i64>(db)), alice.id);
        let dumped = from.command("dumpdata", &[]);
        assert!(dumped.contains("\"password\": \"!\"") && dumped.contains("\"auth_username_skeletons\": ["), "{dumped}");
        load(&into, &dumped);
        assert_eq!(into.command("dumpdata", &[]), dumped);
        let natural = from.command("dumpdata", &["--natural", "Letter", "auth_users_groups"]);
        assert!(natural.contains(r#"{"id": 1, "user_id": {"username_key": "alice"}, "text": "Dear Bob"}"#), "{natural}");
        assert!(natural.contains(r#"{"user_id": {"username_key": "alice"}, "group_id": {"name": "staff"}}"#), "{natural}");
    }
}
