//! The command `rollback`.

use super::CommandSpec;
use crate::migrate::migrations;

pub(crate) fn command() -> CommandSpec {
    let about = "[N]  rolls back the application's newest migration, or the newest N\nThe migrations of batteries are kept.";
    CommandSpec::new("rollback", about, |command| {
        let count = command.argument(0)?.unwrap_or(1);
        let rolled_back = migrations(command.app())?.rollback(command.database()?, count)?;
        for name in &rolled_back {
            command.print(format!("rolled back {name}"));
        }
        if rolled_back.is_empty() {
            command.print("nothing to roll back");
        }
        Ok(())
    })
    .arguments(|arguments| match arguments {
        [] => Ok(()),
        [count] if count.parse().is_ok_and(|count: usize| count > 0) => Ok(()),
        [count] => Err(format!("rollback takes the number of migrations to roll back, at least 1, and not \"{count}\"")),
        _ => Err(String::new()),
    })
}
