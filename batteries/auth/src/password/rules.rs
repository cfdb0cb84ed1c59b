//! What a new password is held to.

use super::common_passwords::is_common;
use super::normal_form::normal_form;
use crate::{AuthSettings, PasswordRule};

/// More than anybody remembers; hashing has its own limit.
pub(crate) const MAX_LENGTH: usize = 1000;

/// What a new password is held to.
///
/// ```
/// use lback_auth::{AuthSettings, PasswordRules};
///
/// let rules = PasswordRules::new(&AuthSettings::default());
/// assert_eq!(rules.check("12345", &[]).len(), 3);
/// assert_eq!(rules.check("alice-smith", &["Alice.Smith@example.com"]), ["The password is too similar to your name or e-mail address."]);
/// assert!(rules.check("correct horse battery staple", &["alice"]).is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct PasswordRules {
    rules: Vec<PasswordRule>,
    min_length: usize,
}

impl PasswordRules {
    /// Those in the settings.
    pub fn new(settings: &AuthSettings) -> Self {
        PasswordRules { rules: settings.auth_password_rules.clone(), min_length: settings.auth_password_min_length }
    }

    /// What is wrong with the password of somebody of whom this is known (name, e-mail address), in their words. Nothing, if
    /// it may be used. Its characters are counted in its normal form, in which it is hashed.
    pub fn check(&self, password: &str, personal: &[&str]) -> Vec<String> {
        let mut wrong = Vec::new();
        let password = &*normal_form(password);
        if password.is_empty() {
            return vec!["Enter a password.".to_owned()];
        }
        if password.chars().count() > MAX_LENGTH {
            return vec![format!("The password has more than {MAX_LENGTH} characters.")];
        }
        if password.contains(char::is_control) {
            return vec!["The password has a character in it that nobody can type.".to_owned()];
        }
        for rule in &self.rules {
            wrong.extend(match rule {
                PasswordRule::Length if password.chars().count() < self.min_length => {
                    Some(format!("The password is too short: it needs at least {} characters.", self.min_length))
                }
                PasswordRule::Common if is_common(password) => Some("The password is one of those that everybody tries first.".to_owned()),
                PasswordRule::Similar if is_similar(password, personal) => {
                    Some("The password is too similar to your name or e-mail address.".to_owned())
                }
                PasswordRule::Numeric if password.chars().all(char::is_numeric) => Some("The password is made of digits only.".to_owned()),
                _ => None,
            });
        }
        wrong
    }

    /// The rules as a person reads them before they choose.
    pub fn describe(&self) -> Vec<String> {
        let describe = |rule: &PasswordRule| match rule {
            PasswordRule::Length => format!("at least {} characters long", self.min_length),
            PasswordRule::Common => "none of those that everybody tries first".to_owned(),
            PasswordRule::Similar => "not similar to your name or e-mail address".to_owned(),
            PasswordRule::Numeric => "not only digits".to_owned(),
        };
        self.rules.iter().map(describe).collect()
    }
}

/// How alike is too much, from 0 to 1.
const TOO_SIMILAR: f64 = 0.7;

/// Shorter parts stand in many passwords by chance.
const SHORTEST: usize = 4;

/// Of longer names and addresses only the beginning is compared: what a program hands over may be of any length.
const LONGEST: usize = 254;

fn is_similar(password: &str, personal: &[&str]) -> bool {
    let password = password.to_lowercase();
    let parts = |text: &&str| -> Vec<String> {
        let text = normal_form(&text.chars().take(LONGEST).collect::<String>()).to_lowercase();
        let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
        let local = text.split('@').next().unwrap_or_default().to_owned();
        words.chain([local, text.clone()]).filter(|part| part.chars().count() >= SHORTEST).collect()
    };
    personal.iter().flat_map(parts).any(|part| {
        // A part that is most of the password, or a password that is most of the part. What is far longer cannot be alike,
        // and comparing it would take its time.
        let (shorter, longer) = if part.len() < password.len() { (&part, &password) } else { (&password, &part) };
        let share = shorter.chars().count() as f64 / longer.chars().count().max(1) as f64;
        share > 0.3
            && (strsim::normalized_levenshtein(&password, &part) >= TOO_SIMILAR || (longer.contains(shorter.as_str()) && share >= 0.5))
    })
}
