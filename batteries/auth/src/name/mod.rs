//! User names and e-mail addresses: their rules, and the normal forms in which they are compared.

mod context;
mod email;
mod letters;
#[cfg(test)]
mod tests;
mod username;

pub use email::{check_email, email_key};
pub(crate) use username::{KEY_VERSION, former_key, skeletons};
pub use username::{check_username, username_key};

/// Returns the normal form of a login name: a user name, or an e-mail address if it contains `@`.
pub(crate) fn login_key(login: &str) -> String {
    if login.contains('@') { email_key(login) } else { username_key(login) }
}
