//! What the command `check` finds.

use lback_core::{Error, Result};

/// The findings of the command `check`: a line for everything that it looks at.
pub struct Checks {
    deploy: bool,
    found: Vec<(String, Result<()>)>,
}

impl Checks {
    pub(crate) fn new(deploy: bool) -> Self {
        Checks { deploy, found: Vec::new() }
    }

    /// Returns whether the application is checked for a public server: `check --deploy`.
    pub fn deploy(&self) -> bool {
        self.deploy
    }

    /// Adds what was looked at, and what was found. The message of an error says what to write instead.
    pub fn add(&mut self, what: impl Into<String>, result: Result<()>) -> &mut Self {
        self.found.push((what.into(), result));
        self
    }

    /// Returns a line for everything that was looked at.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.found.iter().map(|(what, result)| match result {
            Ok(()) => format!("ok    {what}"),
            Err(error) => format!("WRONG {what}: {error}"),
        })
    }

    /// # Errors
    /// If something is wrong; the message says how many checks have found something.
    pub(crate) fn result(&self) -> Result<()> {
        match self.found.iter().filter(|(_, result)| result.is_err()).count() {
            0 => Ok(()),
            wrong => Err(Error::internal(format!("{wrong} of {} checks found something wrong", self.found.len()))),
        }
    }
}
