//! Keys that are written and that nothing reads.

use super::error::{Kind, SettingsError};
use super::suggest;
use super::value::{Origin, is_upper_case};

/// So many are named; a file with more is another program's.
const MAX_NAMED: usize = 20;

pub(super) fn check(written: &[(String, Origin)], known: &[&str]) -> Result<(), SettingsError> {
    let is_unknown = |key: &str| is_upper_case(key) && !known.contains(&key);
    let candidates = written.iter().filter(|(key, _)| is_unknown(key));
    let problems: Vec<String> = candidates.filter_map(|(key, origin)| problem(key, origin, known)).collect();
    if problems.is_empty() {
        return Ok(());
    }
    let mut message = problems[..problems.len().min(MAX_NAMED)].join("\n");
    if problems.len() > MAX_NAMED {
        message.push_str(&format!("\nand {} more unknown keys", problems.len() - MAX_NAMED));
    }
    Err(SettingsError::new(Kind::UnknownKey, message))
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
