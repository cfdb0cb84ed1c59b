//! The results of the `check` command.

use lback_core::{ProgramError, ProgramResult};

/// The results of the `check` command: a line for each check.
#[derive(Debug)]
pub struct Checks {
    deploy: bool,
    found: Vec<(String, ProgramResult)>,
}

impl Checks {
    pub(crate) fn new(deploy: bool) -> Self {
        Checks { deploy, found: Vec::new() }
    }

    /// Returns whether the application is checked for deployment on a public server: `check --deploy`.
    pub fn deploy(&self) -> bool {
        self.deploy
    }

    /// Adds the result of a check. The message of an error explains how to fix the problem.
    pub fn add<E: Into<ProgramError>>(&mut self, what: impl Into<String>, result: Result<(), E>) -> &mut Self {
        self.found.push((what.into(), result.map_err(Into::into)));
        self
    }

    /// Returns a line for each check.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.found.iter().map(|(what, result)| match result {
            Ok(()) => format!("ok    {what}"),
            Err(error) => format!("FAIL  {what}: {error}"),
        })
    }

    /// # Errors
    /// Returns an error with the number of failed checks, if any check has failed.
    pub(crate) fn result(&self) -> ProgramResult {
        match self.found.iter().filter(|(_, result)| result.is_err()).count() {
            0 => Ok(()),
            failed => Err(ProgramError::new(format!("{failed} of {} checks failed", self.found.len()))),
        }
    }
}
