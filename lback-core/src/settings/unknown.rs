//! Finds keys that nothing reads.

use super::error::{Kind, SettingsError};
use super::suggest;
use super::value::{Origin, is_upper_case};

/// Maximum number of keys in the message. A file with more of them probably belongs to another program.
const MAX_NAMED: usize = 20;

pub(super) fn check(written: &[(String, Origin)], known: &[&str]) -> Result<(), SettingsError> {
    let is_unknown = |key: &str| is_upper_case(key) && !known.contains(&key);
    let candidates = written.iter().filter(|(key, _)| is_unknown(key));
    let lower_case = written.iter().filter_map(|(key, origin)| in_lower_case(key, origin, known));
    let problems: Vec<String> = candidates.filter_map(|(key, origin)| problem(key, origin, known)).chain(lower_case).collect();
    if problems.is_empty() {
        return Ok(());
    }
    let mut message = problems[..problems.len().min(MAX_NAMED)].join("\n");
    if problems.len() > MAX_NAMED {
        message.push_str(&format!("\nand {} more unknown keys", problems.len() - MAX_NAMED));
    }
    Err(SettingsError::new(Kind::UnknownKey, message))
}

/// Reports a line of `.env` that nothing reads although it is meant for Lback, such as `debug=true`.
fn in_lower_case(key: &str, origin: &Origin, known: &[&str]) -> Option<String> {
    let upper = key.to_ascii_uppercase();
    let is_meant = matches!(origin, Origin::DotEnv { .. }) && upper != key && known.contains(&upper.as_str());
    is_meant.then(|| format!("{origin}: {key} is not a setting. Did you mean {upper}?"))
}

fn problem(key: &str, origin: &Origin, known: &[&str]) -> Option<String> {
    match origin {
        Origin::DotEnv { .. } => {
            let meant = suggest::misspelled(key, known)?;
            Some(format!("{origin}: {key} is not a setting. Did you mean {meant}?"))
        }
        _ => {
            let question = suggest::question(key, known);
            Some(format!(
                "{origin}: {key} is not a setting.{question} Correct it, remove it, or put it into your application's table, such as [shop]."
            ))
        }
    }
}
