//! E-mail addresses.

use std::borrow::Cow;

use lback_core::is_email;
use unicode_normalization::UnicodeNormalization;

/// Returns the e-mail address without surrounding spaces if its syntax is valid, by the definition that forms and mail share.
/// A domain in another script is converted to its ASCII form (IDNA, UTS 46). Only a mail can show whether the address exists.
///
/// ```
/// assert_eq!(lback::auth::check_email(" alice@example.com ").unwrap(), "alice@example.com");
/// assert_eq!(lback::auth::check_email("alice@bücher.example").unwrap(), "alice@xn--bcher-kva.example");
/// assert!(lback::auth::check_email("alice").is_err());
/// ```
///
/// # Errors
/// Returns a message for the user if the address is invalid.
pub fn check_email(address: &str) -> Result<String, &'static str> {
    let address = address.trim();
    let address = match address.rsplit_once('@') {
        Some((local, domain)) if !domain.is_ascii() => Cow::from(format!("{local}@{}", ascii_domain(domain))),
        _ => Cow::from(address),
    };
    if is_email(&address) { Ok(address.into_owned()) } else { Err("Enter an e-mail address, like alice@example.com.") }
}

/// Returns the normal form of an e-mail address: two addresses are the same if their normal forms are equal. It ignores case, and whether
/// the domain is written in its own script or in ASCII (`xn--…`). Accepts any text.
///
/// ```
/// use lback::auth::email_key;
///
/// assert_eq!(email_key("Alice@BÜCHER.example"), email_key("alice@xn--bcher-kva.example"));
/// ```
pub fn email_key(address: &str) -> String {
    let lower = |text: &str| text.nfc().collect::<String>().to_lowercase().nfc().collect::<String>();
    match address.trim().rsplit_once('@') {
        Some((local, domain)) => format!("{}@{}", lower(local), ascii_domain(domain)),
        None => lower(address.trim()),
    }
}

/// The maximum length of a domain that is converted, in bytes; DNS allows 253 in ASCII.
const LONGEST_DOMAIN: usize = 1024;

/// Returns the ASCII form of a domain, or the domain in lower case if it has no ASCII form.
fn ascii_domain(domain: &str) -> String {
    let lower = domain.to_lowercase();
    let is_plain = domain.is_ascii() && !lower.split('.').any(|label| label.starts_with("xn--"));
    if is_plain || domain.len() > LONGEST_DOMAIN {
        return lower;
    }
    idna::domain_to_ascii(domain).ok().filter(|ascii| !ascii.is_empty()).unwrap_or(lower)
}
