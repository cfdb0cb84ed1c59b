//! The command `rollback`.

use super::CommandSpec;
use crate::migrate::migrations;

pub(crate) fn command() -> CommandSpec {
    let about = "[N]  undoes the newest of the application's migrations, or the newest N\nThose of the framework stay.";
    CommandSpec::new("rollback", about, |command| {
        let count = command.argument(0)?.unwrap_or(1);
        let undone = migrations(command.app())?.rollback(command.database()?, count)?;
        for name in &undone {
            command.print(format!("undid {name}"));
        }
        if undone.is_empty() {
            command.print("nothing to undo");
        }
        Ok(())
    })
    .arguments(|arguments| match arguments {
        [] => Ok(()),
        [count] if count.parse().is_ok_and(|count: usize| count > 0) => Ok(()),
        [count] => Err(format!("rollback takes how many migrations to undo, a number above zero, and not \"{count}\"")),
        _ => Err(String::new()),
    })
}
