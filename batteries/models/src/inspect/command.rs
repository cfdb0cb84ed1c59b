//! The command `inspectdb`.

use lback_app::{Command, CommandSpec};
use lback_core::settings::nearest;
use lback_core::{ProgramError, ProgramResult};
use lback_db::Migrations;

use super::rust::Inspected;
use crate::Models;
use crate::migrate::{inspect, table_names};

const ABOUT: &str = "[TABLE ...]  prints models for the tables of the database
Prints the code of a model for each named table, or for each that has no model and is not the framework's. The models are `unmanaged`: remove
that, and run makemigrations --adopt TABLE, if migrations of the table are to be written from the model.";

/// Returns the command `inspectdb`.
pub(crate) fn inspectdb() -> CommandSpec {
    CommandSpec::new("inspectdb", ABOUT, |command| {
        let database = command.database()?.clone();
        let mut db = database.get()?;
        let known = table_names(&mut db)?;
        let tables = match command.arguments() {
            [] => without_models(command, known)?,
            named => {
                if let Some(missing) = named.iter().find(|name| !known.contains(name)) {
                    let names: Vec<&str> = known.iter().map(String::as_str).collect();
                    return Err(ProgramError::new(match nearest(missing, &names) {
                        Some(likely) => format!("the database has no table \"{missing}\"; did you mean {likely}?"),
                        None => format!("the database has no table \"{missing}\". It has {}", names.join(", ")),
                    }));
                }
                named.to_vec()
            }
        };
        if tables.is_empty() {
            eprintln!("every table of the database has a model, or is the framework's. Name one to see it: inspectdb TABLE");
            return Ok(());
        }
        let found = inspect(&mut db, &tables)?;
        command.print(Inspected::new(&found, db.kind().is_server()).code().trim_end());
        Ok(())
    })
    .arguments(|arguments| match arguments.iter().find(|argument| argument.starts_with('-')) {
        Some(option) => Err(format!("inspectdb has no option {option}")),
        None => Ok(()),
    })
}

/// Returns the tables that have no model and are not those of a battery.
fn without_models(command: &Command, mut tables: Vec<String>) -> ProgramResult<Vec<String>> {
    let models = command.state::<Models>()?;
    let pairs = models.iter().flat_map(|model| model.meta().many_to_many).map(|field| (field.through)().table);
    let with_models: Vec<&str> = models.iter().map(|model| model.meta().table).chain(pairs).collect();
    let of_batteries = command.state::<Migrations>()?.tables_of_batteries(command.database()?.kind())?;
    tables.retain(|name| !with_models.contains(&name.as_str()) && !of_batteries.contains(name));
    Ok(tables)
}
