//! Migrations on PostgreSQL: one process at a time, each in a whole transaction, from the database's own folder.

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use lback::db::{Database, DbSettings, Migrations};
use lback::settings::Secret;
use lback_test_servers::Postgres;
use tempfile::TempDir;

/// A project's folder, and a database that goes with it.
struct Project {
    server: &'static Postgres,
    folder: TempDir,
    database: String,
}

impl Project {
    fn new(database: &str) -> Option<Self> {
        let server = Postgres::shared()?;
        server.create(database);
        Some(Project { server, folder: TempDir::with_prefix("lback-test-").unwrap(), database: database.to_owned() })
    }

    fn add(&self, name: &str, up: &str) {
        write(&self.folder.path().join("migrations").join(name), up);
    }

    /// As a process of its own would open it.
    fn open(&self) -> (Database, Migrations) {
        self.open_as(&self.server.url(&self.database))
    }

    fn open_as(&self, url: &str) -> (Database, Migrations) {
        let settings = DbSettings { database_url: Secret::new(url), ..DbSettings::default() };
        (Database::open(&settings, self.folder.path()).unwrap(), Migrations::new().folder(self.folder.path().join("migrations")))
    }

    fn sql(&self, statements: &str) -> String {
        self.server.sql(&self.database, statements)
    }

    fn tables(&self) -> String {
        self.sql("SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '\\_\\_%'")
    }
}

fn write(folder: &Path, up: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("up.sql"), up).unwrap();
    fs::write(folder.join("down.sql"), "").unwrap();
}

#[test]
fn those_that_start_together_do_not_disturb_each_other() {
    const PROCESSES: usize = 4;
    let Some(project) = Project::new("migrations_together") else { return };
    project.add("2026-01-01-000000_create_slow", "CREATE TABLE slow (n BIGINT); SELECT pg_sleep(0.3);");
    project.add("2026-01-02-000000_create_last", "CREATE TABLE last (n BIGINT);");
    let start = Barrier::new(PROCESSES);
    let applied: Vec<String> = thread::scope(|scope| {
        let processes: Vec<_> = (0..PROCESSES)
            .map(|_| {
                scope.spawn(|| {
                    let (database, migrations) = project.open();
                    start.wait();
                    // Looking at what is pending makes the table where that is recorded.
                    migrations.pending(&database).unwrap();
                    migrations.apply(&database).unwrap()
                })
            })
            .collect();
        processes.into_iter().flat_map(|process| process.join().unwrap()).collect()
    });
    assert_eq!(applied, ["2026-01-01-000000_create_slow", "2026-01-02-000000_create_last"], "each was applied once, by one of them");
    assert_eq!(project.tables(), "last slow");
}

#[test]
fn one_that_fails_leaves_nothing() {
    let Some(project) = Project::new("migrations_failing") else { return };
    project.add("2026-01-01-000000_create_a", "CREATE TABLE a (n BIGINT);");
    project.add("2026-01-02-000000_broken", "CREATE TABLE b (n BIGINT); INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1);");
    let (database, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains("2026-01-02-000000_broken") && error.contains("nowhere") && error.contains("create_a"), "{error}");
    assert_eq!((project.tables(), project.sql("SELECT count(*) FROM a")), ("a".to_owned(), "0".to_owned()));
    project.add("2026-01-02-000000_broken", "CREATE TABLE b (n BIGINT);");
    assert_eq!(migrations.apply(&database).unwrap(), ["2026-01-02-000000_broken"]);
}

#[test]
fn a_database_has_its_own_folder_or_shares_one() {
    let Some(project) = Project::new("migrations_folders") else { return };
    project.add("sqlite/2026-01-01-000000_create_a", "CREATE TABLE a (n INTEGER PRIMARY KEY);");
    let (database, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains("none for postgres") && error.contains("migrations/postgres"), "{error}");
    project.add("postgres/2026-01-01-000000_create_a", "CREATE TABLE a (n BIGSERIAL PRIMARY KEY);");
    assert_eq!(migrations.apply(&database).unwrap(), ["2026-01-01-000000_create_a"]);
    project.sql("INSERT INTO a DEFAULT VALUES");
}

#[test]
fn a_user_who_may_make_no_tables_sees_that_nothing_is_pending() {
    let Some(project) = Project::new("migrations_rights") else { return };
    project.add("2026-01-01-000000_create_a", "CREATE TABLE a (n BIGINT);");
    let (database, migrations) = project.open();
    migrations.apply(&database).unwrap();
    project.sql(
        "CREATE USER visitor PASSWORD 'visitor'; REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA public TO visitor",
    );
    let url = project.server.url(&project.database).replace("lback:lback", "visitor:visitor");
    let (database, migrations) = project.open_as(&url);
    assert!(migrations.pending(&database).unwrap().is_empty());
}

#[test]
fn indexes_are_made_concurrently_by_statements_of_their_own() {
    const UP: &str = "-- Both; at once.
        CREATE INDEX CONCURRENTLY a_n ON a (n);
        CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END; $$ LANGUAGE plpgsql;
        CREATE INDEX CONCURRENTLY a_m ON a (m)";
    let Some(project) = Project::new("migrations_concurrently") else { return };
    project.add("2026-01-01-000000_create_a", "CREATE TABLE a (n BIGINT, m BIGINT);");
    project.add("2026-01-02-000000_indexes", UP);
    let (database, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains("2026-01-02-000000_indexes/up.sql") && error.contains("run_in_transaction = false"), "{error}");

    let metadata = project.folder.path().join("migrations/2026-01-02-000000_indexes/metadata.toml");
    fs::write(metadata, "run_in_transaction = false\n").unwrap();
    assert_eq!(migrations.apply(&database).unwrap(), ["2026-01-02-000000_indexes"]);
    assert_eq!(project.sql("SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'a'"), "a_m a_n");
}

#[test]
fn those_that_start_together_make_an_index_concurrently_once() {
    let Some(project) = Project::new("migrations_concurrently_together") else { return };
    project.add("2026-01-01-000000_create_a", "CREATE TABLE a AS SELECT generate_series(1, 100000) AS n;");
    project.add("2026-01-02-000000_index", "CREATE INDEX CONCURRENTLY a_n ON a (n);");
    let metadata = project.folder.path().join("migrations/2026-01-02-000000_index/metadata.toml");
    fs::write(metadata, "run_in_transaction = false\n").unwrap();
    let start = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let (database, migrations) = project.open();
                start.wait();
                migrations.apply(&database).unwrap()
            });
        }
    });
    assert_eq!(project.sql("SELECT count(*) FROM pg_indexes WHERE indexname = 'a_n'"), "1");
}

#[test]
fn sql_that_would_end_the_transaction_is_refused() {
    let Some(project) = Project::new("migrations_commit") else { return };
    project.add("2026-01-01-000000_create_a", "BEGIN; CREATE TABLE a (n BIGINT); COMMIT; INSERT INTO nowhere VALUES (1);");
    let (database, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains("2026-01-01-000000_create_a/up.sql:1: BEGIN"), "{error}");
    assert_eq!(project.tables(), "");
    // The body of a function may say so.
    let function = "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;
        DO $$ BEGIN PERFORM f(); END $$; CREATE TABLE a (n BIGINT);";
    project.add("2026-01-01-000000_create_a", function);
    assert_eq!(migrations.apply(&database).unwrap().len(), 1);
    assert_eq!(project.tables(), "a");
}

#[test]
fn what_a_dump_sets_does_not_reach_further() {
    let Some(project) = Project::new("migrations_dump") else { return };
    // As pg_dump begins.
    let dump = "SET statement_timeout = 0; SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.a (n BIGINT);";
    project.add("2026-01-01-000000_dump", dump);
    project.add("2026-01-02-000000_create_b", "CREATE TABLE b (n BIGINT);");
    let (database, migrations) = project.open();
    assert_eq!(migrations.apply(&database).unwrap().len(), 2);
    assert_eq!(project.tables(), "a b");
}

#[test]
fn an_index_that_an_interrupted_attempt_has_left_behind_is_not_taken_for_done() {
    let Some(project) = Project::new("migrations_invalid_index") else { return };
    project.add("2026-01-01-000000_create_a", "CREATE TABLE a (n BIGINT); INSERT INTO a VALUES (1), (1);");
    const INDEX: &str = "2026-01-02-000000_index";
    let create = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_n ON a (n);";
    project.add(INDEX, create);
    fs::write(project.folder.path().join("migrations").join(INDEX).join("metadata.toml"), "run_in_transaction = false\n").unwrap();
    let (database, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains(&format!("{INDEX}/up.sql:1")) && error.contains("could not create unique index"), "{error}");
    project.sql("DELETE FROM a");
    // PostgreSQL skips the statement, since there is an index of this name.
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains("does not use the index a_n") && error.contains("DROP INDEX CONCURRENTLY IF EXISTS a_n;"), "{error}");
    assert_eq!(migrations.pending(&database).unwrap(), [INDEX]);
    project.add(INDEX, &format!("DROP INDEX CONCURRENTLY IF EXISTS a_n;\n{create}"));
    assert_eq!(migrations.apply(&database).unwrap(), [INDEX]);
    assert_eq!(project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_n'::regclass"), "t");
}
