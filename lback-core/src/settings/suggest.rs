//! "Did you mean …?"

/// Longer names are no slips of the pen, and comparing them takes quadratic time.
const MAX_LENGTH: usize = 64;
const LIKENESS: f64 = 0.85;

/// The known name that was probably meant.
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
    best.filter(|(likeness, _)| *likeness >= LIKENESS).map(|(_, known)| known)
}

/// The known name that `name` almost certainly misspells: one letter off, two in a long name.
/// `DATABASE_URL_2` beside `DATABASE_URL` is another variable, no slip.
pub(super) fn misspelled<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let is_slip = |known: &str| {
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
    known.iter().copied().find(|known| is_slip(known))
}

/// ` Did you mean X?`, or nothing.
pub(super) fn question(name: &str, known: &[&str]) -> String {
    nearest(name, known).map(|known| format!(" Did you mean {known}?")).unwrap_or_default()
}
