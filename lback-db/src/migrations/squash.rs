//! One migration in the place of several.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lback_core::{Error, Result};

use super::directives::{Directive, PREFIX};
use super::migration::Migration;
use super::source::{all_folders, directly_in};
use super::{Migrations, in_order, plan};

/// A migration that [`Migrations::squash`] has written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Squashed {
    /// Its folder.
    pub folder: PathBuf,
    /// The names of the migrations that it replaces.
    pub replaces: Vec<String>,
    /// The names of the functions that it runs.
    pub functions: Vec<String>,
    /// The migrations without a `down.sql`. If there is one, the squashed migration cannot be undone.
    pub without_down: Vec<String>,
}

/// The texts of a squashed migration.
struct Texts {
    up: String,
    down: String,
    metadata: String,
}

impl Migrations {
    /// Writes a migration with the SQL of all migrations of the application from `from`, or from the first one, to `to`, for each
    /// database that has a folder. A database that has applied all of them records the new one as applied; one that has applied none
    /// applies the new one.
    ///
    /// The migrations are named by their names, or by beginnings that no other ones have. `name` is the name of the new one.
    ///
    /// # Errors
    /// Returns an error, and writes nothing, if a migration is unknown, runs without a transaction, has no SQL yet or is squashed
    /// itself, if there are fewer than two, or if a file cannot be written.
    pub fn squash(&self, from: Option<&str>, to: &str, name: &str) -> Result<Vec<Squashed>> {
        let Some(folder) = self.folder.as_deref().filter(|folder| folder.is_dir()) else {
            return Err(Error::bad_request("there is no folder of migrations. Squash them in the project's folder, with a debug build"));
        };
        let mut all = Vec::new();
        for folder in all_folders(folder) {
            let migrations = in_order(directly_in(&folder)?.migrations)?;
            all.push((folder, migrations));
        }
        let mut names: Vec<&Migration> = Vec::new();
        for migration in all.iter().flat_map(|(_, migrations)| migrations) {
            if names.iter().all(|known| known.name != migration.name) {
                names.push(migration);
            }
        }
        names.sort_by(|one, other| one.version.cmp(&other.version));
        let to = plan::find(&names, to, "")?;
        let from = from.map(|from| plan::find(&names, from, "")).transpose()?.or(names.first().copied()).unwrap_or(to);
        if from.version >= to.version {
            return Err(Error::bad_request(format!("there is nothing to squash: {} is not before {}", from.name, to.name)));
        }
        let version = to.name.split('_').next().unwrap_or_default();
        // Sorts after the migrations that it replaces, and before all later ones.
        let name = format!("{version}s_{name}");
        let mut squashed = Vec::new();
        for (folder, migrations) in &all {
            let range = from.version.as_str()..=to.version.as_str();
            let parts: Vec<&Migration> = migrations.iter().filter(|one| range.contains(&one.version.as_str())).collect();
            if !parts.is_empty() {
                parts.iter().try_for_each(|part| check(part))?;
                squashed.push((describe(folder.join(&name), &parts), texts(&parts)));
            }
        }
        if let Some((existing, _)) = squashed.iter().find(|(one, _)| one.folder.exists()) {
            return Err(Error::bad_request(format!("{} exists already. Choose another name with --name", existing.folder.display())));
        }
        write(&squashed)?;
        Ok(squashed.into_iter().map(|(one, _)| one).collect())
    }
}

/// Checks that a migration can be a part of a squashed one.
fn check(part: &Migration) -> Result<()> {
    let Migration { name, place, .. } = part;
    let problem = if !part.in_transaction {
        format!(
            "{name} runs without a transaction, and a squashed migration runs in one. Squash the migrations before it and those after it"
        )
    } else if !part.replaces.is_empty() {
        format!("{name} is squashed itself. Squash the migrations after it")
    } else if part.is_draft() || part.up.lines().all(|line| line.trim().is_empty() || is_plain_comment(line)) {
        format!("{name} is not finished: {place}. Write its SQL first")
    } else {
        return Ok(());
    };
    Err(Error::bad_request(problem))
}

fn is_plain_comment(line: &str) -> bool {
    line.trim_start().starts_with("--") && function(line).is_none()
}

/// Returns the name of the function that a line runs.
fn function(line: &str) -> Option<&str> {
    match Directive::parse(line.strip_prefix(PREFIX)?)? {
        Directive::Run(name) => Some(name),
        _ => None,
    }
}

fn describe(folder: PathBuf, parts: &[&Migration]) -> Squashed {
    let names = |fits: fn(&Migration) -> bool| parts.iter().filter(|part| fits(part)).map(|part| part.name.clone()).collect();
    Squashed {
        folder,
        replaces: names(|_| true),
        functions: parts.iter().flat_map(|part| part.up.lines().filter_map(function)).map(str::to_owned).collect(),
        without_down: names(|part| part.down_sql().is_none()),
    }
}

fn texts(parts: &[&Migration]) -> Texts {
    let up = parts.iter().map(|part| section(&part.name, &part.up)).collect();
    let down: Option<String> = parts.iter().rev().map(|part| Some(section(&part.name, part.down_sql()?))).collect();
    let replaces: String = parts.iter().map(|part| format!("    \"{}\",\n", part.name)).collect();
    Texts { up, down: down.unwrap_or_default(), metadata: format!("replaces = [\n{replaces}]\n") }
}

/// Returns the SQL of one migration as a part of the whole.
fn section(name: &str, sql: &str) -> String {
    let sql = sql.trim_start_matches('\u{feff}').trim();
    // On a line of its own, since a comment may be at the end.
    let end = if sql.ends_with(';') { "" } else { "\n;" };
    let rebuilt = if sql.lines().any(|line| line.starts_with("-- lback: rebuild ")) { "-- lback: rebuilt\n" } else { "" };
    format!("-- {name}\n{sql}{end}\n{rebuilt}\n")
}

/// Writes all of them or none.
fn write(all: &[(Squashed, Texts)]) -> Result<()> {
    for (number, (one, texts)) in all.iter().enumerate() {
        if let Err(error) = write_one(&one.folder, texts) {
            for (written, _) in &all[..number] {
                // What cannot be removed cannot be reported any more.
                let _ = fs::remove_dir_all(&written.folder);
            }
            return Err(Error::internal(format!("{} cannot be created", one.folder.display())).with_source(error));
        }
    }
    Ok(())
}

fn write_one(folder: &Path, texts: &Texts) -> io::Result<()> {
    // A folder that begins with a dot is not a migration, and a development server may be watching.
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let staging = folder.with_file_name(format!(".{name}"));
    fs::create_dir(&staging)?;
    let files = [("up.sql", &texts.up), ("down.sql", &texts.down), ("metadata.toml", &texts.metadata)];
    let written = files.iter().try_for_each(|(file, text)| fs::write(staging.join(file), text)).and_then(|()| fs::rename(&staging, folder));
    if written.is_err() {
        // The first error says more.
        let _ = fs::remove_dir_all(&staging);
    }
    written
}
