//! The policies in the settings.

use hyper::header::HeaderValue;

use super::directives::name;
use crate::settings::nearest;
use crate::{CoreSettings, Error, Result};

/// What stands in a policy for the nonce of the response.
const NONCE: &str = "{nonce}";

/// `CONTENT_SECURITY_POLICY` and `CONTENT_SECURITY_POLICY_REPORT_ONLY`.
pub(crate) struct Policies {
    pub(super) enforced: Option<Policy>,
    pub(super) report_only: Option<Policy>,
}

/// One of them, checked.
pub(super) struct Policy {
    /// The text between the places of the nonce.
    parts: Vec<String>,
    /// The header of a response in which nothing has the nonce.
    without: HeaderValue,
}

impl Policies {
    /// # Errors
    /// Says what is wrong with a policy, and what to write.
    pub(crate) fn of_settings(settings: &CoreSettings) -> Result<Self> {
        Ok(Policies {
            enforced: Policy::parse("CONTENT_SECURITY_POLICY", &settings.content_security_policy)?,
            report_only: Policy::parse("CONTENT_SECURITY_POLICY_REPORT_ONLY", &settings.content_security_policy_report_only)?,
        })
    }

    /// Returns whether one of them has a place for a nonce.
    pub(super) fn want_nonce(&self) -> bool {
        [&self.enforced, &self.report_only].into_iter().flatten().any(|policy| policy.parts.len() > 1)
    }
}

impl Policy {
    /// `None` if there is none.
    pub(super) fn parse(key: &str, text: &str) -> Result<Option<Self>> {
        // It may stand on several lines, and the nonce within the quotes that it gets.
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
        Ok(Some(Policy { without: HeaderValue::try_from(parts.concat())?, parts }))
    }

    /// The header of a response with this nonce.
    pub(super) fn value(&self, nonce: Option<&str>) -> HeaderValue {
        let Some(nonce) = nonce.filter(|_| self.parts.len() > 1) else { return self.without.clone() };
        HeaderValue::try_from(self.parts.join(&format!("'nonce-{nonce}'"))).unwrap_or_else(|_| self.without.clone())
    }
}

/// What keeps a policy from doing what its author meant.
fn problem(text: &str) -> Option<String> {
    if let Some(wrong) = text.chars().find(|c| !c.is_ascii_graphic() && *c != ' ') {
        return Some(format!("{wrong:?} cannot stand in a header"));
    }
    if text.contains(',') {
        return Some("directives are separated by semicolons, not by commas".to_owned());
    }
    if text.contains("'nonce-") {
        return Some(format!("a nonce must be another one for each response: write {NONCE}, which becomes 'nonce-…'"));
    }
    if text.replace(NONCE, "").contains(['{', '}']) {
        return Some(format!("the only placeholder is {NONCE}"));
    }
    let directives = || text.split(';').map(str::trim).filter(|directive| !directive.is_empty());
    let mut names: Vec<String> = directives().map(|directive| name(directive).to_ascii_lowercase()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Some(format!("{} stands there twice, and browsers read the first one only", twice[0]));
    }
    directives().find_map(of_directive)
}

fn of_directive(directive: &str) -> Option<String> {
    let name = name(directive).to_ascii_lowercase();
    if !DIRECTIVES.contains(&name.as_str())
        && let Some(meant) = nearest(&name, &DIRECTIVES)
    {
        return Some(format!("there is no directive {name}; did you mean {meant}?"));
    }
    if let Some(next) = directive.split(' ').skip(1).find(|word| DIRECTIVES.contains(word)) {
        return Some(format!("there is no semicolon before {next}"));
    }
    let lists_sources = name.ends_with("-src") || name.contains("-src-") || SOURCES.contains(&name.as_str());
    let sources: Vec<&str> = directive.split(' ').skip(1).collect();
    if lists_sources { sources.iter().find_map(|source| of_source(source, sources.len())) } else { None }
}

/// What is wrong with one of `count` sources.
fn of_source(source: &str, count: usize) -> Option<String> {
    let is_one_of = |word: &str, known: &[&str]| known.iter().any(|known| word.eq_ignore_ascii_case(known));
    let Some(quoted) = source.strip_prefix('\'') else {
        if source.contains('\'') {
            return Some(format!("{source} has a quote that nothing opens"));
        }
        let is_bare = is_one_of(source, &KEYWORDS);
        return is_bare.then(|| format!("{source} without quotes is the name of a host: write '{source}'"));
    };
    let Some(word) = quoted.strip_suffix('\'').filter(|word| !word.contains('\'')) else {
        return Some(format!("{source} has a quote that nothing closes"));
    };
    if word.eq_ignore_ascii_case("none") && count > 1 {
        return Some("'none' means nothing beside other sources: remove it, or them".to_owned());
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

/// Directives with a list of sources that are not called so.
const SOURCES: [&str; 3] = ["base-uri", "form-action", "frame-ancestors"];

/// What has quotes in a list of sources.
const KEYWORDS: [&str; 6] = ["none", "self", "strict-dynamic", "unsafe-eval", "unsafe-hashes", "unsafe-inline"];
/// The same, of words that nobody writes without.
const RARE_KEYWORDS: [&str; 4] = ["inline-speculation-rules", "report-sample", "trusted-types-eval", "wasm-unsafe-eval"];
