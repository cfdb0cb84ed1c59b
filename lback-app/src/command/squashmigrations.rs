//! The command `squashmigrations`.

use lback_core::ProgramError;
use lback_db::Squashed;

use super::{Command, CommandSpec};
use crate::migrate::migrations;

pub(crate) fn command() -> CommandSpec {
    let about = "[FROM] TO  writes one migration in the place of several
It has the SQL of the application's migrations from FROM, or from the first one, to TO. Databases that have applied all of them record it
as applied; new databases apply it instead of them. The beginnings of the names are enough.

  --name NAME   the name of the migration; the default is squashed";
    CommandSpec::new("squashmigrations", about, |command| {
        let arguments = command.arguments().to_vec();
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let Arguments { from, to, name } = Arguments::parse(&words).map_err(ProgramError::usage)?;
        let written = migrations(command.app())?.squash(from, to, name)?;
        print(command, &written);
        Ok(())
    })
    .arguments(|arguments| Arguments::parse(arguments).map(drop))
}

struct Arguments<'a> {
    from: Option<&'a str>,
    to: &'a str,
    name: &'a str,
}

impl<'a> Arguments<'a> {
    fn parse(arguments: &[&'a str]) -> Result<Self, String> {
        let (mut name, mut targets) = ("squashed", Vec::new());
        let mut rest = arguments.iter();
        while let Some(&argument) = rest.next() {
            if let Some(given) = argument.strip_prefix("--name=") {
                name = given;
            } else if argument == "--name" {
                name = rest.next().copied().unwrap_or_default();
            } else if argument.starts_with('-') {
                return Err(format!("squashmigrations has no option {argument}; its only option is --name NAME"));
            } else {
                targets.push(argument);
            }
        }
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            return Err(format!(
                "\"{name}\" cannot be the name of a migration. Use lower-case letters, digits and underscores: --name initial"
            ));
        }
        match *targets.as_slice() {
            [to] => Ok(Arguments { from: None, to, name }),
            [from, to] => Ok(Arguments { from: Some(from), to, name }),
            _ => {
                Err("squashmigrations takes the last migration to squash, or the first and the last one; showmigrations lists them"
                    .to_owned())
            }
        }
    }
}

fn print(command: &mut Command, written: &[Squashed]) {
    for Squashed { folder, replaces, functions, without_down, .. } in written {
        let shown = folder.strip_prefix(command.app().root()).unwrap_or(folder).display().to_string();
        command.print(format!("Created {shown}/up.sql, down.sql and metadata.toml, in the place of {}", replaces.join(", ")));
        if !functions.is_empty() {
            command.print(format!(
                "It runs {}. Remove these lines from up.sql now if a new database does not need what they do.",
                functions.join(", ")
            ));
        }
        if !without_down.is_empty() {
            command.print(format!("It cannot be rolled back, since there is no down.sql of {}.", without_down.join(", ")));
        }
    }
    command.print("Look at the SQL, and run: lback check. Delete the old folders when every database has applied them.");
}
