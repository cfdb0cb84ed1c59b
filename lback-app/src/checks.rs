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

    /// Prints the findings.
    ///
    /// # Errors
    /// If something is wrong; the message says how many checks have found something.
    pub(crate) fn report(&self) -> Result<()> {
        let mut wrong = 0;
        for (what, result) in &self.found {
            match result {
                Ok(()) => println!("ok    {what}"),
                Err(error) => {
                    wrong += 1;
                    println!("WRONG {what}: {error}");
                }
            }
        }
        match wrong {
            0 => Ok(()),
            _ => Err(Error::internal(format!("{wrong} of {} checks found something wrong", self.found.len()))),
        }
    }
}
