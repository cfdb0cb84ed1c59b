//! `makemigrations --merge`: brings `models.json` to what the migrations of two merged branches make together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use lback_core::{Error, Result};
use lback_db::{Database, Db, Migrations};

use super::files::Files;
use super::make::Make;
#[cfg(feature = "sqlite")]
use crate::migrate::check::is_for_postgres_alone;
use crate::migrate::check::{FILE, NobodyKnows, read_schema};
use crate::migrate::{Answers, Check, Column, Dialect, Schema, Table, introspect, plan};

/// Runs the command.
///
/// # Errors
/// Returns an error, and writes nothing, if the migrations cannot be applied in their order or `models.json` cannot be read.
pub(super) fn merge(make: Make<'_>) -> Result<()> {
    let Some(migrations) = make.migrations else { return Err(Error::bad_request("this application has no migrations")) };
    let versions = versions(make.folder)?;
    let merged = made(&make, migrations, &versions)?;
    let path = make.folder.join(FILE);
    let is_new = fs::read_to_string(&path).ok().as_deref() != Some(merged.to_json().as_str());
    if is_new {
        Files::replace(&path, &merged.to_json())?;
        (make.print)(&format!("Wrote migrations/{FILE}: it describes the tables that all migrations make together."));
    } else {
        (make.print)(&format!("migrations/{FILE} describes the tables that all migrations make together already."));
    }
    for late in late(migrations, make.database)? {
        (make.print)(&format!("{late} is older than migrations that the database has applied. It is applied after them."));
    }
    let changes = match plan(&merged, make.models, &mut NobodyKnows(Answers::default())) {
        Ok(plan) if plan.is_empty() => return Ok(()),
        Ok(plan) => plan.name(),
        Err(error) => error.to_string(),
    };
    (make.print)(&format!("The models have changes without a migration ({changes}). Run: lback makemigrations"));
    Ok(())
}

/// Reads `models.json`, or both versions of it that git has left in the file.
fn versions(folder: &Path) -> Result<Vec<Schema>> {
    match read_schema(folder) {
        Ok(schema) => Ok(vec![schema]),
        Err(error) => {
            let Some(text) = fs::read_to_string(folder.join(FILE)).ok().filter(|text| text.lines().any(|line| line.starts_with("<<<<<<<")))
            else {
                return Err(error);
            };
            // A version may be damaged: it is only a source of names and of details that a database does not have.
            Ok([Side::Ours, Side::Theirs].into_iter().filter_map(|side| Schema::from_json(&version(&text, side), FILE).ok()).collect())
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Both,
    Ours,
    /// What both have changed, if git shows it.
    Base,
    Theirs,
}

/// Returns one version of a file with conflicts.
fn version(text: &str, wanted: Side) -> String {
    let mut side = Side::Both;
    let mut version = String::new();
    for line in text.lines() {
        let now = [("<<<<<<<", Side::Ours), ("|||||||", Side::Base), ("=======", Side::Theirs), (">>>>>>>", Side::Both)];
        if let Some((_, next)) = now.into_iter().find(|(marker, _)| line.starts_with(marker)) {
            side = next;
        } else if side == Side::Both || side == wanted {
            version += line;
            version.push('\n');
        }
    }
    version
}

/// Returns the schema that the migrations make: of an empty database that they are applied to, or of the database in the settings.
fn made(make: &Make<'_>, migrations: &Migrations, versions: &[Schema]) -> Result<Schema> {
    let names: BTreeSet<&str> = versions.iter().chain([make.models]).flat_map(|schema| schema.tables.keys().map(String::as_str)).collect();
    match replay(make, migrations)? {
        Some(mut db) => described(&mut db, &names, make.models, versions),
        None => {
            let database = make.database.ok_or_else(|| Error::bad_request("there is no database"))?;
            let pending = migrations.pending(database)?;
            if !pending.is_empty() {
                return Err(Error::bad_request(format!(
                    "migrations for PostgreSQL alone are merged by looking at the database, and it has pending ones: {}. Run lback migrate first",
                    pending.join(", ")
                )));
            }
            described(&mut *database.get()?, &names, make.models, versions)
        }
    }
}

#[cfg(feature = "sqlite")]
fn replay(make: &Make<'_>, migrations: &Migrations) -> Result<Option<Db>> {
    if is_for_postgres_alone(make.folder, make.dialect) {
        return Ok(None);
    }
    let db = migrations.replay().map_err(|error| {
        let hint = "If both branches make the same change, remove the folder of one of the two migrations";
        Error::bad_request(format!("the migrations of the branches do not fit together: {error}. {hint}"))
    })?;
    Ok(Some(db))
}

#[cfg(not(feature = "sqlite"))]
fn replay(_: &Make<'_>, _: &Migrations) -> Result<Option<Db>> {
    Ok(None)
}

/// Reads the schema of a database. What the models or a version describe is taken from there, since a database does not have every detail:
/// the whole table, or else each column and check.
fn described(db: &mut Db, names: &BTreeSet<&str>, models: &Schema, versions: &[Schema]) -> Result<Schema> {
    let dialect = Dialect::of(db.kind());
    let found = introspect(db, names.iter().copied(), models)?;
    let one = |name: &String, table: &Table| Schema { tables: BTreeMap::from([(name.clone(), table.clone())]) };
    let tables = found.tables.into_iter().map(|(name, table)| {
        let is_same = |described: &&Table| one(&name, described).differences(&one(&name, &table), dialect).is_empty();
        let known: Vec<&Table> = [models].into_iter().chain(versions).filter_map(|schema| schema.tables.get(&name)).collect();
        let whole = known.iter().copied().find(is_same).cloned();
        let table = whole.unwrap_or_else(|| of_parts(&table, &known, dialect));
        (name, table)
    });
    Ok(Schema { tables: tables.collect() })
}

/// Returns a table of a database with those columns and checks as they are described that the database does not have otherwise.
fn of_parts(found: &Table, known: &[&Table], dialect: Dialect) -> Table {
    let column = |found: &Column| {
        let described = known.iter().filter_map(|table| table.column(&found.name));
        described.into_iter().find(|column| column.difference(found, dialect).is_none()).unwrap_or(found).clone()
    };
    let check = |found: &Check| {
        let described = known.iter().flat_map(|table| &table.checks);
        described.into_iter().find(|check| check.is_same(found, dialect)).unwrap_or(found).clone()
    };
    Table { columns: found.columns.iter().map(column).collect(), checks: found.checks.iter().map(check).collect(), ..found.clone() }
}

/// Returns the names of pending migrations that are older than applied ones.
fn late(migrations: &Migrations, database: Option<&Database>) -> Result<Vec<String>> {
    let Some(database) = database else { return Ok(Vec::new()) };
    Ok(migrations.status(database)?.into_iter().filter(|one| one.is_late).map(|one| one.name).collect())
}
