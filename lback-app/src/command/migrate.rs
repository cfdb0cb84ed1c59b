//! The command `migrate`.

use super::CommandSpec;
use super::spec::none;
use crate::migrate::{migrate, migrations};

pub(crate) fn command() -> CommandSpec {
    let about = "applies the migrations that are pending
They are those of the framework and those of the application; showmigrations lists them.";
    CommandSpec::new("migrate", about, |command| {
        let applied = migrate(command.ready())?;
        for name in &applied {
            command.print(format!("applied {name}"));
        }
        if applied.is_empty() {
            command.print("nothing to apply");
        }
        let ready = command.ready();
        for migration in migrations(&ready.app)?.status(ready.database()?)? {
            if let Some(file) = migration.changed {
                eprintln!("warning: {file} was changed after it was applied, which changes no database; the command check says what to do");
            }
        }
        ready.hooks.migrated(&ready.app)
    })
    .arguments(none)
}
