//! User names and e-mail addresses: which ones are accepted, and the normal form in which they are compared.

mod context;
mod email;
mod letters;
#[cfg(test)]
mod tests;
mod username;

pub use email::{check_email, email_key};
pub(crate) use username::{KEY_VERSION, former_key, skeletons};
pub use username::{check_username, username_key};

/// Returns the normal form of what somebody logs in with: a user name, or an e-mail address if there is an `@` in it.
pub(crate) fn login_key(login: &str) -> String {
    if login.contains('@') { email_key(login) } else { username_key(login) }
}
