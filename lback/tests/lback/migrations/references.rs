//! SQLite: what refers to a row that does not exist is undone if the migration is to blame, and left alone if not.

use lback::db::{Applied, Database, Migrations};
use lback::diesel::connection::SimpleConnection;
use lback::prelude::*;

use super::{A, B, Project, states};

/// The way to change a table in SQLite: the new one is made, filled and put in the place of the old one.
const REBUILD: &str = "CREATE TABLE new (id BIGINT PRIMARY KEY, title TEXT);
INSERT INTO new SELECT id, 'untitled' FROM parents;
DROP TABLE parents;
ALTER TABLE new RENAME TO parents;";

/// The same, which forgets a row.
const LOSING: &str = "CREATE TABLE new (id BIGINT PRIMARY KEY, title TEXT);
INSERT INTO new SELECT id, 'untitled' FROM parents WHERE id > 1;
DROP TABLE parents;
ALTER TABLE new RENAME TO parents;";

/// Two parents, of which each has a child.
fn families() -> Project {
    let project = Project::new();
    let up = "CREATE TABLE parents (id BIGINT PRIMARY KEY);
              CREATE TABLE children (parent BIGINT NOT NULL REFERENCES parents (id) ON DELETE CASCADE);
              INSERT INTO parents VALUES (1), (2); INSERT INTO children VALUES (1), (2);";
    project.add(A, up, "DROP TABLE children; DROP TABLE parents;");
    project
}

/// The same, and children of nobody, as a program that did not enforce foreign keys left them.
fn families_with_orphans() -> (Project, Database, Migrations) {
    let project = families();
    let (database, migrations) = project.open();
    migrations.apply(&database).unwrap();
    let statements = "PRAGMA foreign_keys = OFF; INSERT INTO children VALUES (7), (7), (8);";
    database.connect().unwrap().batch_execute(statements).unwrap();
    (project, database, migrations)
}

fn count(database: &Database, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    diesel::dsl::sql::<diesel::sql_types::BigInt>(&sql).get_result(&mut database.connect().unwrap()).unwrap()
}

#[test]
fn rebuilding_a_table_keeps_the_rows_that_refer_to_it() {
    let project = families();
    project.add(B, REBUILD, "SELECT 1;");
    let (database, migrations) = project.open();
    migrations.apply(&database).unwrap();
    assert_eq!(count(&database, "children"), 2);
}

#[test]
fn a_migration_that_leaves_a_row_without_its_parent_is_undone_and_named() {
    for up in [
        LOSING,
        "DELETE FROM parents WHERE id = 1;",
        "INSERT INTO children VALUES (9);",
        "UPDATE children SET parent = 3 WHERE parent = 2;",
    ] {
        let project = families();
        project.add(B, up, "SELECT 1;");
        let (database, migrations) = project.open();
        for _ in 0..2 {
            let error = migrations.apply(&database).unwrap_err().to_string();
            assert!(error.contains(B) && error.contains("children") && error.contains("1 row"), "{error}");
            assert_eq!(states(&migrations, &database)[1], (B.to_owned(), Applied::No));
            assert_eq!((count(&database, "parents"), count(&database, "children")), (2, 2), "{up}");
        }
        project.add(B, REBUILD, "SELECT 1;");
        assert_eq!(migrations.apply(&database).unwrap(), [B]);
    }
}

#[test]
fn what_was_broken_before_is_not_blamed_on_a_migration() {
    const REBUILD_CHILDREN: &str = "CREATE TABLE new (id INTEGER PRIMARY KEY, parent BIGINT NOT NULL REFERENCES parents (id));
        INSERT INTO new (parent) SELECT parent FROM children ORDER BY parent DESC;
        DROP TABLE children;
        ALTER TABLE new RENAME TO children;";
    const AS_TEXT: &str = "CREATE TABLE new (parent TEXT NOT NULL REFERENCES parents (id));
        INSERT INTO new SELECT parent FROM children;
        DROP TABLE children;
        ALTER TABLE new RENAME TO children;";
    for up in [
        "CREATE TABLE other (n BIGINT);",
        REBUILD,
        REBUILD_CHILDREN,
        AS_TEXT,
        "ALTER TABLE children RENAME TO kids;",
        "ALTER TABLE parents RENAME TO people;",
        "ALTER TABLE children RENAME COLUMN parent TO mother;",
        "DELETE FROM children WHERE parent = 8;",
    ] {
        let (project, database, migrations) = families_with_orphans();
        project.add(B, up, "SELECT 1;");
        assert_eq!(migrations.apply(&database).unwrap(), [B], "{up}");
    }
}

#[test]
fn what_a_migration_breaks_is_found_beside_what_was_broken_before() {
    for up in [LOSING, "DELETE FROM children WHERE parent = 8; DELETE FROM parents WHERE id = 1;", "INSERT INTO children VALUES (7);"] {
        let (project, database, migrations) = families_with_orphans();
        project.add(B, up, "SELECT 1;");
        let error = migrations.apply(&database).unwrap_err().to_string();
        assert!(error.contains(B) && error.contains("1 row would"), "{up}: {error}");
        assert_eq!((count(&database, "parents"), count(&database, "children")), (2, 5), "{up}");
    }
}

#[test]
fn tables_without_row_numbers_and_keys_of_several_columns_are_looked_at() {
    let project = Project::new();
    let up = "CREATE TABLE places (land TEXT, town TEXT, PRIMARY KEY (land, town)) WITHOUT ROWID;
              CREATE TABLE people (name TEXT PRIMARY KEY, land TEXT, town TEXT, FOREIGN KEY (land, town) REFERENCES places) WITHOUT ROWID;
              CREATE TABLE houses (id INTEGER PRIMARY KEY, land TEXT, town TEXT, FOREIGN KEY (land, town) REFERENCES places);
              INSERT INTO places VALUES ('de', 'Ulm'), ('de', 'Köln');
              INSERT INTO people VALUES ('Ada', 'de', 'Ulm'); INSERT INTO houses VALUES (1, 'de', 'Köln');";
    project.add(A, up, "SELECT 1;");
    let (database, migrations) = project.open();
    migrations.apply(&database).unwrap();
    for (town, table) in [("Ulm", "people"), ("Köln", "houses")] {
        project.add(B, &format!("DELETE FROM places WHERE town = '{town}';"), "SELECT 1;");
        let error = migrations.apply(&database).unwrap_err().to_string();
        assert!(error.contains(table) && error.contains("places"), "{error}");
        assert_eq!(count(&database, "places"), 2);
    }
}

#[test]
fn a_key_that_cannot_be_checked_counts_when_it_is_new() {
    const MISMATCH: &str = "CREATE TABLE p (id BIGINT); CREATE TABLE c (p BIGINT REFERENCES p (id));";
    let project = families();
    project.add(B, MISMATCH, "SELECT 1;");
    let (database, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains("foreign key mismatch") && error.contains(B), "{error}");

    // One that was there before keeps nobody from migrating.
    let project = families();
    let (database, migrations) = project.open();
    database.connect().unwrap().batch_execute(MISMATCH).unwrap();
    assert_eq!(migrations.apply(&database).unwrap(), [A]);
}

#[test]
fn undoing_a_migration_is_undone_too_if_it_breaks_references() {
    let project = families();
    project.add(B, "INSERT INTO parents VALUES (3); INSERT INTO children VALUES (3);", "DELETE FROM parents WHERE id = 3;");
    let (database, migrations) = project.open();
    migrations.apply(&database).unwrap();
    let error = migrations.rollback(&database, 1).unwrap_err().to_string();
    assert!(error.contains(B) && error.contains("children"), "{error}");
    assert_eq!(count(&database, "parents"), 3);
    assert_eq!(states(&migrations, &database)[1].1, Applied::Yes);
}

#[test]
fn without_a_transaction_what_is_broken_is_named_and_not_recorded() {
    let project = families();
    project.add(B, "DELETE FROM parents WHERE id = 1;", "SELECT 1;").add_file(B, "metadata.toml", "run_in_transaction = false");
    let (database, migrations) = project.open();
    let error = migrations.apply(&database).unwrap_err().to_string();
    assert!(error.contains(B) && error.contains("without a transaction"), "{error}");
    assert_eq!(states(&migrations, &database)[1].1, Applied::No);
}
