//! A project with migrations and a database of its own.

use std::fs;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use lback_core::{Result, Secret};
use lback_db::{Database, DbSettings, Migrations, PooledDb};
use lback_models::migrate::{Dialect, Options, Plan, Schema, introspect, plan_back, render};
use tempfile::TempDir;

pub(super) struct Project {
    pub(super) database: Database,
    pub(super) dialect: Dialect,
    url: String,
    folder: TempDir,
    count: u32,
}

/// Returns a project on each database that there is.
pub(super) fn projects() -> Vec<Project> {
    let mut projects = Vec::new();
    #[cfg(feature = "sqlite")]
    projects.push(on_sqlite());
    projects.extend(on_postgres());
    projects
}

#[cfg(feature = "sqlite")]
pub(super) fn on_sqlite() -> Project {
    Project::open("sqlite:db.sqlite", Dialect::Sqlite)
}

#[cfg(feature = "postgres")]
pub(super) fn on_postgres() -> Option<Project> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = lback_test_servers::Postgres::shared()?;
    let url = server.create(&format!("models_{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    Some(Project::open(&url, Dialect::Postgres))
}

#[cfg(not(feature = "postgres"))]
pub(super) fn on_postgres() -> Option<Project> {
    None
}

pub(super) fn open(url: &str, folder: &Path) -> Database {
    Database::open(&DbSettings { database_url: Secret::new(url.to_owned()), ..DbSettings::default() }, folder).unwrap()
}

/// Parses a schema.
pub(super) fn schema(json: &str) -> Schema {
    Schema::from_json(json, "models.json").unwrap()
}

/// A table of two columns and what is added to them.
pub(super) fn notes(columns: &str) -> Schema {
    notes_with(columns, "[]", "[]")
}

pub(super) fn notes_with(columns: &str, indexes: &str, checks: &str) -> Schema {
    let comma = if columns.is_empty() { "" } else { ", " };
    schema(&format!(
        r#"{{"notes": {{"columns": [{{"name": "id", "kind": "bigint", "numbered": true}}{comma}{columns}],
            "primary_key": ["id"], "indexes": {indexes}, "checks": {checks}}}}}"#
    ))
}

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = Text)]
    cell: String,
}

impl Project {
    fn open(url: &str, dialect: Dialect) -> Self {
        // In memory if there is such a folder: random changes make hundreds of migrations, each of which waits for the disk.
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = TempDir::with_prefix_in("lback-models-", parent).unwrap();
        let database = open(url, folder.path());
        Project { database, dialect, url: url.to_owned(), folder, count: 0 }
    }

    /// Returns its `DATABASE_URL`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Removes all migrations, and everything in the database.
    pub(super) fn reset(&mut self) {
        match self.dialect {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => *self = on_sqlite(),
            _ => {
                // A new database would take longer.
                self.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
                let _ = fs::remove_dir_all(self.folder());
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.path().join("migrations")
    }

    pub(super) fn migrations(&self) -> Migrations {
        Migrations::new().folder(self.folder())
    }

    /// Writes a migration.
    pub(super) fn write(&mut self, up: &str, down: &str) -> String {
        self.count += 1;
        let name = format!("2026-01-01-{:06}_change", self.count);
        let folder = self.folder().join(self.dialect.name()).join(&name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("up.sql"), up).unwrap();
        fs::write(folder.join("down.sql"), down).unwrap();
        name
    }

    /// Writes the migration of a plan, and returns its SQL.
    pub(super) fn add(&mut self, old: &Schema, new: &Schema, plan: &Plan) -> String {
        let back = plan_back(old, new, plan).unwrap();
        let options = Options::default();
        let (up, down) = (render(plan, self.dialect, options), render(&back, self.dialect, Options { back: true, ..options }));
        assert_eq!((&up.after, &down.after), (&None, &None));
        self.write(&up.main, &down.main);
        format!("{}\n-- down\n{}", up.main, down.main)
    }

    /// Writes and applies the migration from one schema to another, in which nothing was renamed and rows need no values.
    pub(super) fn migrate(&mut self, old: &Schema, new: &Schema) -> Result<()> {
        let plan = lback_models::migrate::plan(old, new, &mut lback_models::migrate::Answers::default())?;
        self.add(old, new, &plan);
        self.apply()
    }

    pub(super) fn apply(&self) -> Result<()> {
        self.migrations().apply(&self.database).map(drop)
    }

    pub(super) fn rollback(&self) -> Result<()> {
        self.migrations().rollback(&self.database, 1).map(drop)
    }

    pub(super) fn db(&self) -> PooledDb {
        self.database.get().unwrap()
    }

    /// Runs SQL.
    #[track_caller]
    pub(super) fn run(&self, sql: &str) {
        self.db().batch_execute(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// Returns the values of a query with one column, as texts.
    #[track_caller]
    pub(super) fn query(&self, sql: &str) -> Vec<String> {
        let sql = format!("SELECT CAST(cell AS TEXT) AS cell FROM ({sql}) AS cells (cell)");
        let sql = match self.dialect {
            Dialect::Postgres => sql,
            // SQLite does not name the columns of a query in this way.
            Dialect::Sqlite => {
                sql.replace("FROM (", "FROM (WITH cells (cell) AS (").replace(") AS cells (cell)", ") SELECT cell FROM cells)")
            }
        };
        let cells: Vec<Cell> = diesel::sql_query(&sql).load(&mut *self.db()).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        cells.into_iter().map(|cell| cell.cell).collect()
    }

    /// Fails if the database is not what the schema says.
    #[track_caller]
    pub(super) fn assert_is(&self, schema: &Schema, context: &str) {
        let found = introspect(&mut self.db(), schema.tables.keys().map(String::as_str), schema).unwrap();
        let differences = schema.differences(&found, self.dialect);
        assert!(differences.is_empty(), "{}: {differences:#?}\n{context}", self.dialect.name());
    }
}
