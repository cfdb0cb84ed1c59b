//! The rules for new passwords.

use super::common_passwords::is_common;
use super::normal_form::normal_form;
use crate::{AuthSettings, PasswordRule};

/// The maximum length of a new password, in characters. Hashing has a limit of its own.
pub(crate) const MAX_LENGTH: usize = 1000;

/// The rules for new passwords.
///
/// ```
/// use lback::auth::{AuthSettings, PasswordRules};
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
    /// Returns the rules in the settings.
    pub fn new(settings: &AuthSettings) -> Self {
        PasswordRules { rules: settings.auth_password_rules.clone(), min_length: settings.auth_password_min_length }
    }

    /// Returns the rules that a password violates, as messages for the user; an empty list means that it is accepted. `personal` contains
    /// the user's name and e-mail address. Characters are counted in the normal form in which the password is hashed.
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
            return vec!["The password contains a control character.".to_owned()];
        }
        for rule in &self.rules {
            wrong.extend(match rule {
                PasswordRule::Length if password.chars().count() < self.min_length => {
                    Some(format!("The password is too short: it needs at least {} characters.", self.min_length))
                }
                PasswordRule::Common if is_common(password) => Some("The password is too common.".to_owned()),
                PasswordRule::Similar if is_similar(password, personal) => {
                    Some("The password is too similar to your name or e-mail address.".to_owned())
                }
                PasswordRule::Numeric if password.chars().all(char::is_numeric) => Some("The password consists of digits only.".to_owned()),
                _ => None,
            });
        }
        wrong
    }

    /// Returns the rules in words, to show next to the password field.
    pub fn describe(&self) -> Vec<String> {
        let describe = |rule: &PasswordRule| match rule {
            PasswordRule::Length => format!("at least {} characters long", self.min_length),
            PasswordRule::Common => "not a common password".to_owned(),
            PasswordRule::Similar => "not similar to your name or e-mail address".to_owned(),
            PasswordRule::Numeric => "not only digits".to_owned(),
        };
        self.rules.iter().map(describe).collect()
    }
}

/// The similarity above which a password is refused, from 0 to 1.
const TOO_SIMILAR: f64 = 0.7;

/// The minimum length of a part that is compared. Many passwords contain shorter ones by chance.
const MIN_PART: usize = 4;

/// The number of characters of a name or an address that are compared, because a program may pass a text of any length.
const MAX_PERSONAL: usize = 254;

fn is_similar(password: &str, personal: &[&str]) -> bool {
    let password = password.to_lowercase();
    let parts = |text: &&str| -> Vec<String> {
        let text = normal_form(&text.chars().take(MAX_PERSONAL).collect::<String>()).to_lowercase();
        let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
        let local = text.split('@').next().unwrap_or_default().to_owned();
        words.chain([local, text.clone()]).filter(|part| part.chars().count() >= MIN_PART).collect()
    };
    personal.iter().flat_map(parts).any(|part| {
        // A part that is most of the password, or a password that is most of the part. Texts of very different lengths cannot be
        // similar, and comparing them would be slow.
        let (shorter, longer) = if part.len() < password.len() { (&part, &password) } else { (&password, &part) };
        let share = shorter.chars().count() as f64 / longer.chars().count().max(1) as f64;
        share > 0.3
            && (strsim::normalized_levenshtein(&password, &part) >= TOO_SIMILAR || (longer.contains(shorter.as_str()) && share >= 0.5))
    })
}
