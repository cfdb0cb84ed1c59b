//! Mail addresses.

use std::fmt;

use lback_core::{Error, Result, is_email};
use serde::{Deserialize, Serialize};

/// An address, with or without a name. Made from `"alice@example.com"`, `"Alice <alice@example.com>"` or
/// `("Alice", "alice@example.com")`; checked when the mail is sent.
///
/// One text is always one address: a visitor who types commas adds no recipients.
///
/// ```
/// use lback::mail::MailAddress;
///
/// let alice = MailAddress::from(("Müller, Alice", "alice@example.com"));
/// assert_eq!(alice.email, "alice@example.com");
/// assert_eq!(MailAddress::from("Alice <alice@example.com>").name.as_deref(), Some("Alice"));
/// assert_eq!(MailAddress::from("alice@example.com"), *"alice@example.com");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailAddress {
    /// The display name.
    pub name: Option<String>,
    /// The address itself.
    pub email: String,
}

impl MailAddress {
    /// Refuses an invalid address, and a name that would break out of its header.
    pub(crate) fn check(&self) -> Result<()> {
        let email = &self.email;
        if !is_email(email) {
            let mut remedy = "write one like alice@example.com";
            if email.split_once('@').is_some_and(|(local, domain)| local.is_ascii() && !domain.is_ascii()) {
                remedy = "write the domain in its ASCII form, xn--…";
            }
            return Err(Error::bad_request(format!("{email:?} is not a mail address; {remedy}")));
        }
        match &self.name {
            Some(name) if name.contains(char::is_control) => {
                Err(Error::bad_request(format!("the name {name:?} of {email} contains a line break or another control character")))
            }
            _ => Ok(()),
        }
    }

    /// Returns the part after the `@`.
    pub(crate) fn domain(&self) -> &str {
        self.email.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
    }
}

impl From<&str> for MailAddress {
    fn from(text: &str) -> Self {
        let text = text.trim();
        let Some((name, email)) = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) else {
            return MailAddress { name: None, email: text.to_owned() };
        };
        let name = name.trim();
        let unquoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        MailAddress { name: Some(unquoted.to_owned()).filter(|name| !name.is_empty()), email: email.trim().to_owned() }
    }
}

impl From<String> for MailAddress {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for MailAddress {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl<N: Into<String>, E: Into<String>> From<(N, E)> for MailAddress {
    fn from((name, email): (N, E)) -> Self {
        MailAddress { name: Some(name.into()), email: email.into() }
    }
}

/// `Alice <alice@example.com>`.
impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.email),
            None => f.write_str(&self.email),
        }
    }
}

/// Compares with the text that it displays.
impl PartialEq<str> for MailAddress {
    fn eq(&self, text: &str) -> bool {
        match &self.name {
            None => self.email == text,
            Some(name) => {
                let email =
                    text.strip_prefix(name.as_str()).and_then(|text| text.strip_prefix(" <")).and_then(|text| text.strip_suffix('>'));
                email == Some(self.email.as_str())
            }
        }
    }
}

impl PartialEq<&str> for MailAddress {
    fn eq(&self, text: &&str) -> bool {
        *self == **text
    }
}
