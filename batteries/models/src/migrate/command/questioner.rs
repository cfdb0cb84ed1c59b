//! Answers from the command line and from the terminal.

use lback_core::{Error, Result};

use super::arguments::{Arguments, Rename, Value};
use super::value::parse;
use crate::migrate::{Column, Fill, Questions};

/// Asks at the terminal, and returns the answer.
pub(super) type Ask<'a> = Box<dyn FnMut(&str) -> Result<String> + 'a>;

/// Answers with the options of the command line, and asks for the rest if there is a terminal.
pub(super) struct Questioner<'a> {
    renames: Vec<(Rename, bool)>,
    values: Vec<(Value, bool)>,
    ask: Option<Ask<'a>>,
    /// Renames that could not be asked about, as options.
    unanswered: Vec<String>,
}

impl<'a> Questioner<'a> {
    pub(super) fn new(arguments: &Arguments, ask: Option<Ask<'a>>) -> Self {
        Questioner {
            renames: arguments.renames.iter().map(|rename| (rename.clone(), false)).collect(),
            values: arguments.values.iter().map(|value| (value.clone(), false)).collect(),
            ask,
            unanswered: Vec::new(),
        }
    }

    /// Returns an error that names a `--rename` that fits no change.
    pub(super) fn check_renames(&self) -> Result<()> {
        if let Some((rename, _)) = self.renames.iter().find(|(_, used)| !used) {
            let what = if rename.table.is_some() { "column" } else { "table" };
            return Err(Error::bad_request(format!(
                "{}: no such {what} was renamed. {} must be gone from the models, {} must be new, and both must be alike",
                rename.shown(),
                rename.from,
                rename.to
            )));
        }
        Ok(())
    }

    /// Returns an error that names a `--default` that no row needs.
    pub(super) fn check_values(&self) -> Result<()> {
        match self.values.iter().find(|(_, used)| !used) {
            None => Ok(()),
            Some((Value { table, column, .. }, _)) => {
                Err(Error::bad_request(format!("--default {table}.{column}: no rows need a value for this column")))
            }
        }
    }

    /// Returns a sentence with the renames that could not be asked about, to be added to an error.
    pub(super) fn rename_hint(&self) -> String {
        match self.unanswered.as_slice() {
            [] => String::new(),
            renames => format!(". If something was renamed instead, add {}", renames.join(" or ")),
        }
    }

    /// Asks a question that is answered with yes or no.
    pub(super) fn confirm(&mut self, question: &str) -> Option<Result<bool>> {
        let ask = self.ask.as_mut()?;
        Some(loop {
            match ask(&format!("{question} [y/N]")) {
                Ok(answer) => match answer.to_ascii_lowercase().as_str() {
                    "y" | "yes" => break Ok(true),
                    "" | "n" | "no" => break Ok(false),
                    _ => {}
                },
                Err(error) => break Err(error),
            }
        })
    }

    /// Returns whether the option for this rename was given, or `None` if no option is about either name.
    fn given(&mut self, is_table: impl Fn(&Rename) -> bool, from: &str, to: &str) -> Option<bool> {
        let mut about = false;
        for (rename, used) in self.renames.iter_mut().filter(|(rename, _)| is_table(rename)) {
            if rename.from == from && rename.to == to {
                *used = true;
                return Some(true);
            }
            about |= rename.from == from || rename.to == to;
        }
        about.then_some(false)
    }
}

impl Questions for Questioner<'_> {
    fn is_table_renamed(&mut self, from: &str, to: &str, are_alike: bool) -> Result<bool> {
        if let Some(given) = self.given(|rename| rename.table.is_none(), from, to) {
            return Ok(given);
        }
        if !are_alike {
            return Ok(false);
        }
        let question = format!("Was the table {from} renamed to {to}? Otherwise it is deleted with all of its rows.");
        self.confirm(&question).unwrap_or_else(|| {
            self.unanswered.push(format!("--rename {from}={to}"));
            Ok(false)
        })
    }

    fn is_column_renamed(&mut self, table: &str, from: &str, to: &str) -> Result<bool> {
        // With the old name of the table as well.
        let renamed = self.renames.iter().find(|(rename, _)| rename.table.is_none() && rename.to == table);
        let old = renamed.map(|(rename, _)| rename.from.clone());
        let is_here = |rename: &Rename| rename.table.as_deref().is_some_and(|of| of == table || old.as_deref() == Some(of));
        if let Some(given) = self.given(is_here, from, to) {
            return Ok(given);
        }
        let question = format!("Was {table}.{from} renamed to {to}? Otherwise its values are deleted.");
        self.confirm(&question).unwrap_or_else(|| {
            self.unanswered.push(format!("--rename {table}.{from}={to}"));
            Ok(false)
        })
    }

    fn fill(&mut self, table: &str, column: &Column, is_new: bool) -> Result<Fill> {
        let name = &column.name;
        if let Some((value, used)) = self.values.iter_mut().find(|(value, _)| value.table == table && value.column == *name) {
            *used = true;
            return parse(&value.text, column).map(Fill::Value).map_err(Error::bad_request);
        }
        let without = if is_new { Fill::Unknown } else { Fill::Refuse };
        let Some(ask) = &mut self.ask else { return Ok(without) };
        let question = match is_new {
            true => {
                format!("{table}.{name} must have a value, and the existing rows have none. Which one do they get? ('' is an empty text)")
            }
            false => format!(
                "{table}.{name} must have a value. Which one do the rows get that have none? (Enter alone: the migration fails if there are any)"
            ),
        };
        loop {
            let answer = ask(&question)?;
            if answer.is_empty() {
                return Ok(without);
            }
            match parse(&answer, column) {
                Ok(value) => return Ok(Fill::Value(value)),
                Err(wrong) => eprintln!("{wrong}"),
            }
        }
    }
}
