//! The sources of passwords for commands. Arguments are not among them, because all users of the machine can read them.

use std::io::BufRead;

use lback_core::{Error, Result};

use super::arguments::Arguments;
use super::terminal;
use crate::PasswordRules;
use crate::password::normal_form;

/// The options that name a source.
pub(super) const PASSWORD_FLAGS: [&str; 2] = ["--password-env", "--password-stdin"];

/// The maximum length of the input.
const MAX_BYTES: u64 = 64 * 1024;

pub(super) enum PasswordSource {
    Variable(String),
    Stdin,
    Terminal,
}

impl PasswordSource {
    pub(super) fn of(arguments: &mut Arguments) -> Result<Self> {
        match (arguments.value(PASSWORD_FLAGS[0]), arguments.flag(PASSWORD_FLAGS[1])) {
            (Some(_), true) => Err(Error::bad_request("--password-env and --password-stdin exclude each other; remove one")),
            (Some(variable), false) => Ok(PasswordSource::Variable(variable)),
            (None, true) => Ok(PasswordSource::Stdin),
            (None, false) => Ok(PasswordSource::Terminal),
        }
    }

    /// Returns whether the password is asked for at the terminal.
    pub(super) fn asks(&self) -> bool {
        matches!(self, PasswordSource::Terminal)
    }

    /// Returns a password that passes the rules.
    pub(super) fn read(self, rules: &PasswordRules, personal: &[&str]) -> Result<String> {
        let check = |password: &str| match rules.check(password, personal) {
            wrong if wrong.is_empty() => Ok(()),
            wrong => Err(wrong.join(" ")),
        };
        let password = match self {
            PasswordSource::Terminal => return ask(check),
            PasswordSource::Variable(name) => std::env::var(&name).map_err(|error| {
                Error::bad_request(format!("the password cannot be read from the environment variable {name}")).with_source(error)
            })?,
            PasswordSource::Stdin => {
                let mut line = String::new();
                let mut input = std::io::Read::take(std::io::stdin().lock(), MAX_BYTES);
                input
                    .read_line(&mut line)
                    .map_err(|error| Error::bad_request("the password cannot be read from standard input").with_source(error))?;
                line.trim_end_matches(['\n', '\r']).to_owned()
            }
        };
        check(&password).map_err(Error::bad_request)?;
        Ok(password)
    }
}

/// Asks for a password until one passes the rules and is repeated correctly.
fn ask(check: impl Fn(&str) -> Result<(), String>) -> Result<String> {
    if !terminal::is_interactive() {
        return Err(Error::bad_request("there is no terminal to ask for a password; write --password-env VARIABLE or --password-stdin"));
    }
    loop {
        let password = terminal::ask_hidden("Password: ")?;
        if let Err(wrong) = check(&password) {
            eprintln!("{wrong}");
            continue;
        }
        if normal_form(&terminal::ask_hidden("Password again: ")?) == normal_form(&password) {
            return Ok(password);
        }
        eprintln!("The passwords differ.");
    }
}
