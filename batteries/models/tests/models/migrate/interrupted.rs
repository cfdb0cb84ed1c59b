//! A process that is killed while it migrates: the next one goes on.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use lback_db::Migrations;
use lback_models::migrate::{Answers, Schema, plan};

use super::project::{Project, notes, open, projects};

/// Names the database and the folder for the process that is killed.
const URL: &str = "LBACK_TEST_MIGRATE_URL";
const FOLDER: &str = "LBACK_TEST_MIGRATE_FOLDER";

/// Not a test: what the killed process does.
#[test]
fn migrate_until_killed() {
    let (Ok(url), Ok(folder)) = (env::var(URL), env::var(FOLDER)) else { return };
    let folder = std::path::Path::new(&folder);
    let migrations = Migrations::new().folder(folder.join("migrations")).function("wait", |_| {
        println!("{WAITS}");
        loop {
            std::thread::park();
        }
    });
    migrations.apply(&open(&url, folder)).unwrap();
}

/// What the killed process prints when its migration has come to the function `wait`.
const WAITS: &str = "the function waits";

/// Returns the process that is killed.
fn process(project: &Project) -> Command {
    let mut process = Command::new(env::current_exe().unwrap());
    process.args(["migrate_until_killed", "--nocapture"]).env(URL, project.url()).env(FOLDER, project.path());
    process.stdout(Stdio::null()).stderr(Stdio::null());
    process
}

#[cfg(unix)]
#[test]
fn a_killed_migration_leaves_nothing_behind() {
    for mut project in projects() {
        let old = notes(r#"{"name": "text", "kind": "text"}, {"name": "n", "kind": "bigint"}"#);
        let new = notes(r#"{"name": "text", "kind": "text", "max_length": 50}, {"name": "n", "kind": "text"}"#);
        project.migrate(&Schema::default(), &old).unwrap();
        project.run(
            "INSERT INTO notes (text, n) WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 200000)
             SELECT 'a text of some length', n FROM many",
        );
        let plan = plan(&old, &new, &mut Answers::default()).unwrap();
        project.add(&old, &new, &plan);
        let mut killed = 0;
        for pause in [20, 60, 100, 150, 200] {
            let mut process = process(&project).spawn().unwrap();
            sleep(Duration::from_millis(pause));
            process.kill().unwrap();
            process.wait().unwrap();
            let pending = project.migrations().pending(&project.database).unwrap();
            project.assert_is(if pending.is_empty() { &new } else { &old }, "either as before or done");
            killed += pending.len();
            assert_eq!(project.query("SELECT count(*) FROM notes"), ["200000"]);
        }
        project.apply().unwrap();
        project.assert_is(&new, &format!("killed {killed} times"));
        assert_eq!(project.query("SELECT count(*) FROM notes WHERE n <> CAST(id AS TEXT)"), ["0"]);
    }
}

/// Kills a process in the middle of a migration, and returns the functions with which the next one goes on.
fn kill_in_the_middle(project: &Project) -> Migrations {
    let mut process = process(project).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains(WAITS)), "the migration comes to the function");
    process.kill().unwrap();
    process.wait().unwrap();
    project.migrations().function("wait", |_| Ok(()))
}

const MIDDLE: &str = "CREATE TABLE one (n BIGINT);\nINSERT INTO one VALUES (1);\n-- lback: run wait\nCREATE TABLE two (n BIGINT);\n";

#[cfg(unix)]
#[test]
fn a_migration_that_is_killed_in_the_middle_is_undone_and_applied_by_the_next_process() {
    for mut project in projects() {
        let name = project.write(MIDDLE, "");
        let migrations = kill_in_the_middle(&project);
        assert_eq!(migrations.pending(&project.database).unwrap(), [name.as_str()]);
        assert_eq!(migrations.apply(&project.database).unwrap(), [name.as_str()]);
        assert_eq!(project.query("SELECT n FROM one"), ["1"]);
        assert_eq!(project.query("SELECT count(*) FROM two"), ["0"]);
    }
}

#[cfg(unix)]
#[test]
fn without_a_transaction_what_was_done_stays_and_the_next_process_names_it() {
    for mut project in projects() {
        let name = project.write(MIDDLE, "");
        let folder = project.folder().join(project.dialect.name()).join(&name);
        fs::write(folder.join("metadata.toml"), "run_in_transaction = false").unwrap();
        let migrations = kill_in_the_middle(&project);
        assert_eq!(project.query("SELECT n FROM one"), ["1"]);
        let error = migrations.apply(&project.database).unwrap_err().to_string();
        assert!(error.contains("up.sql:1. If an attempt that was interrupted has left it behind, remove it"), "{error}");
        assert_eq!(migrations.pending(&project.database).unwrap(), [name.as_str()]);
        // Written so that it can run twice, it goes on.
        fs::write(folder.join("up.sql"), format!("DROP TABLE IF EXISTS one;\n{MIDDLE}")).unwrap();
        assert_eq!(migrations.apply(&project.database).unwrap(), [name.as_str()]);
        assert_eq!(project.query("SELECT n FROM one"), ["1"]);
    }
}
