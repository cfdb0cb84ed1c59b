//! `inspectdb`: models for tables that were written by hand.

use std::fs;

use lback::models::ModelMeta;
use lback::models::migrate::{Dialect, Make, Schema, Table, check_database};
use lback::prelude::*;
use lback::testing::Client;
use tempfile::TempDir;

use crate::sql;
use crate::unit_of_work::on_each_database;

// What the command prints, which must compile.
#[cfg(feature = "postgres")]
#[rustfmt::skip]
#[path = "inspected/postgres.rs"]
mod inspected_postgres;
#[cfg(feature = "sqlite")]
#[rustfmt::skip]
#[path = "inspected/sqlite.rs"]
mod inspected_sqlite;

on_each_database!(models_are_printed_for_tables_and_adopted, tables_are_chosen);

fn tables(on: &str) -> &'static str {
    if on.is_empty() { include_str!("inspected/sqlite.sql") } else { include_str!("inspected/postgres.sql") }
}

fn client(on: &str) -> Client {
    let client = Client::with_settings(App::new(Router::new()).models(models![]), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    sql(&client, tables(on));
    client
}

#[cfg(feature = "sqlite")]
fn of_sqlite() -> Vec<&'static ModelMeta> {
    use inspected_sqlite::*;
    vec![Author::META, Post::META, IsoCountry::META, Pair::META]
}

#[cfg(feature = "postgres")]
fn of_postgres() -> Vec<&'static ModelMeta> {
    use inspected_postgres::*;
    vec![Author::META, Post::META, IsoCountry::META, Pair::META]
}

fn models_are_printed_for_tables_and_adopted(on: &str) {
    let client = client(on);
    let (file, models) = match on.is_empty() {
        #[cfg(feature = "sqlite")]
        true => ("sqlite", of_sqlite()),
        #[cfg(feature = "postgres")]
        false => ("postgres", of_postgres()),
        #[allow(unreachable_patterns, reason = "a program may have one database")]
        _ => return,
    };
    let printed = client.command("inspectdb", &[]);
    let path = format!("tests/lback/models/inspected/{file}.rs");
    if std::env::var_os("UPDATE_INSPECTED").is_some() {
        fs::write(&path, &printed).unwrap();
    }
    assert_eq!(printed, fs::read_to_string(&path).unwrap(), "run the test with UPDATE_INSPECTED=1, and look at the difference");

    // As if `unmanaged` was removed.
    let mut schema = Schema::default();
    schema.tables.extend(models.iter().map(|meta| (meta.table.to_owned(), Table::of(meta))));
    let folder = TempDir::with_prefix("lback-test-").unwrap();
    let migrations = folder.path().join("migrations");
    fs::create_dir(&migrations).unwrap();
    let arguments: Vec<String> = schema.tables.keys().map(|name| format!("--adopt={name}")).chain(["--no-input".to_owned()]).collect();
    let database = client.database();
    let make = Make {
        models: &schema,
        folder: &migrations,
        dialect: Dialect::of(database.kind()),
        database: Some(database),
        migrations: None,
        now: Utc::now(),
        arguments: &arguments,
        ask: None,
        print: &mut |_| {},
    };
    make.run().unwrap();
    sql(&client, "INSERT INTO authors (id, name) VALUES (7, 'alice')");
    lback::db::Migrations::new().folder(&migrations).apply(database).unwrap();
    client.db(|db| check_database(&schema, db));
    assert_eq!(crate::number(&client, "SELECT count(*) FROM authors WHERE id = 7"), 1);
}

fn tables_are_chosen(on: &str) {
    let client = client(on);
    let printed = client.command("inspectdb", &["pairs"]);
    // The model that it refers to is not there.
    assert!(printed.contains("id, which has no model here.\n") && !printed.contains("struct Post"), "{printed}");
    assert!(client.command("inspectdb", &["sessions"]).contains("pub struct Session {\n    pub id: Vec<u8>,\n"));
    let error = client.try_command("inspectdb", &["post"]).unwrap_err().to_string();
    assert_eq!(error, "the database has no table \"post\"; did you mean posts?");
}
