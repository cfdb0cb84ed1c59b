//! The command `migrate`.

use super::CommandSpec;
use super::spec::none;
use crate::migrate::{migrate, migrations};

pub(crate) fn command() -> CommandSpec {
    let about = "applies pending migrations
These are the migrations of the application and of its batteries; showmigrations lists them.";
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
                eprintln!("warning: {file} was edited after it was applied, which has no effect on the database; run check for what to do");
            }
        }
        ready.hooks.migrated(&ready.app)
    })
    .arguments(none)
}
