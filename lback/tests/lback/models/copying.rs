//! `copydata`.

use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::thread::sleep;
use std::time::Duration;

use lback::db::{CopyData, Database, DbSettings, Migrations};
use lback::diesel::connection::SimpleConnection;
use lback::prelude::*;
use lback::settings::Secret;
use lback::testing::Client;

use super::{
    Author, Country, Everything, Follow, NewAuthor, NewTag, Person, Post, Tag, author, authors, client_of, data, post, posts, tags,
};
use crate::unit_of_work::on_each_database;
use crate::{number, sql};

on_each_database!(
    all_rows_reach_another_database_and_come_back,
    a_killed_copy_goes_on,
    a_new_database_gets_the_tables,
    of_two_copies_into_a_new_database_only_one_fills_it,
    a_target_with_rows_is_left_alone,
    a_database_is_not_copied_into_itself_by_another_address,
    a_value_that_does_not_fit_is_named,
);

fn site(on: &str) -> Client {
    client_of(App::new(Router::new()).models(models![Author, Post, Tag, Person, Everything, Follow, Country]), on)
}

fn url(client: &Client) -> String {
    client.app().settings().value::<String>("DATABASE_URL").unwrap().unwrap()
}

/// Returns a site on SQLite, or on the other database if the program has no SQLite.
fn source(on: &str) -> Client {
    site(if cfg!(feature = "sqlite") { "" } else { on })
}

/// Everything in the table of all types, as SQLite keeps it.
fn stored(client: &Client) -> Vec<String> {
    let columns = ["small", "single", "double", "flag", "bytes", "day", "hour", "local", "moment", "length", "json", "maybe_moment"];
    let columns: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
    let sql = format!("SELECT {} AS text FROM everything ORDER BY id", columns.join(" || ' ' || "));
    let rows: Vec<StoredRow> = client.db(|db| diesel::sql_query(sql).load(db));
    rows.into_iter().map(|row| row.text).collect()
}

#[derive(QueryableByName)]
struct StoredRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
}

fn all_rows_reach_another_database_and_come_back(on: &str) {
    if cfg!(not(feature = "sqlite")) {
        return;
    }
    let from = source(on);
    from.db(|db| -> Result<()> {
        data::fill(db)?;
        // Later rows, to which earlier ones refer; and a number that was given to a deleted row.
        let bob = author(db, "bob");
        diesel::update(authors::table.find(1)).set(authors::mentor_id.eq(bob.id)).execute(db)?;
        db.batch_execute(
            "INSERT INTO sessions (id, data, version, expires_at, expiry_hour, created_at, updated_at) VALUES (x'00ff', '{}', 1, 2, 3, 4, 5)",
        )?;
        Ok(())
    });
    let into = site(on);
    let back = source(on);
    // A column that was added later comes last, but has its place in a database that was created later.
    sql(&into, "CREATE TABLE without_key (t TEXT, n BIGINT); CREATE TABLE pages (id BIGINT PRIMARY KEY, body TEXT, title TEXT)");
    let is_server = !on.is_empty();
    let prices = |declared: &str| format!("CREATE TABLE prices (id BIGINT NOT NULL PRIMARY KEY, price {declared}(10, 2))");
    for client in [&from, &back] {
        sql(client, "CREATE TABLE without_key (n BIGINT, t TEXT); CREATE TABLE pages (id BIGINT PRIMARY KEY, title TEXT, body TEXT)");
        sql(client, &prices("DECIMAL_INT"));
    }
    sql(&into, &prices(if is_server { "NUMERIC" } else { "DECIMAL_INT" }));
    sql(&from, "INSERT INTO pages VALUES (1, 'a title', 'a body')");
    sql(&from, "INSERT INTO prices VALUES (1, 995), (2, -5), (3, NULL)");
    sql(&from, "INSERT INTO without_key VALUES (1, 'a\tb\\c\nd'), (1, NULL), (NULL, '\\N')");
    let all = from.command("dumpdata", &[]);
    let printed = from.command("copydata", &[&url(&from), &url(&into)]);
    assert!(printed.contains("posts_tags: 2 rows\n") && printed.contains("sessions: 1 row\n"), "{printed}");
    assert!(printed.contains("copied 20 rows of"), "{printed}");
    assert_eq!(into.command("dumpdata", &[]), all);
    into.command("copydata", &[&url(&into), &url(&back)]);
    assert_eq!(back.command("dumpdata", &[]), all);
    assert_eq!(stored(&back), stored(&from));
    sql(&from, "CREATE VIRTUAL TABLE search USING fts5 (text)");
    let printed = from.command("copydata", &[&url(&from), &url(&into), "--replace"]);
    assert!(printed.contains("virtual tables of SQLite are not copied: search. Fill"), "{printed}");
    for client in [&into, &back] {
        assert_eq!(number(client, "SELECT count(*) FROM pages WHERE title = 'a title' AND body = 'a body'"), 1);
    }
    // Exact numbers are units of their last place on SQLite alone.
    if is_server {
        assert_eq!(number(&into, "SELECT count(*) FROM prices WHERE price IN (9.95, -0.05)"), 2);
    }
    assert_eq!(number(&back, "SELECT count(*) FROM prices WHERE price IN (995, -5) OR price IS NULL"), 3);
    assert_eq!(number(&back, "SELECT count(*) FROM without_key WHERE t IN ('a\tb\\c\nd', '\\N')"), 2);
    assert_eq!(number(&back, "SELECT count(*) FROM sessions WHERE id = x'00ff' AND updated_at = 5"), 1);
    for client in [&into, &back] {
        assert_eq!(client.db(|db| Ok::<_, Error>(author(db, "carol"))).id, 3);
        // The reference is enforced again.
        client.db(|db| -> Result<()> {
            let new = NewAuthor { name: "x".into(), mentor_id: Some(99) };
            assert!(Author::create(db, new).is_err());
            Ok(())
        });
    }
}

/// Names the databases for the process that is killed.
const FROM: &str = "LBACK_TEST_COPY_FROM";
const INTO: &str = "LBACK_TEST_COPY_INTO";

fn open(url: &str) -> Database {
    Database::open(&DbSettings { database_url: Secret::new(url.to_owned()), ..DbSettings::default() }, Path::new(".")).unwrap()
}

/// Not a test: what the killed process does.
#[test]
fn copy_until_killed() {
    let (Ok(from), Ok(into)) = (std::env::var(FROM), std::env::var(INTO)) else { return };
    CopyData::new(&open(&from), &open(&into), &Migrations::new()).run(&mut |_| {}).unwrap();
}

fn a_killed_copy_goes_on(on: &str) {
    let (from, into) = (source(on), site(on));
    from.db(|db| -> Result<()> {
        Tag::create_many(db, (0..40_000).map(|n| NewTag { name: format!("tag {n}") }))?;
        let alice = author(db, "alice");
        Post::create_many(db, (0..6000).map(|n| post(&alice, &format!("slug-{n}"))))?;
        Ok(())
    });
    let mut begun = 0;
    for pause in [30, 120, 200, 300, 400] {
        let mut process = Process::new(std::env::current_exe().unwrap())
            .args(["copy_until_killed", "--nocapture"])
            .env(FROM, url(&from))
            .env(INTO, url(&into))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(pause));
        process.kill().unwrap();
        process.wait().unwrap();
        begun += i64::from(number(&into, "SELECT count(*) FROM tags") > 0);
    }
    let finished = from.try_command("copydata", &[&url(&from), &url(&into)]).map_err(|error| error.to_string());
    // The last process may have done it all.
    assert!(finished.as_ref().map_or_else(|error| error.contains("has rows already"), |_| true), "{finished:?}");
    assert_eq!(number(&into, "SELECT count(*) FROM posts"), 6000, "begun before {begun} kills");
    assert_eq!(number(&into, "SELECT count(DISTINCT name) FROM tags"), 40_000);
    assert_eq!(into.db(|db| tags::table.find(39_999).select(tags::name).first::<String>(db)), "tag 39998");
}

/// Returns the address of a new database of the kind of the client's, and what keeps it.
#[cfg(feature = "postgres")]
fn new_database(client: &Client, folder: &Path) -> (String, Option<lback::db::TemporaryDatabase>) {
    let temporary = lback::db::TemporaryDatabase::beside(&client.app().settings().section::<DbSettings>().unwrap()).unwrap();
    let url = temporary.as_ref().map(|temporary| temporary.url().expose().to_owned());
    (url.unwrap_or_else(|| format!("sqlite:{}", folder.join("new.sqlite").display())), temporary)
}

#[cfg(not(feature = "postgres"))]
fn new_database(_client: &Client, folder: &Path) -> (String, ()) {
    (format!("sqlite:{}", folder.join("new.sqlite").display()), ())
}

fn a_new_database_gets_the_tables(on: &str) {
    let visit = |req: &mut Request| req.session().insert("a", 1);
    let from = Client::with_settings(App::new(Router::new().post("/", visit)), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    from.post("/").send().assert_status(204);
    let folder = tempfile::TempDir::with_prefix("lback-test-").unwrap();
    let (into, _temporary) = new_database(&from, folder.path());
    let printed = from.command("copydata", &["DATABASE_URL", &into]);
    assert!(printed.contains("sessions: 1 row\n"), "{printed}");
    let pending = Migrations::new().pending(&open(&into)).unwrap();
    assert!(pending.is_empty());
    let again = from.try_command("copydata", &["DATABASE_URL", &into]).unwrap_err().to_string();
    assert!(again.contains("has rows already: sessions (1). If they can be deleted, add --replace"), "{again}");
    from.command("copydata", &["--replace", "DATABASE_URL", &into]);
}

fn of_two_copies_into_a_new_database_only_one_fills_it(on: &str) {
    let visit = |req: &mut Request| req.session().insert("a", 1);
    let from = Client::with_settings(App::new(Router::new().post("/", visit)), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    from.post("/").send().assert_status(204);
    let folder = tempfile::TempDir::with_prefix("lback-test-").unwrap();
    let (into, _temporary) = new_database(&from, folder.path());
    let copy = || {
        let migrations = Migrations::new().battery("sessions", lback_session::MIGRATIONS);
        CopyData::new(&open(&url(&from)), &open(&into), &migrations).run(&mut |_| {})
    };
    let results = std::thread::scope(|scope| [scope.spawn(copy), scope.spawn(copy)].map(|thread| thread.join().unwrap()));
    // The one that comes later may find what the application has written since then.
    let errors: Vec<String> = results.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    assert!(errors.len() == 1 && errors[0].contains("has rows already: sessions (1)"), "{errors:?}");
}

fn a_target_with_rows_is_left_alone(on: &str) {
    let (from, into) = (site(on), site(on));
    let new = |db: &mut Db, name: &str| Tag::create(db, NewTag { name: name.to_owned() });
    from.db(|db| new(db, "rust"));
    into.db(|db| new(db, "web"));
    let copy = |arguments: &[&str]| from.try_command("copydata", arguments).map_err(|error| error.to_string());
    let (source, target) = (url(&from), url(&into));
    for (arguments, part) in [
        (&[source.as_str(), target.as_str()][..], "has rows already: tags (1)"),
        (&[&source, &source], "the same database"),
        (&[&source, "NOWHERE"], "NOWHERE is neither an address"),
        (&["sqlite:nowhere.sqlite", &target], "nowhere.sqlite, does not exist"),
        (&["oracle:x", &target], "a database that Lback does not know"),
    ] {
        if cfg!(feature = "sqlite") || !arguments[0].starts_with("sqlite:n") {
            let error = copy(arguments).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(into.db(|db| tags::table.select(tags::name).load::<String>(db)), ["web"]);
    }
    assert!(!Path::new("nowhere.sqlite").exists());
    sql(&from, "CREATE TABLE extra (n BIGINT NOT NULL PRIMARY KEY); ALTER TABLE tags ADD COLUMN n BIGINT");
    let error = copy(&[&source, &target, "--replace"]).unwrap_err();
    assert!(error.contains("the target has no table extra; the target has no column tags.n"), "{error}");
    sql(&into, "CREATE TABLE extra (n BIGINT NOT NULL PRIMARY KEY); ALTER TABLE tags ADD COLUMN n BIGINT");
    // What a trigger does is in the source as well.
    match on.is_empty() {
        true => sql(
            &into,
            "CREATE TRIGGER more AFTER INSERT ON tags BEGIN INSERT INTO extra VALUES (new.id); END;
             CREATE TRIGGER less AFTER DELETE ON tags BEGIN INSERT INTO extra VALUES (-old.id); END",
        ),
        // A table cannot be altered while a check of its rows is put off.
        false => sql(
            &into,
            "CREATE FUNCTION more() RETURNS trigger AS 'BEGIN INSERT INTO extra VALUES (new.id); RETURN new; END' LANGUAGE plpgsql;
             CREATE TRIGGER more AFTER INSERT ON tags FOR EACH ROW EXECUTE FUNCTION more();
             CREATE FUNCTION less() RETURNS trigger AS 'BEGIN INSERT INTO extra VALUES (-1); RETURN NULL; END' LANGUAGE plpgsql;
             CREATE TRIGGER less AFTER TRUNCATE ON tags EXECUTE FUNCTION less();
             ALTER TABLE tags ENABLE ALWAYS TRIGGER more;
             ALTER TABLE tags ADD UNIQUE (n) DEFERRABLE INITIALLY DEFERRED",
        ),
    }
    sql(&from, "UPDATE tags SET n = 7");
    copy(&[&source, &target, "--replace"]).unwrap();
    if !on.is_empty() {
        assert_eq!(number(&into, "SELECT count(*) FROM pg_trigger WHERE tgname = 'more' AND tgenabled = 'A'"), 1);
    }
    assert_eq!(into.db(|db| tags::table.select(tags::name).load::<String>(db)), ["rust"]);
    into.db(|db| new(db, "web"));
    assert_eq!(number(&into, "SELECT count(*) FROM extra"), 1);
}

fn a_database_is_not_copied_into_itself_by_another_address(on: &str) {
    let client = site(on);
    client.db(|db| Tag::create(db, NewTag { name: "rust".to_owned() }));
    let url = url(&client);
    let folder = tempfile::TempDir::with_prefix("lback-test-").unwrap();
    let other = match on.is_empty() {
        true => {
            let link = folder.path().join("link.sqlite");
            std::os::unix::fs::symlink(client.app().state::<Database>().unwrap().path().unwrap(), &link).unwrap();
            format!("sqlite:{}", link.display())
        }
        false => url.replace("127.0.0.1", "localhost"),
    };
    assert_ne!(other, url);
    let error = client.try_command("copydata", &[&url, &other, "--replace"]).unwrap_err().to_string();
    assert!(error.contains("the source and the target are the same database"), "{error}");
    assert_eq!(number(&client, "SELECT count(*) FROM tags"), 1);
}

fn a_value_that_does_not_fit_is_named(on: &str) {
    if on.is_empty() {
        return;
    }
    let (from, into) = (source(on), site(on));
    from.db(|db| -> Result<()> {
        let alice = author(db, "alice");
        Post::create(db, post(&alice, "first"))?;
        db.batch_execute("UPDATE posts SET published_at = 'yesterday'")?;
        Ok(())
    });
    let copy = || from.try_command("copydata", &[&url(&from), &url(&into)]).map_err(|error| error.to_string());
    let error = copy().unwrap_err();
    assert!(
        error.contains("posts.published_at of the row with the key 1 cannot be copied: \"yesterday\" is not a valid timestamp"),
        "{error}"
    );
    sql(&from, "UPDATE posts SET published_at = NULL, body = 'a' || char(0)");
    let error = copy().unwrap_err();
    assert!(error.contains("posts.body of the row with the key 1 cannot be copied: PostgreSQL has no character U+0000"), "{error}");
    sql(&from, "UPDATE posts SET body = 'a'");
    // Tables that are finished already are counted as well.
    assert!(copy().unwrap().contains("authors: 1 row\n"));
    assert_eq!(into.db(|db| posts::table.select(posts::body).load::<String>(db)), ["a"]);
}
