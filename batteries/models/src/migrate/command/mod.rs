//! The command `makemigrations`.

mod arguments;
mod files;
mod folders;
mod make;
mod questioner;
mod terminal;
mod value;

pub use make::Make;

use lback_app::CommandSpec;

use self::arguments::Arguments;
use super::{Dialect, Schema};
use crate::Models;

/// What `help` and `--help` show.
const ABOUT: &str = "[NAME]  creates the migration that brings the tables up to date with the models
Compares the models with migrations/models.json, and writes up.sql and down.sql for each database of the project. Look at them before
they are applied. NAME is the name of the migration; without it, the changes give one.

  --empty                 creates a migration without SQL, to be filled by hand
  --dry-run               prints the SQL and writes nothing
  --check                 fails if there are changes without a migration, and writes nothing
  --adopt TABLE           a table of a model that exists already, and was not created by a migration of the model
  --rename TABLE=NEW      a table that was renamed
  --rename TABLE.COLUMN=NEW   a column that was renamed
  --default TABLE.COLUMN=VALUE   the value of existing rows in a column that must have one
  --allow-data-loss       deletes tables and columns that have no model or field any more, without asking
  --concurrently          keeps large tables writable on PostgreSQL, with a second migration for indexes and validation
  --no-input              asks nothing, and fails if something must be known";

/// Returns the command `makemigrations`.
pub fn makemigrations() -> CommandSpec {
    CommandSpec::new("makemigrations", ABOUT, |command| {
        let models = Schema::of(command.state::<Models>()?.iter().map(|model| model.meta()));
        let database = command.database()?.clone();
        let (app, now, arguments) = (command.app().clone(), command.now(), command.arguments().to_vec());
        let make = Make {
            models: &models,
            folder: &app.root().join("migrations"),
            dialect: Dialect::of(database.kind()),
            database: Some(&database),
            now,
            arguments: &arguments,
            ask: terminal::is_interactive().then(|| Box::new(terminal::ask) as _),
            print: &mut |line| command.print(line),
        };
        Ok(make.run()?)
    })
    .arguments(|arguments| {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Arguments::parse(&arguments).map(drop)
    })
}
