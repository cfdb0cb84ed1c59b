//! The command `sqlmigrate`.

use lback_core::ProgramError;
use lback_db::Kind;

use super::CommandSpec;
use crate::migrate::migrations;

pub(crate) fn command() -> CommandSpec {
    let about = "NAME  prints the SQL of a migration
The beginning of its name is enough. The SQL is that for the database in the settings.

  --down       prints the SQL that undoes it
  --sqlite     prints the SQL for SQLite
  --postgres   prints the SQL for PostgreSQL";
    CommandSpec::new("sqlmigrate", about, |command| {
        let arguments = command.arguments();
        let down = arguments.iter().any(|argument| argument == "--down");
        let database = arguments.iter().find_map(|argument| argument.strip_prefix("--").filter(|option| *option != "down"));
        let kind = match database {
            None => command.database()?.kind(),
            Some(name) => Kind::ALL.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| {
                ProgramError::new(format!("this program was built without {name}; add the feature {name} of lback to Cargo.toml"))
            })?,
        };
        let name = arguments.iter().find(|argument| !argument.starts_with('-')).map_or("", String::as_str);
        let sql = migrations(command.app())?.sql(kind, name, down)?;
        command.print(sql.trim_end());
        Ok(())
    })
    .arguments(|arguments| {
        let (options, names): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|argument| argument.starts_with('-'));
        match options.iter().find(|option| !["--down", "--sqlite", "--postgres"].contains(option)) {
            Some(option) => Err(format!("sqlmigrate has no option {option}; its options are --down, --sqlite and --postgres")),
            None if names.len() != 1 => Err("sqlmigrate takes the name of one migration; showmigrations lists them".to_owned()),
            None => Ok(()),
        }
    })
}
