//! The commands `dumpdata` and `loaddata`.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use lback_app::{Command, CommandSpec};
use lback_core::{Error, ProgramResult, Result};
use lback_db::Database;

use super::dump::dump;
use super::load::{RowFile, load};
use super::models::{DataModel, DataModels};
use crate::Models;

const DUMP: &str = "[MODEL ...]  prints the rows of models as JSON, which loaddata reads
Prints the rows of all models of the application and of its batteries, or of the named ones. A MODEL is its name or its table. Hashes of
passwords are printed as they are.

  --exclude MODEL    leaves a model out; may be given several times
  --output FILE      writes into a file, which is replaced when all rows are written
  --natural          names rows by their unique fields instead of their numbers, for files that are loaded into other databases";

const LOAD: &str = "FILE ...  inserts the rows of files of dumpdata, and updates those that exist
Rows exist if the database has their primary key or, without one in the file, their unique fields. All files are loaded in one transaction.
Rows may come in any order, and a reference may be written as {\"username\": \"alice\"}.";

/// The arguments of `dumpdata`.
#[derive(Debug, Default, PartialEq, Eq)]
struct DumpArguments {
    models: Vec<String>,
    excluded: Vec<String>,
    output: Option<PathBuf>,
    natural: bool,
}

impl DumpArguments {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut parsed = DumpArguments::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let (option, attached) = match argument.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value)),
                _ => (*argument, None),
            };
            let mut value = |example: &str| {
                let value = attached.or_else(|| arguments.next().copied()).filter(|value| !value.is_empty());
                value.map(str::to_owned).ok_or_else(|| format!("dumpdata: {option} needs a value, such as {option} {example}"))
            };
            match option {
                "--exclude" => parsed.excluded.push(value("sessions")?),
                "--output" => parsed.output = Some(value("fixtures/notes.json")?.into()),
                "--natural" if attached.is_none() => parsed.natural = true,
                _ if option.starts_with('-') => {
                    return Err(format!("dumpdata has no option {option}; its options are --exclude MODEL, --output FILE and --natural"));
                }
                _ => parsed.models.push((*argument).to_owned()),
            }
        }
        Ok(parsed)
    }

    /// Returns the models whose rows are printed.
    fn chosen(&self, models: &DataModels) -> Result<Vec<DataModel>> {
        let tables = |names: &[String]| names.iter().map(|name| Ok(models.find(name)?.meta.table)).collect::<Result<Vec<_>>>();
        let (named, excluded) = (tables(&self.models)?, tables(&self.excluded)?);
        let is_chosen = |table: &str| (named.is_empty() || named.contains(&table)) && !excluded.contains(&table);
        Ok(models.iter().filter(|model| is_chosen(model.meta.table)).collect())
    }
}

/// Returns the command `dumpdata`.
pub(crate) fn dumpdata() -> CommandSpec {
    CommandSpec::new("dumpdata", DUMP, |command| {
        let words: Vec<&str> = command.arguments().iter().map(String::as_str).collect();
        let arguments = DumpArguments::parse(&words).map_err(Error::bad_request)?;
        let models = arguments.chosen(&DataModels::of(command.state::<Models>()?))?;
        command.require_migrations()?;
        let database = command.database()?.clone();
        match &arguments.output {
            Some(path) => dump_into(&database, &models, arguments.natural, &command.app().root().join(path)),
            None => dump_out(command, &database, &models, arguments.natural),
        }
    })
    .arguments(|arguments| DumpArguments::parse(arguments).map(drop))
}

/// Prints the rows. A closed pipe, as with `head`, is not an error.
fn dump_out(command: &mut Command, database: &Database, models: &[DataModel], natural: bool) -> ProgramResult {
    let mut is_closed = false;
    let mut print = |line: &str| match command.try_print(line) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            is_closed = true;
            Err(error.into())
        }
        result => Ok(result?),
    };
    let dumped = database.read_at_length(|db| dump(db, models, natural, &mut print));
    if is_closed { Ok(()) } else { Ok(dumped?) }
}

/// Writes the rows into a file, which appears when it is complete.
fn dump_into(database: &Database, models: &[DataModel], natural: bool, path: &Path) -> ProgramResult {
    let failed = |error: std::io::Error| Error::bad_request(format!("{} cannot be written", path.display())).with_source(error);
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let staging = PathBuf::from(name);
    let write = || -> Result<()> {
        // Hashes of passwords may be in it.
        let mut file = BufWriter::new(lback_core::private_files::options().create(true).truncate(true).open(&staging).map_err(failed)?);
        database.read_at_length(|db| dump(db, models, natural, &mut |line| writeln!(file, "{line}").map_err(failed)))?;
        let file: File = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        fs::rename(&staging, path).map_err(failed)
    };
    write().map_err(|error| {
        // The first error says more.
        let _ = fs::remove_file(&staging);
        error.into()
    })
}

/// Returns the command `loaddata`.
pub(crate) fn loaddata() -> CommandSpec {
    CommandSpec::new("loaddata", LOAD, |command| {
        let models = DataModels::of(command.state::<Models>()?);
        let root = command.app().root().to_owned();
        let files: Vec<RowFile> =
            command.arguments().iter().map(|shown| RowFile { path: root.join(shown), shown: shown.clone() }).collect();
        let loaded = load(command.db()?, &models, &files)?;
        for (table, count) in &loaded {
            command.print(format!("loaded {count} {} of {table}", if *count == 1 { "row" } else { "rows" }));
        }
        if loaded.is_empty() {
            command.print("there are no rows in these files");
        }
        Ok(())
    })
    .arguments(|arguments| match arguments {
        [] => Err("loaddata needs a file, such as fixtures/notes.json".to_owned()),
        _ => match arguments.iter().find(|argument| argument.starts_with('-')) {
            Some(option) => Err(format!("loaddata has no option {option}")),
            None => Ok(()),
        },
    })
}
