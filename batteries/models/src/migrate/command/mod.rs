//! The command `makemigrations`.

mod add_database;
mod arguments;
mod by_hand;
mod files;
mod folders;
mod make;
mod merge;
mod questioner;
mod terminal;
mod value;

pub use add_database::AddDatabase;
pub use make::Make;

use lback_app::CommandSpec;
use lback_db::Migrations;

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
  --merge                 after the merge of two branches: brings models.json to what their migrations make together
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
            migrations: app.state::<Migrations>(),
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

/// Returns the command `adddatabase`.
pub fn adddatabase() -> CommandSpec {
    let about = "DATABASE  writes the migrations for another database: sqlite or postgres
Moves the existing ones into a folder for their database, and creates the migration with the tables of the models for the other one.
`lback adddatabase` does the same, and changes Cargo.toml and the settings.";
    CommandSpec::new("adddatabase", about, |command| {
        let named = command.argument::<String>(0)?.unwrap_or_default();
        let dialect = Dialect::of(command.database()?.kind());
        let added = Dialect::ALL.into_iter().find(|dialect| dialect.name() == named).unwrap_or(dialect);
        let (app, now) = (command.app().clone(), command.now());
        let folder = app.root().join("migrations");
        Ok(AddDatabase { folder: &folder, dialect, added, now, print: &mut |line| command.print(line) }.run()?)
    })
    .arguments(|arguments| match arguments {
        [name] if Dialect::ALL.iter().any(|dialect| dialect.name() == *name) => Ok(()),
        _ => Err("adddatabase needs the database that is added: sqlite or postgres".to_owned()),
    })
}
