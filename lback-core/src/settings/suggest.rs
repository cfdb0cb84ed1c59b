//! Suggests the names that were probably meant: "Did you mean …?"

/// Longer names are not typos, and comparing them takes quadratic time.
const MAX_LENGTH: usize = 64;
const MIN_SIMILARITY: f64 = 0.85;

/// Returns the known name that was probably meant by `name`.
///
/// ```
/// use lback_core::settings::nearest;
///
/// assert_eq!(nearest("migrat", &["serve", "migrate"]), Some("migrate"));
/// assert_eq!(nearest("dance", &["serve", "migrate"]), None);
/// ```
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.len() > MAX_LENGTH {
        return None;
    }
    let name = name.to_lowercase();
    let scored = known.iter().map(|known| (strsim::jaro_winkler(&name, &known.to_lowercase()), *known));
    let best = scored.max_by(|left, right| left.0.total_cmp(&right.0));
    best.filter(|(similarity, _)| *similarity >= MIN_SIMILARITY).map(|(_, known)| known)
}

/// Returns the known name that `name` almost certainly misspells: one letter differs, or two in a long name. `DATABASE_URL_2` is a
/// different variable, not a misspelling of `DATABASE_URL`.
pub(super) fn misspelled<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let is_typo = |known: &str| {
        let allowed = match known.len() {
            0..=4 => 0,
            5..=9 => 1,
            _ => 2,
        };
        let numbered = name.strip_prefix(known).is_some_and(|rest| rest.starts_with(|c: char| !c.is_alphabetic()));
        !numbered && strsim::osa_distance(name, known) <= allowed
    };
    if name.len() > MAX_LENGTH {
        return None;
    }
    known.iter().copied().find(|known| is_typo(known))
}

/// Returns ` Did you mean X?`, or an empty text if no known name is similar.
pub(super) fn question(name: &str, known: &[&str]) -> String {
    nearest(name, known).map(|known| format!(" Did you mean {known}?")).unwrap_or_default()
}
