//! What a request sees when a SQLite file is locked, read-only, gone or damaged: 503, nothing leaked, and all is well when
//! it is mended.

use std::fs;
use std::path::PathBuf;

use lback::diesel::connection::SimpleConnection;
use lback::prelude::*;
use lback::testing::{Client, TestResponse};

use crate::{number, sql};

fn urls() -> Router {
    Router::new()
        .get("/notes", |req: &mut Request| -> Result<String> {
            use lback::diesel::dsl::sql;
            let count: i64 = diesel::select(sql::<diesel::sql_types::BigInt>("(SELECT count(*) FROM notes)")).get_result(req.db()?)?;
            Ok(count.to_string())
        })
        .post("/notes", |req: &mut Request| -> Result<()> {
            diesel::sql_query("INSERT INTO notes DEFAULT VALUES").execute(req.db()?)?;
            Ok(())
        })
        .get("/notes-by-get", |req: &mut Request| -> Result<()> {
            diesel::sql_query("INSERT INTO notes DEFAULT VALUES").execute(req.db()?)?;
            Ok(())
        })
        .get("/plain", |_: &mut Request| "plain")
        .get("/visits", |req: &mut Request| req.session()["visits"].to_string())
        .post("/visit", |req: &mut Request| -> Result<String> {
            Ok(req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?.to_string())
        })
        .post("/much", |req: &mut Request| -> Result<()> {
            diesel::sql_query("INSERT INTO notes (text) VALUES (hex(randomblob(50000)))").execute(req.db()?)?;
            Ok(())
        })
        // Speaks to the one connection of the pool.
        .get("/pragma/{name}/{value:int}", |req: &mut Request| -> Result<()> {
            let pragma = format!("PRAGMA {} = {}", req.param::<String>("name")?, req.param::<i64>("value")?);
            Ok(req.db()?.batch_execute(&pragma)?)
        })
}

const SETTINGS: &str = "ALLOWED_HOSTS = ['*']
    SESSION_TIMEOUT_MINUTES = 30
    DATABASE_POOL_SIZE = 1
    DATABASE_WAIT_SECONDS = 1
    DATABASE_BUSY_TIMEOUT_MS = 20";

fn client() -> Client {
    let client = Client::with_settings(App::new(urls()), SETTINGS);
    sql(&client, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
    client
}

#[track_caller]
fn assert_unavailable(response: &TestResponse) {
    response.assert_status(503);
    assert!(response.header("retry-after").is_some());
    assert_eq!(response.headers_all("set-cookie"), Vec::<&str>::new());
    let text = response.text().to_lowercase();
    for leak in ["sqlite", "database", "notes", "locked", "malformed", ".rs", "/tmp", "lback-test", "select", "insert"] {
        assert!(!text.contains(leak), "{leak} in {response:?}");
    }
}

#[track_caller]
fn assert_all_well(client: &Client, visits: u32) {
    client.get("/notes").send().assert_status(200);
    client.post("/notes").send().assert_status(204);
    client.get("/visits").send().assert_status(200).assert_contains(&visits.to_string());
    client.post("/visit").send().assert_status(200).assert_contains(&(visits + 1).to_string());
}

#[test]
fn locked_by_somebody_else() {
    let client = client();
    client.post("/visit").send();
    let mut locker = client.database().connect().unwrap();
    // In WAL mode readers go on.
    locker.batch_execute("BEGIN IMMEDIATE").unwrap();
    client.get("/notes").send().assert_status(200);
    client.get("/visits").send().assert_status(200).assert_contains("1");
    for response in [
        client.post("/notes").send(),
        client.get("/notes-by-get").send(),
        client.post("/visit").send(),
        client.fork().post("/visit").send(),
    ] {
        assert_unavailable(&response);
    }
    client.get("/plain").send().assert_status(200);
    locker.batch_execute("COMMIT").unwrap();
    assert_all_well(&client, 1);
}

#[test]
fn read_only() {
    let client = client();
    client.post("/visit").send();
    client.get("/pragma/query_only/1").send().assert_status(204);
    client.get("/notes").send().assert_status(200);
    assert_unavailable(&client.post("/notes").send());
    assert_unavailable(&client.get("/notes-by-get").send());
    client.get("/pragma/query_only/0").send().assert_status(204);
    assert_all_well(&client, 1);
}

#[test]
fn full() {
    let client = client();
    client.post("/visit").send();
    let pages = number(&client, "SELECT page_count FROM pragma_page_count");
    client.get(&format!("/pragma/max_page_count/{pages}")).send().assert_status(204);
    client.get("/notes").send().assert_status(200);
    assert_unavailable(&client.post("/much").send());
    client.get("/pragma/max_page_count/100000").send().assert_status(204);
    client.post("/much").send().assert_status(204);
    assert_all_well(&client, 1);
}

/// The file of a database that nobody has open, which holds one session with one visit; and its browser.
fn at_rest() -> (Client, PathBuf) {
    let client = client();
    client.post("/visit").send();
    let path = client.database().path().unwrap();
    sql(&client, "PRAGMA wal_checkpoint(TRUNCATE)");
    (client, path)
}

#[test]
fn gone() {
    let (client, path) = at_rest();
    let restarted = client.restart(App::new(urls()));
    let away = path.with_extension("away");
    fs::rename(&path, &away).unwrap();
    assert_unavailable(&restarted.get("/visits").send());
    assert_unavailable(&restarted.fork().post("/visit").send());
    restarted.get("/plain").send().assert_status(200);
    assert!(!path.exists(), "nobody has made an empty one in its place");
    fs::rename(&away, &path).unwrap();
    assert_all_well(&restarted, 1);
}

/// The file is taken away while the application has it open, and something else put in its place, or nothing.
#[test]
fn gone_while_it_is_open() {
    for other in [false, true] {
        let (client, path) = at_rest();
        client.post("/notes").send().assert_status(204);
        sql(&client, "PRAGMA wal_checkpoint(TRUNCATE)");
        let away = path.with_extension("away");
        fs::rename(&path, &away).unwrap();
        if other {
            fs::copy(&away, &path).unwrap();
        }
        assert_unavailable(&client.post("/visit").send());
        assert_unavailable(&client.fork().post("/visit").send());
        assert_unavailable(&client.post("/notes").send());
        client.get("/plain").send().assert_status(200);
        fs::rename(&away, &path).unwrap();
        assert_all_well(&client, 1);
    }
}

#[test]
fn damaged() {
    let whole_but_100 = |bytes: &mut Vec<u8>| bytes[100..].fill(0x5a);
    for damage in [|bytes: &mut Vec<u8>| bytes.fill(0x5a), whole_but_100, |bytes: &mut Vec<u8>| bytes.truncate(100)] {
        let (client, path) = at_rest();
        // Its connections have seen nothing of the file yet.
        let restarted = client.restart(App::new(urls()));
        let whole = fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        damage(&mut damaged);
        fs::write(&path, damaged).unwrap();
        assert_unavailable(&restarted.get("/visits").send());
        assert_unavailable(&restarted.fork().post("/visit").send());
        restarted.get("/plain").send().assert_status(200);
        fs::write(&path, whole).unwrap();
        assert_all_well(&restarted, 1);
    }
}

#[test]
fn a_file_that_is_no_database_is_named_and_kept() {
    let folder = tempfile::TempDir::with_prefix("lback-test-").unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "buy milk\n".repeat(1000)).unwrap();
    let settings = lback::db::DbSettings { database_url: lback::settings::Secret::new("sqlite:notes.txt"), ..Default::default() };
    let error = lback::db::Database::open(&settings, folder.path()).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "the file {} is not a SQLite database, or is encrypted. Move it away, or name another file in DATABASE_URL: \
             file is not a database",
            path.display()
        )
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "buy milk\n".repeat(1000));
}

#[cfg(unix)]
#[test]
fn a_new_file_and_its_log_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = tempfile::TempDir::with_prefix("lback-test-").unwrap();
    let settings = lback::db::DbSettings { database_url: lback::settings::Secret::new("sqlite:db.sqlite"), ..Default::default() };
    let database = lback::db::Database::open(&settings, folder.path()).unwrap();
    let mut connection = database.connect().unwrap();
    connection.batch_execute("CREATE TABLE notes (text TEXT)").unwrap();
    let migrations = folder.path().join("migrations/2026-01-01-000000_a");
    fs::create_dir_all(&migrations).unwrap();
    fs::write(migrations.join("up.sql"), "CREATE TABLE a (n BIGINT);").unwrap();
    lback::db::Migrations::new().folder(folder.path().join("migrations")).apply(&database).unwrap();
    for file in ["db.sqlite", "db.sqlite-wal", "db.sqlite-shm", "db.sqlite-migrate"] {
        assert_eq!(mode(folder.path().join(file)), 0o600, "{file}");
    }
    drop((connection, database));
    // Whoever has opened theirs to a group keeps it so.
    fs::set_permissions(folder.path().join("db.sqlite"), fs::Permissions::from_mode(0o660)).unwrap();
    drop(lback::db::Database::open(&settings, folder.path()).unwrap());
    assert_eq!(mode(folder.path().join("db.sqlite")), 0o660);
}
