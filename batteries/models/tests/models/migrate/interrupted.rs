//! A process that is killed while it migrates: the next one goes on.

use std::env;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use lback_db::Migrations;
use lback_models::migrate::{Answers, Schema, plan};

use super::project::{notes, open, projects};

/// Names the database and the folder for the process that is killed.
const URL: &str = "LBACK_TEST_MIGRATE_URL";
const FOLDER: &str = "LBACK_TEST_MIGRATE_FOLDER";

/// Not a test: what the killed process does.
#[test]
fn migrate_until_killed() {
    let (Ok(url), Ok(folder)) = (env::var(URL), env::var(FOLDER)) else { return };
    let folder = std::path::Path::new(&folder);
    Migrations::new().folder(folder.join("migrations")).apply(&open(&url, folder)).unwrap();
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
            let mut process = Command::new(env::current_exe().unwrap())
                .args(["migrate_until_killed", "--nocapture"])
                .env(URL, project.url())
                .env(FOLDER, project.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
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
