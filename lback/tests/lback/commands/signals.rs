//! Signals of commands, which have no server and no runtime.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use lback::prelude::*;
use lback::signals::MigrationApplied;

use super::{project, run};

/// Listeners to migrations, for the application of all these tests.
pub(super) fn add(app: App) -> App {
    app.on(|event: &MigrationApplied, _| println!("told of {}", event.name)).on_async(async |event: Arc<MigrationApplied>, _| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        println!("told later of {}", event.name);
    })
}

#[test]
fn migrations_are_told_of_even_before_one_that_fails() {
    let project = project("");
    let write = |name: &str, sql: &str| {
        let folder = project.path().join("migrations").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("up.sql"), sql).unwrap();
        fs::write(folder.join("down.sql"), "SELECT 1").unwrap();
    };
    write("2026-01-01-000000_good", "CREATE TABLE good (id INTEGER)");
    write("2026-01-02-000000_bad", "CREATE TABLE good (id INTEGER)");
    let printed = run(&project, "migrate");
    for told in ["told of 2026-01-01-000000_good", "told later of 2026-01-01-000000_good", "_create_sessions", "ended with: "] {
        assert!(printed.contains(told), "{printed}");
    }
    assert!(!printed.contains("told of 2026-01-02-000000_bad"), "{printed}");
    assert!(!run(&project, "showmigrations").contains("told"), "nothing was applied");
}
