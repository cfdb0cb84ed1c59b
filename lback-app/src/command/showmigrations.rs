//! The command `showmigrations`.

use lback_db::Applied;

use super::CommandSpec;
use super::migrate::LATE;
use super::spec::none;
use crate::migrate::migrations;

pub(crate) fn command() -> CommandSpec {
    CommandSpec::new("showmigrations", "lists the migrations; [X] marks the applied ones", |command| {
        for migration in migrations(command.app())?.status(command.database()?)? {
            command.print(match migration.state {
                Applied::Yes if migration.changed.is_some() => format!("[X] {} (edited since)", migration.name),
                Applied::Yes => format!("[X] {}", migration.name),
                Applied::No if migration.is_late => format!("[ ] {} ({LATE})", migration.name),
                Applied::No => format!("[ ] {}", migration.name),
                Applied::Unknown => format!("[X] {} (applied, but missing from the migrations folder)", migration.name),
            });
        }
        Ok(())
    })
    .arguments(none)
}
