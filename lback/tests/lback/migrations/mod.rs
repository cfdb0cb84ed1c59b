//! Migrations: applied in order and once, also by two that start together; what fails is undone.

mod files;
mod functions;
mod older;
mod references;
mod risks;
mod squashed;
mod targets;

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use lback::db::{Applied, Database, DbSettings, Kind, Migrations};
use lback::prelude::*;
use lback::settings::Secret;
use tempfile::TempDir;

struct Project {
    folder: TempDir,
}

impl Project {
    fn new() -> Self {
        Project { folder: TempDir::with_prefix("lback-test-").unwrap() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn add(&self, name: &str, up: &str, down: &str) -> &Self {
        let folder = self.path().join("migrations").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("up.sql"), up).unwrap();
        fs::write(folder.join("down.sql"), down).unwrap();
        self
    }

    fn add_file(&self, name: &str, file: &str, text: &str) -> &Self {
        let folder = self.path().join("migrations").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(file), text).unwrap();
        self
    }

    /// As a process of its own would open it.
    fn open(&self) -> (Database, Migrations) {
        let settings = DbSettings { database_url: Secret::new("sqlite:db.sqlite"), ..DbSettings::default() };
        (Database::open(&settings, self.path()).unwrap(), Migrations::new().folder(self.path().join("migrations")))
    }
}

/// Runs a test with a project of its own on each kind of database.
fn on_each_kind(test: impl Fn(&Project, &Database, Migrations)) {
    for &kind in Kind::ALL {
        let project = Project::new();
        let Some(url) = new_database(kind) else { continue };
        let settings = DbSettings { database_url: Secret::new(url), ..DbSettings::default() };
        let database = Database::open(&settings, project.path()).unwrap();
        test(&project, &database, Migrations::new().folder(project.path().join("migrations")));
    }
}

/// Returns the address of a new database, or `None` if there is no server.
fn new_database(kind: Kind) -> Option<String> {
    match kind {
        #[cfg(feature = "sqlite")]
        Kind::Sqlite => Some("sqlite:db.sqlite".to_owned()),
        #[cfg(feature = "postgres")]
        Kind::Postgres => {
            static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
            let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Some(lback_test_servers::Postgres::shared()?.create(&format!("migrations_on_each_{number}")))
        }
    }
}

/// Returns the values of a query with one text column, in order.
fn texts(database: &Database, query: &str) -> Vec<String> {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        text: String,
    }
    let rows: Vec<Row> = diesel::sql_query(query).load(&mut database.connect().unwrap()).unwrap();
    rows.into_iter().map(|row| row.text).collect()
}

fn run(database: &Database, sql: &str) {
    use lback::diesel::connection::SimpleConnection;
    database.connect().unwrap().batch_execute(sql).unwrap();
}

fn tables(database: &Database) -> Vec<String> {
    let query = match database.kind() {
        #[cfg(feature = "sqlite")]
        Kind::Sqlite => "SELECT name AS text FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence' ORDER BY name",
        #[cfg(feature = "postgres")]
        Kind::Postgres => "SELECT tablename::text AS text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    };
    texts(database, query).into_iter().filter(|name| !name.starts_with("__")).collect()
}

fn states(migrations: &Migrations, database: &Database) -> Vec<(String, Applied)> {
    migrations.status(database).unwrap().into_iter().map(|migration| (migration.name, migration.state)).collect()
}

const A: &str = "2026-01-01-000000_create_a";
const B: &str = "2026-01-02-000000_create_b";
const C: &str = "2026-01-03-000000_create_c";

fn two() -> Project {
    let project = Project::new();
    add_two(&project);
    project
}

fn add_two(project: &Project) {
    project.add(B, "CREATE TABLE b (n BIGINT);", "DROP TABLE b;").add(A, "CREATE TABLE a (n BIGINT);", "DROP TABLE a;");
}

#[test]
fn they_are_applied_in_order_and_once() {
    let project = two();
    let (database, migrations) = project.open();
    assert_eq!(states(&migrations, &database), [(A.to_owned(), Applied::No), (B.to_owned(), Applied::No)]);
    assert_eq!(migrations.apply(&database).unwrap(), [A, B]);
    assert!(migrations.apply(&database).unwrap().is_empty());
    assert_eq!(states(&migrations, &database), [(A.to_owned(), Applied::Yes), (B.to_owned(), Applied::Yes)]);
    assert_eq!(tables(&database), ["a", "b"]);
    // One that comes later with an older date is applied too.
    project.add("2025-12-31-000000_create_z", "CREATE TABLE z (n BIGINT);", "DROP TABLE z;");
    assert_eq!(migrations.pending(&database).unwrap(), ["2025-12-31-000000_create_z"]);
    assert_eq!(migrations.apply(&database).unwrap().len(), 1);
}

#[test]
fn they_are_undone_newest_first() {
    let project = two();
    let (database, migrations) = project.open();
    migrations.apply(&database).unwrap();
    assert_eq!(migrations.rollback(&database, 1).unwrap(), [B]);
    assert_eq!(tables(&database), ["a"]);
    assert_eq!(migrations.pending(&database).unwrap(), [B]);
    assert_eq!(migrations.rollback(&database, 5).unwrap(), [A]);
    assert!(migrations.rollback(&database, 1).unwrap().is_empty());
    assert_eq!(migrations.apply(&database).unwrap(), [A, B]);
}

#[test]
fn one_that_fails_is_undone_and_named() {
    let project = two();
    project.add("2026-01-03-000000_broken", "CREATE TABLE c (n BIGINT); INSERT INTO nowhere VALUES (1);", "");
    let (database, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains("2026-01-03-000000_broken") && error.contains("nowhere"), "{error}");
    assert_eq!(tables(&database), ["a", "b"], "those before it stay, it leaves nothing");
    project.add("2026-01-03-000000_broken", "CREATE TABLE c (n BIGINT);", "DROP TABLE c;");
    assert_eq!(migrations.apply(&database).unwrap(), ["2026-01-03-000000_broken"]);
}

#[test]
fn one_without_sql_is_refused_and_named() {
    const BLANK: &str = "2026-01-03-000000_add_author";
    for blank in ["", " \n", "-- Write here.\n/* Or\nhere. */ ;"] {
        let project = two();
        project.add(BLANK, blank, "").add("2026-01-04-000000_create_later", "CREATE TABLE later (n BIGINT);", "DROP TABLE later;");
        let (database, migrations) = project.open();
        let error = migrations.apply(&database).unwrap_err().to_string();
        let file = Path::new("migrations").join(BLANK).join("up.sql");
        assert!(error.contains(&file.display().to_string()) && error.contains("no SQL"), "{error}");
        assert_eq!(tables(&database), ["a", "b"], "those before it are applied");
        assert_eq!(migrations.pending(&database).unwrap().first().map(String::as_str), Some(BLANK));
        // A start while the application is being written goes on without it, and does not apply what may build on it.
        assert!(migrations.stop_at_blank().apply(&database).unwrap().is_empty());
        assert_eq!(tables(&database), ["a", "b"]);

        project.add(BLANK, "-- Done.\nCREATE TABLE author (n BIGINT);", "DROP TABLE author;");
        let (database, migrations) = project.open();
        assert_eq!(migrations.apply(&database).unwrap().len(), 2);
        assert_eq!(tables(&database), ["a", "author", "b", "later"]);
    }
}

#[test]
fn one_without_sql_is_refused_in_a_release_build_too() {
    use lback::db::include_dir::{Dir, DirEntry, File};
    const IN_A: &[DirEntry<'static>] = &[DirEntry::File(File::new("2026-01-01-000000_create_a/up.sql", b"CREATE TABLE a (n BIGINT);"))];
    const IN_B: &[DirEntry<'static>] = &[DirEntry::File(File::new("2026-01-02-000000_create_b/up.sql", b"-- Write here."))];
    const EMBEDDED: Dir<'static> = Dir::new("", &[DirEntry::Dir(Dir::new(A, IN_A)), DirEntry::Dir(Dir::new(B, IN_B))]);
    let project = Project::new();
    let (database, _) = project.open();
    let migrations = Migrations::new().embedded(EMBEDDED);
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains(B) && error.contains("build again") && error.contains(A), "{error}");
    assert_eq!(migrations.pending(&database).unwrap(), [B]);
}

#[cfg(feature = "postgres")]
#[test]
fn one_without_sql_is_refused_on_postgresql() {
    let Some(server) = lback_test_servers::Postgres::shared() else { return };
    server.create("blank_migrations");
    let project = two();
    project.add("2026-01-03-000000_blank", "-- Write here.", "");
    let settings = DbSettings { database_url: Secret::new(server.url("blank_migrations")), ..DbSettings::default() };
    let database = Database::open(&settings, project.path()).unwrap();
    let (_, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains("2026-01-03-000000_blank") && error.contains("no SQL") && error.contains(B), "{error}");
    assert_eq!(migrations.pending(&database).unwrap(), ["2026-01-03-000000_blank"]);
}

#[test]
fn two_that_start_together_do_not_disturb_each_other() {
    const PROCESSES: usize = 4;
    const SLOW: &str = "2026-01-03-000000_create_slow";
    const LAST: &str = "2026-01-04-000000_create_last";
    // Takes long enough for the others to come in between.
    const CREATE_SLOW: &str = "CREATE TABLE slow (n BIGINT);
        INSERT INTO slow WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 100000) SELECT n FROM many;";
    for _ in 0..3 {
        let project = two();
        let (database, migrations) = project.open();
        migrations.apply(&database).unwrap();
        project.add(SLOW, CREATE_SLOW, "DROP TABLE slow;").add(LAST, "CREATE TABLE last (n BIGINT);", "DROP TABLE last;");
        let start = Barrier::new(PROCESSES);
        let applied: Vec<String> = thread::scope(|scope| {
            let processes: Vec<_> = (0..PROCESSES)
                .map(|_| {
                    scope.spawn(|| {
                        let (database, migrations) = project.open();
                        start.wait();
                        migrations.apply(&database).unwrap()
                    })
                })
                .collect();
            processes.into_iter().flat_map(|process| process.join().unwrap()).collect()
        });
        assert_eq!(applied, [SLOW, LAST], "each was applied once, by one of them");
        assert_eq!(tables(&database), ["a", "b", "last", "slow"]);
    }
}

#[test]
fn one_that_is_not_in_the_folder_is_told_apart() {
    let project = two();
    let (database, migrations) = project.open();
    migrations.apply(&database).unwrap();
    fs::remove_dir_all(project.path().join("migrations").join(B)).unwrap();
    assert_eq!(states(&migrations, &database)[1].1, Applied::Unknown);
    assert!(migrations.pending(&database).unwrap().is_empty());
    let error = migrations.rollback(&database, 1).unwrap_err().to_string();
    assert!(error.contains("20260102000000"), "{error}");
    assert_eq!(tables(&database), ["a", "b"]);
}

#[test]
fn two_of_one_version_are_refused() {
    let project = two();
    project.add("2026-01-02-000000_create_other", "CREATE TABLE other (n BIGINT);", "DROP TABLE other;");
    let (database, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains("create_b") && error.contains("create_other"), "{error}");
    assert!(tables(&database).is_empty());
}

#[test]
fn those_of_the_framework_can_be_undone_and_applied_again() {
    let migrations = Migrations::new().embedded(lback_session::MIGRATIONS);
    #[cfg(feature = "jobs")]
    let migrations = migrations.embedded(lback_jobs::MIGRATIONS);
    #[cfg(all(feature = "jobs", feature = "mail"))]
    let migrations = migrations.embedded(lback_mail::MIGRATIONS);
    #[cfg(feature = "auth")]
    let migrations = migrations.embedded(lback_auth::MIGRATIONS);
    // As if they were an application's own, which can be undone.
    let project = Project::new();
    let (database, _) = project.open();
    let applied = migrations.apply(&database).unwrap();
    let tables_of_all = tables(&database);
    let undone = migrations.rollback(&database, 100).unwrap();
    assert!(undone.iter().rev().eq(&applied) && tables(&database).is_empty());
    assert_eq!(migrations.apply(&database).unwrap(), applied);
    assert_eq!(tables(&database), tables_of_all);
}

#[test]
fn the_frameworks_own_are_not_undone() {
    let project = two();
    let (database, migrations) = project.open();
    let migrations = migrations.battery("sessions", lback_session::MIGRATIONS);
    migrations.apply(&database).unwrap();
    assert_eq!(migrations.rollback(&database, 9).unwrap(), [B, A]);
    assert_eq!(tables(&database), ["sessions"]);
}
