//! What stands behind a command's name.

use lback_core::{Error, Result};

/// Flags with a value (`--username alice`, `--username=alice`), flags without, and the rest.
pub(super) struct Arguments {
    command: &'static str,
    values: Vec<(String, String)>,
    flags: Vec<String>,
    rest: Vec<String>,
}

impl Arguments {
    pub(super) fn parse(command: &'static str, arguments: &[String], valued: &[&str], plain: &[&str]) -> Result<Self> {
        let mut parsed = Arguments { command, values: Vec::new(), flags: Vec::new(), rest: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let (name, given) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (argument.as_str(), None),
            };
            if valued.contains(&name) {
                let value = given.or_else(|| arguments.next().cloned());
                let value = value.ok_or_else(|| Error::bad_request(format!("{command}: {name} wants a value behind it")))?;
                if parsed.values.iter().any(|(known, _)| known == name) {
                    return Err(Error::bad_request(format!("{command}: {name} is there twice")));
                }
                parsed.values.push((name.to_owned(), value));
            } else if plain.contains(&name) && given.is_none() {
                parsed.flags.push(name.to_owned());
            } else if name.starts_with('-') {
                let known = [valued, plain].concat().join(", ");
                let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {known}") };
                return Err(Error::bad_request(format!("{command} has no flag {name}; {known}")));
            } else {
                parsed.rest.push(argument.clone());
            }
        }
        Ok(parsed)
    }

    pub(super) fn value(&mut self, name: &str) -> Option<String> {
        let at = self.values.iter().position(|(known, _)| known == name)?;
        Some(self.values.swap_remove(at).1)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.flags.iter().any(|known| known == name)
    }

    /// The one name that the command is about.
    pub(super) fn name(&mut self) -> Result<&str> {
        self.positional(1)?;
        match self.rest.first() {
            Some(name) => Ok(name),
            None => Err(Error::bad_request(format!("{command} wants the name of a user: {command} NAME", command = self.command))),
        }
    }

    /// The name of a user, and what is to be done with it.
    pub(super) fn name_and(&self, what: &str, placeholder: &str) -> Result<(&str, &str)> {
        self.positional(2)?;
        match &self.rest[..] {
            [name, other] => Ok((name, other)),
            _ => Err(Error::bad_request(format!(
                "{command} wants the name of a user and {what}: {command} NAME {placeholder}",
                command = self.command
            ))),
        }
    }

    /// That there are not more than so many.
    pub(super) fn positional(&self, most: usize) -> Result<()> {
        match self.rest.get(most) {
            None => Ok(()),
            Some(extra) => Err(Error::bad_request(format!("{} does not take \"{extra}\"", self.command))),
        }
    }
}
