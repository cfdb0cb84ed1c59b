//! Where a command gets a password from. Never from its arguments, which everybody on the machine can read.

use std::io::BufRead;

use lback_core::{Error, Result};

use super::arguments::Arguments;
use super::terminal;
use crate::PasswordRules;
use crate::password::normal_form;

/// The flags that name a source.
pub(super) const PASSWORD_FLAGS: [&str; 2] = ["--password-env", "--password-stdin"];

/// Longer input is no password.
const MAX_BYTES: u64 = 64 * 1024;

pub(super) enum PasswordSource {
    Variable(String),
    Stdin,
    Terminal,
}

impl PasswordSource {
    pub(super) fn of(arguments: &mut Arguments) -> Result<Self> {
        match (arguments.value(PASSWORD_FLAGS[0]), arguments.flag(PASSWORD_FLAGS[1])) {
            (Some(_), true) => Err(Error::bad_request("--password-env and --password-stdin say the same thing; leave one out")),
            (Some(variable), false) => Ok(PasswordSource::Variable(variable)),
            (None, true) => Ok(PasswordSource::Stdin),
            (None, false) => Ok(PasswordSource::Terminal),
        }
    }

    /// May somebody be asked?
    pub(super) fn asks(&self) -> bool {
        matches!(self, PasswordSource::Terminal)
    }

    /// A password that passes the rules.
    pub(super) fn read(self, rules: &PasswordRules, personal: &[&str]) -> Result<String> {
        let check = |password: &str| match rules.check(password, personal) {
            wrong if wrong.is_empty() => Ok(()),
            wrong => Err(wrong.join(" ")),
        };
        let password = match self {
            PasswordSource::Terminal => return ask(check),
            PasswordSource::Variable(name) => std::env::var(&name)
                .map_err(|error| Error::bad_request(format!("the environment variable {name} holds no password")).with_source(error))?,
            PasswordSource::Stdin => {
                let mut line = String::new();
                let mut input = std::io::Read::take(std::io::stdin().lock(), MAX_BYTES);
                input
                    .read_line(&mut line)
                    .map_err(|error| Error::bad_request("no password can be read from the standard input").with_source(error))?;
                line.trim_end_matches(['\n', '\r']).to_owned()
            }
        };
        check(&password).map_err(Error::bad_request)?;
        Ok(password)
    }
}

/// Asks until two that are the same pass.
fn ask(check: impl Fn(&str) -> Result<(), String>) -> Result<String> {
    if !terminal::is_there() {
        return Err(Error::bad_request("nobody can be asked for a password here; write --password-env VARIABLE, or --password-stdin"));
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
