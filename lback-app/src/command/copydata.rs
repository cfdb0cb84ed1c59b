//! The command `copydata`.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use lback_core::{ProgramError, ProgramResult, Secret};
use lback_db::{CopyData, CopyProgress, Database, DbSettings};

use super::{Command, CommandSpec};
use crate::migrate::migrations;

const ABOUT: &str = "SOURCE TARGET  copies all rows of one database into another, such as from SQLite to PostgreSQL
SOURCE and TARGET are addresses as in DATABASE_URL, or the names of settings or environment variables with such an address, so that no
password is on the command line: copydata sqlite:db.sqlite DATABASE_URL. A target without tables gets them from the migrations. Stop the
application first. If the command is interrupted, start it again without --replace: it continues after the last rows that were copied.

  --replace   deletes the rows of the target first";

/// The option that deletes the rows of the target.
const REPLACE: &str = "--replace";

pub(crate) fn command() -> CommandSpec {
    CommandSpec::new("copydata", ABOUT, |command| {
        let places: Vec<String> = command.arguments().iter().filter(|argument| *argument != REPLACE).cloned().collect();
        let replaces = places.len() < command.arguments().len();
        let [source, target] = places.as_slice() else { return Err(ProgramError::new("copydata needs a source and a target")) };
        let (source, target) = (open(command, source, true)?, open(command, target, false)?);
        let app = command.app().clone();
        let copy = CopyData::new(&source, &target, migrations(&app)?);
        let copy = if replaces { copy.replace() } else { copy };
        let mut lines = Lines { is_terminal: stderr().is_terminal(), tables: 0, rows: 0, shown: Instant::now() };
        let copied = copy.run(&mut |progress| lines.show(command, progress));
        lines.clear();
        let left_out = copied?;
        command.print(format!("copied {} of {} tables", rows(lines.rows), lines.tables));
        if let Some(one) = left_out.first() {
            command.print(format!(
                "virtual tables of SQLite are not copied: {}. Fill those of the target; with FTS5, an index of another table is filled by \
                 INSERT INTO {one} ({one}) VALUES ('rebuild')",
                left_out.join(", ")
            ));
        }
        Ok(())
    })
    .arguments(|arguments| {
        let places = arguments.iter().filter(|argument| **argument != REPLACE).count();
        match arguments.iter().find(|argument| argument.starts_with('-') && **argument != REPLACE) {
            Some(option) => Err(format!("copydata has no option {option}; its option is {REPLACE}")),
            None if places == 2 => Ok(()),
            None => Err("copydata needs a source and a target: copydata sqlite:db.sqlite DATABASE_URL".to_owned()),
        }
    })
}

/// Opens the database with an address, or with the one in the setting of this name. A source must exist.
fn open(command: &Command, place: &str, is_source: bool) -> ProgramResult<Database> {
    let url = match place.contains(':') {
        true => place.to_owned(),
        false => command.settings().value::<String>(place)?.ok_or_else(|| {
            ProgramError::new(format!(
                "{place} is neither an address, such as sqlite:db.sqlite, nor the name of a setting or an environment variable with one"
            ))
        })?,
    };
    let root = command.app().root();
    if is_source && let Some(path) = url.strip_prefix("sqlite:") {
        let path = root.join(path.strip_prefix("//").unwrap_or(path));
        // Otherwise, it would be created.
        if !path.is_file() {
            return Err(ProgramError::new(format!("the source, {}, does not exist", path.display())));
        }
    }
    let settings = DbSettings { database_url: Secret::new(url), ..command.settings().section()? };
    Ok(Database::open(&settings, root)?)
}

fn rows(count: u64) -> String {
    format!("{count} {}", if count == 1 { "row" } else { "rows" })
}

/// Shows how far a copy is: with a bar at a terminal, with a line every few seconds otherwise, and with a line for each table.
struct Lines {
    is_terminal: bool,
    tables: usize,
    rows: u64,
    shown: Instant,
}

/// The time between lines about one table.
const PAUSE: Duration = Duration::from_secs(10);

impl Lines {
    fn show(&mut self, command: &mut Command, progress: &CopyProgress<'_>) {
        let CopyProgress { table, copied, total, before, time, .. } = *progress;
        let speed = (copied.saturating_sub(before) as f64 / time.as_secs_f64().max(0.001)) as u64;
        let percent = (copied * 100).checked_div(total).unwrap_or(100).min(100);
        let so_far = format!("{percent} %, {copied} of {total} rows, {speed} rows/s");
        if progress.is_done {
            self.clear();
            self.tables += 1;
            self.rows += copied;
            // The speed of a short copy says nothing.
            let speed = if time.as_secs() > 0 { format!(" ({speed} rows/s)") } else { String::new() };
            command.print(format!("{table}: {}{speed}", rows(copied)));
        } else if self.is_terminal {
            let full = "#".repeat(usize::try_from(percent).unwrap_or(0) * WIDTH / 100);
            drop(write!(stderr(), "\r{table}: [{full:<WIDTH$}] {so_far}\x1b[K"));
        } else if self.shown.elapsed() >= PAUSE {
            self.shown = Instant::now();
            command.print(format!("{table}: {so_far}"));
        }
    }

    /// Removes the bar.
    fn clear(&self) {
        if self.is_terminal {
            drop(write!(stderr(), "\r\x1b[K"));
        }
    }
}

/// The width of the bar.
const WIDTH: usize = 30;
