//! Rust functions that migrations run.

use std::fmt;

use lback_core::{Error, Result};

use super::directives::{Directive, directives};
use super::statements::statements;
use crate::Db;

type Function = Box<dyn Fn(&mut Db) -> Result<()> + Send + Sync>;

/// The registered functions, by their names.
#[derive(Default)]
pub(super) struct Functions(Vec<(&'static str, Function)>);

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Functions {
    pub(super) fn add(&mut self, name: &'static str, function: impl Fn(&mut Db) -> Result<()> + Send + Sync + 'static) {
        self.0.push((name, Box::new(function)));
    }

    /// Returns the function that the line at `place` names.
    ///
    /// # Errors
    /// Returns an error that says how to register it.
    pub(super) fn get(&self, name: &str, place: &str) -> Result<&Function> {
        if let Some((_, function)) = self.0.iter().find(|(known, _)| *known == name) {
            return Ok(function);
        }
        let known: Vec<&str> = self.0.iter().map(|(known, _)| *known).collect();
        let hint = match lback_core::settings::nearest(name, &known) {
            Some(known) => format!("Did you mean {known}? Otherwise, add it"),
            None => "Add it".to_owned(),
        };
        Err(Error::internal(format!(
            "{place}: there is no function {name}. {hint} to the application: App::new(…).data_migration(\"{name}\", {name}), with \
             fn {name}(db: &mut Db) -> Result<()>"
        )))
    }

    /// Checks that every function that the SQL of the file `place` runs is registered.
    pub(super) fn check(&self, sql: &str, place: &str, kind: crate::Kind) -> Result<()> {
        for placed in directives(sql, &statements(sql, kind)) {
            if let Directive::Run(name) = placed.directive {
                self.get(name, &format!("{place}:{}", placed.line))?;
            }
        }
        Ok(())
    }
}
