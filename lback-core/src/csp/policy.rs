//! Parses and checks the policies in the settings.

use hyper::header::HeaderValue;

use super::directives::name;
use crate::settings::nearest;
use crate::{CoreSettings, Error, Result};

/// The placeholder for the response's nonce.
const NONCE: &str = "{nonce}";

/// The settings `CONTENT_SECURITY_POLICY` and `CONTENT_SECURITY_POLICY_REPORT_ONLY`.
pub(crate) struct Policies {
    pub(super) enforced: Option<Policy>,
    pub(super) report_only: Option<Policy>,
}

/// One of these policies, checked.
pub(super) struct Policy {
    /// The text between the placeholders.
    parts: Vec<String>,
    /// The header of a response that does not use the nonce.
    without_nonce: HeaderValue,
}

impl Policies {
    /// Parses the policies in the settings.
    ///
    /// # Errors
    /// Returns an error if a policy is invalid. The message names the mistake and shows a valid policy.
    pub(crate) fn of_settings(settings: &CoreSettings) -> Result<Self> {
        Ok(Policies {
            enforced: Policy::parse("CONTENT_SECURITY_POLICY", &settings.content_security_policy)?,
            report_only: Policy::parse("CONTENT_SECURITY_POLICY_REPORT_ONLY", &settings.content_security_policy_report_only)?,
        })
    }

    /// Returns whether either policy has a placeholder for the nonce.
    pub(super) fn use_nonce(&self) -> bool {
        [&self.enforced, &self.report_only].into_iter().flatten().any(|policy| policy.parts.len() > 1)
    }
}

impl Policy {
    /// Returns `None` if `text` is blank.
    pub(super) fn parse(key: &str, text: &str) -> Result<Option<Self>> {
        // The policy may span several lines, and its author may have written 'nonce-{nonce}'.
        let text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").replace(&format!("'nonce-{NONCE}'"), NONCE);
        if text.is_empty() {
            return Ok(None);
        }
        if let Some(problem) = problem(&text) {
            return Err(Error::internal(format!(
                "{key}: {problem}. Write for example {key} = \"default-src 'self'; script-src 'self' {NONCE}\""
            )));
        }
        let parts: Vec<String> = text.split(NONCE).map(str::to_owned).collect();
        Ok(Some(Policy { without_nonce: HeaderValue::try_from(parts.concat())?, parts }))
    }

    /// Returns the header of a response with this nonce.
    pub(super) fn value(&self, nonce: Option<&str>) -> HeaderValue {
        let Some(nonce) = nonce.filter(|_| self.parts.len() > 1) else { return self.without_nonce.clone() };
        HeaderValue::try_from(self.parts.join(&format!("'nonce-{nonce}'"))).unwrap_or_else(|_| self.without_nonce.clone())
    }
}

/// Returns the first mistake that keeps a policy from doing what its author meant.
fn problem(text: &str) -> Option<String> {
    if let Some(wrong) = text.chars().find(|c| !c.is_ascii_graphic() && *c != ' ') {
        return Some(format!("{wrong:?} is not allowed in a header"));
    }
    if text.contains(',') {
        return Some("directives are separated by semicolons, not by commas".to_owned());
    }
    if text.contains("'nonce-") {
        return Some(format!("the nonce must be different in each response: write {NONCE}, which becomes 'nonce-…'"));
    }
    if text.replace(NONCE, "").contains(['{', '}']) {
        return Some(format!("the only placeholder is {NONCE}"));
    }
    let directives = || text.split(';').map(str::trim).filter(|directive| !directive.is_empty());
    let mut names: Vec<String> = directives().map(|directive| name(directive).to_ascii_lowercase()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Some(format!("{} is given twice, and browsers use only the first one", twice[0]));
    }
    directives().find_map(directive_problem)
}

fn directive_problem(directive: &str) -> Option<String> {
    let name = name(directive).to_ascii_lowercase();
    if !DIRECTIVES.contains(&name.as_str())
        && let Some(meant) = nearest(&name, &DIRECTIVES)
    {
        return Some(format!("there is no directive {name}; did you mean {meant}?"));
    }
    if let Some(next) = directive.split(' ').skip(1).find(|word| DIRECTIVES.contains(word)) {
        return Some(format!("the semicolon before {next} is missing"));
    }
    let lists_sources = name.ends_with("-src") || name.contains("-src-") || SOURCES.contains(&name.as_str());
    let sources: Vec<&str> = directive.split(' ').skip(1).collect();
    if lists_sources { sources.iter().find_map(|source| source_problem(source, sources.len())) } else { None }
}

/// Returns the mistake in a source of a directive that lists `count` of them.
fn source_problem(source: &str, count: usize) -> Option<String> {
    let is_one_of = |word: &str, known: &[&str]| known.iter().any(|known| word.eq_ignore_ascii_case(known));
    let Some(quoted) = source.strip_prefix('\'') else {
        if source.contains('\'') {
            return Some(format!("{source} has no opening quote"));
        }
        let is_bare = is_one_of(source, &KEYWORDS);
        return is_bare.then(|| format!("{source} without quotes is a host name: write '{source}'"));
    };
    let Some(word) = quoted.strip_suffix('\'').filter(|word| !word.contains('\'')) else {
        return Some(format!("{source} has unbalanced quotes"));
    };
    if word.eq_ignore_ascii_case("none") && count > 1 {
        return Some("'none' has no effect next to other sources: remove 'none' or the other sources".to_owned());
    }
    let known = [&KEYWORDS[..], &RARE_KEYWORDS[..]].concat();
    let meant = if is_one_of(word, &known) { None } else { nearest(&word.to_ascii_lowercase(), &known) };
    meant.map(|meant| format!("there is no keyword '{word}'; did you mean '{meant}'?"))
}

/// The directives of CSP 3 and of the specifications that add to it.
const DIRECTIVES: [&str; 28] = [
    "base-uri",
    "block-all-mixed-content",
    "child-src",
    "connect-src",
    "default-src",
    "fenced-frame-src",
    "font-src",
    "form-action",
    "frame-ancestors",
    "frame-src",
    "img-src",
    "manifest-src",
    "media-src",
    "object-src",
    "report-to",
    "report-uri",
    "require-trusted-types-for",
    "sandbox",
    "script-src",
    "script-src-attr",
    "script-src-elem",
    "style-src",
    "style-src-attr",
    "style-src-elem",
    "trusted-types",
    "upgrade-insecure-requests",
    "webrtc",
    "worker-src",
];

/// Directives that take a list of sources although `-src` is not in their names.
const SOURCES: [&str; 3] = ["base-uri", "form-action", "frame-ancestors"];

/// Keywords that are quoted in a list of sources. Without the quotes, browsers take them for host names.
const KEYWORDS: [&str; 6] = ["none", "self", "strict-dynamic", "unsafe-eval", "unsafe-hashes", "unsafe-inline"];
/// Keywords that are hardly ever written without their quotes by mistake.
const RARE_KEYWORDS: [&str; 4] = ["inline-speculation-rules", "report-sample", "trusted-types-eval", "wasm-unsafe-eval"];
