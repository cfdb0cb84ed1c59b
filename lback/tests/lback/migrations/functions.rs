//! Rust functions that migrations run.

use lback::db::{Db, Migrations};
use lback::prelude::*;

#[cfg(feature = "sqlite")]
use super::add_two;
use super::{A, B, C, Project, on_each_kind, run, tables, texts};

fn posts(project: &Project) {
    project.add(A, "CREATE TABLE posts (title TEXT NOT NULL, slug TEXT NOT NULL);", "DROP TABLE posts;");
}

fn fill_slugs(db: &mut Db) -> Result<()> {
    diesel::sql_query("UPDATE posts SET slug = lower(title)").execute(db)?;
    Ok(())
}

fn clear_slugs(db: &mut Db) -> Result<()> {
    diesel::sql_query("UPDATE posts SET slug = ''").execute(db)?;
    Ok(())
}

fn with_functions(migrations: Migrations) -> Migrations {
    migrations.function("fill_slugs", fill_slugs).function("clear_slugs", clear_slugs)
}

const ADD: &str = "INSERT INTO posts VALUES ('Hello', '')";
const SLUGS: &str = "SELECT slug AS text FROM posts ORDER BY slug";

#[test]
fn a_function_runs_in_its_place() {
    on_each_kind(|project, database, migrations| {
        let migrations = with_functions(migrations);
        posts(project);
        migrations.apply(database).unwrap();
        run(database, ADD);
        // Alone, without any SQL; before a statement; and after the last one.
        project.add(B, "-- lback: run fill_slugs\n", "-- lback: run clear_slugs");
        assert_eq!(migrations.apply(database).unwrap(), [B]);
        assert_eq!(texts(database, SLUGS), ["hello"]);
        assert_eq!(migrations.rollback(database, 1).unwrap(), [B]);
        assert_eq!(texts(database, SLUGS), [""]);
        project.add(B, "-- lback: run fill_slugs\nINSERT INTO posts VALUES ('Later', '?');\n", "SELECT 1");
        assert_eq!(migrations.apply(database).unwrap(), [B]);
        assert_eq!(texts(database, SLUGS), ["?", "hello"]);
        project.add(
            C,
            "INSERT INTO posts VALUES ('More', '');\n  -- lback: run nothing_since_it_is_indented\n-- lback: run fill_slugs  \r\n",
            "",
        );
        assert_eq!(migrations.apply(database).unwrap(), [C]);
        assert_eq!(texts(database, SLUGS), ["hello", "later", "more"]);
    });
}

#[test]
fn a_function_that_fails_undoes_the_whole_migration() {
    on_each_kind(|project, database, migrations| {
        let migrations = migrations.function("fail", |db| {
            diesel::sql_query(ADD).execute(db)?;
            Err(Error::internal("the file of slugs is missing"))
        });
        posts(project);
        project.add(B, "CREATE TABLE b (n BIGINT);\n-- lback: run fail\n", "");
        let error = migrations.apply(database).unwrap_err().to_string();
        assert!(error.contains(&format!("{B}/up.sql:2: the function fail: the file of slugs is missing")), "{error}");
        assert_eq!(tables(database), ["posts"]);
        assert!(texts(database, SLUGS).is_empty());
        assert_eq!(migrations.pending(database).unwrap(), [B]);
    });
}

#[test]
fn a_function_that_panics_undoes_the_whole_migration() {
    on_each_kind(|project, database, migrations| {
        let migrations = migrations.function("panic", |db| {
            diesel::sql_query(ADD).execute(db)?;
            panic!("no slugs")
        });
        posts(project);
        project.add(B, "-- lback: run panic", "");
        let apply = std::panic::AssertUnwindSafe(|| migrations.apply(database));
        std::panic::catch_unwind(apply).unwrap_err();
        assert!(texts(database, SLUGS).is_empty());
        assert_eq!(migrations.pending(database).unwrap(), [B]);
        // The lock was released as well.
        project.add(B, "SELECT 1", "");
        assert_eq!(migrations.apply(database).unwrap(), [B]);
    });
}

#[test]
fn a_function_that_is_not_registered_is_found_before_anything_is_applied() {
    on_each_kind(|project, database, migrations| {
        let migrations = with_functions(migrations);
        posts(project);
        project.add(C, "-- lback: run fill_slug", "-- lback: run '; DROP TABLE posts; --");
        let error = migrations.apply(database).unwrap_err().to_string();
        for part in [
            &format!("{C}/up.sql:1: there is no function fill_slug. Did you mean fill_slugs?"),
            ".data_migration(\"fill_slug\", fill_slug)",
        ] {
            assert!(error.contains(part), "{error}");
        }
        assert!(tables(database).is_empty());
        assert_eq!(migrations.check_functions(database.kind()).unwrap_err().to_string(), error);
        project.add(C, "-- lback: run fill_slugs", "-- lback: run '; DROP TABLE posts; --");
        let error = migrations.check_functions(database.kind()).unwrap_err().to_string();
        assert!(error.contains("down.sql:1"), "{error}");
        // It is recorded without the function.
        migrations.fake(database, None, |_| {}).unwrap();
        assert!(migrations.pending(database).unwrap().is_empty());
    });
}

#[test]
fn a_line_inside_a_text_runs_nothing() {
    on_each_kind(|project, database, migrations| {
        posts(project);
        project.add(B, "INSERT INTO posts VALUES ('\n-- lback: run nothing\n', '');", "");
        assert_eq!(migrations.apply(database).unwrap(), [A, B]);
    });
}

#[test]
fn without_a_transaction_a_function_commits_for_itself() {
    on_each_kind(|project, database, migrations| {
        let migrations = migrations.function("in_steps", |db| {
            db.transaction(|db| diesel::sql_query(ADD).execute(db))?;
            Err(Error::internal("the second step failed"))
        });
        posts(project);
        project.add(B, "-- lback: run in_steps", "").add_file(B, "metadata.toml", "run_in_transaction = false");
        let error = migrations.apply(database).unwrap_err().to_string();
        assert!(error.contains("what was changed before stays") && error.contains("the second step failed"), "{error}");
        assert_eq!(texts(database, SLUGS), [""]);
        assert_eq!(migrations.pending(database).unwrap(), [B]);
    });
}

#[cfg(feature = "sqlite")]
#[test]
fn a_replay_in_memory_runs_no_functions() {
    let project = Project::new();
    add_two(&project);
    let (_, migrations) = project.open();
    let migrations = migrations.function("send_mails", |_| panic!("no mail is sent by a check"));
    project.add(C, "CREATE TABLE c (n BIGINT);\n-- lback: run send_mails", "");
    let mut db = migrations.replay().unwrap();
    assert_eq!(diesel::sql_query("SELECT * FROM c").execute(&mut db).unwrap(), 0);
}

#[test]
fn the_application_registers_functions() {
    let app = |name: &'static str| App::new(Router::new()).data_migration("fill_slugs", fill_slugs).data_migration(name, clear_slugs);
    let client = lback::testing::Client::with_settings(app("clear_slugs"), "SESSION_TIMEOUT_MINUTES = 30");
    let migrations = client.app().state::<Migrations>().unwrap();
    assert!(format!("{migrations:?}").contains("clear_slugs"));
    for (name, part) in [("fill_slugs", "two functions have this name"), ("", "a single word"), ("two words", "a single word")] {
        let error = crate::start_error(app(name), "");
        assert!(error.contains("App::data_migration(") && error.contains(part), "{error}");
    }
}
