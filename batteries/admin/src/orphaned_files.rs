//! The command `orphaned_files`, which finds stored files that neither a row nor the history names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use diesel::prelude::*;
use lback_app::{Command, CommandSpec};
use lback_core::{ProgramError, ProgramResult};
use lback_db::Db;
use lback_models::{Cursor, FieldMeta, Filter, ModelOps, Models, Value};

use crate::history::{Change, RowState, admin_history};
use crate::site::Site;
use crate::stored_files::{is_file, is_name};

/// A younger file may belong to a row that is being saved.
const YOUNGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The number of names, and of changes, that a query reads at once.
const BATCH: usize = 500;

/// Returns the command.
pub(crate) fn command() -> CommandSpec {
    let about = "[--delete]  lists files that the admin has stored and that neither a row nor the history names\n\
                 With --delete, it also deletes them. Files that were stored within the last day are left out.";
    CommandSpec::new("orphaned_files", about, run).arguments(|arguments| match arguments {
        [] | ["--delete"] => Ok(()),
        _ => Err("the only argument is --delete".to_owned()),
    })
}

/// Lists the files, and deletes them if asked to.
fn run(command: &mut Command) -> ProgramResult {
    let delete = !command.arguments().is_empty();
    command.require_migrations()?;
    let folder = command.app().media_dir();
    let mut names = stored(&folder)?;
    if !names.is_empty() {
        let site = command.state::<Arc<Site>>()?;
        let mut models: Vec<&'static dyn ModelOps> = site.models.iter().map(|model| model.ops).collect();
        models.extend(command.state::<Models>()?.iter().filter(|model| site.find(model.meta().table).is_none()));
        let mut db = command.database()?.get()?;
        remove_named_by_rows(&mut db, &models, &mut names)?;
        remove_named_by_history(&mut db, &models, &mut names)?;
    }
    let mut bytes = 0;
    for name in &names {
        let path = folder.join(name);
        bytes += fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if delete {
            fs::remove_file(&path).map_err(|error| ProgramError::new(format!("cannot delete {}: {error}", path.display())))?;
        }
        command.print(name);
    }
    let done = if delete { "deleted" } else { "found" };
    let files = if names.len() == 1 { "file" } else { "files" };
    command.print(format!("{done} {} orphaned {files} with {bytes} bytes", names.len()));
    Ok(())
}

/// Returns the names of files that the admin has stored, except new ones.
fn stored(folder: &Path) -> ProgramResult<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    if !folder.is_dir() {
        return Ok(names);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().filter(|name| is_name(name)).map(str::to_owned) else { continue };
        let metadata = entry.metadata()?;
        let age = SystemTime::now().duration_since(metadata.modified()?).unwrap_or_default();
        if metadata.is_file() && age >= YOUNGEST {
            names.insert(name);
        }
    }
    Ok(names)
}

fn file_fields(model: &dyn ModelOps) -> impl Iterator<Item = &'static FieldMeta> + use<> {
    model.meta().fields.iter().filter(|field| is_file(field))
}

/// Removes the names that a row of a model has in a field for files.
fn remove_named_by_rows(db: &mut Db, models: &[&'static dyn ModelOps], names: &mut BTreeSet<String>) -> ProgramResult {
    for model in models {
        for field in file_fields(*model) {
            let Some(at) = model.meta().position(field.column) else { continue };
            let all: Vec<String> = names.iter().cloned().collect();
            for batch in all.chunks(BATCH) {
                let mut left: BTreeSet<&String> = batch.iter().collect();
                // Several rows may have the same name, so those that were found are not looked up again.
                while !left.is_empty() {
                    let values = left.iter().map(|name| Value::Text((*name).clone())).collect();
                    let list = model.list().filter(Filter::OneOf(field, values));
                    let rows = list.page(db, &Cursor::default(), u32::try_from(BATCH).unwrap_or(u32::MAX))?.items;
                    let found: BTreeSet<&str> = rows.iter().filter_map(|row| as_text(row.get(at)?)).collect();
                    let before = left.len();
                    left.retain(|name| !found.contains(name.as_str()));
                    if left.len() == before {
                        break;
                    }
                    names.retain(|name| !found.contains(name.as_str()));
                }
            }
        }
    }
    Ok(())
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Removes the names that a row had before or after a change of the history, which can be undone.
fn remove_named_by_history(db: &mut Db, models: &[&'static dyn ModelOps], names: &mut BTreeSet<String>) -> ProgramResult {
    let with_files = models.iter().filter(|model| file_fields(**model).next().is_some());
    let tables: Vec<&str> = with_files.map(|model| model.meta().table).collect();
    let mut last = 0;
    loop {
        let changes: Vec<Change> = Change::query()
            .filter(admin_history::id.gt(last))
            .filter(admin_history::model.eq_any(&tables))
            .order(admin_history::id)
            .limit(i64::try_from(BATCH).unwrap_or(i64::MAX))
            .load(db)?;
        let Some(change) = changes.last() else { return Ok(()) };
        last = change.id;
        for state in changes.iter().flat_map(|change| [change.before.as_deref(), change.after.as_deref()]).flatten() {
            remove_named_by(state, names);
        }
    }
}

fn remove_named_by(state: &RowState, names: &mut BTreeSet<String>) {
    for text in state.values().filter_map(|value| value.as_str()) {
        names.remove(text);
    }
}
