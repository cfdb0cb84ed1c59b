//! The arguments of a command.

use lback_core::{Error, Result};

/// Options with a value (`--username alice`, `--username=alice`), flags, and positional arguments.
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
                let value = value.ok_or_else(|| Error::bad_request(format!("{command}: {name} needs a value")))?;
                if parsed.values.iter().any(|(known, _)| known == name) {
                    return Err(Error::bad_request(format!("{command}: {name} is given twice")));
                }
                parsed.values.push((name.to_owned(), value));
            } else if plain.contains(&name) && given.is_none() {
                parsed.flags.push(name.to_owned());
            } else if name.starts_with('-') {
                let known = [valued, plain].concat().join(", ");
                let known = if known.is_empty() { "it has no options".to_owned() } else { format!("its options are {known}") };
                return Err(Error::bad_request(format!("{command} has no option {name}; {known}")));
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

    /// Returns the name of the user, which must be the only argument.
    pub(super) fn name(&mut self) -> Result<&str> {
        self.positional(1)?;
        match self.rest.first() {
            Some(name) => Ok(name),
            None => Err(Error::bad_request(format!("{command} needs the name of a user: {command} NAME", command = self.command))),
        }
    }

    /// Returns the only argument, if there is one.
    pub(super) fn optional(&self) -> Result<Option<&str>> {
        self.positional(1)?;
        Ok(self.rest.first().map(String::as_str))
    }

    /// Returns the name of the user and a second argument.
    pub(super) fn name_and(&self, what: &str, placeholder: &str) -> Result<(&str, &str)> {
        self.positional(2)?;
        match &self.rest[..] {
            [name, other] => Ok((name, other)),
            _ => Err(Error::bad_request(format!(
                "{command} needs the name of a user and {what}: {command} NAME {placeholder}",
                command = self.command
            ))),
        }
    }

    /// Returns an error if there are more than `limit` positional arguments.
    pub(super) fn positional(&self, limit: usize) -> Result<()> {
        match self.rest.get(limit) {
            None => Ok(()),
            Some(extra) => Err(Error::bad_request(format!("{}: unexpected argument \"{extra}\"", self.command))),
        }
    }
}
