//! The characters of user names, and which of them can be combined.

use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};
use unicode_security::GeneralSecurityProfile;
use unicode_security::general_security_profile::IdentifierType;
use unicode_security::mixed_script::AugmentedScriptSet;

/// The maximum number of consecutive combining marks; no orthography needs more.
const MAX_MARKS: usize = 4;

/// Returns whether user names may contain this character: letters, digits and combining marks of the IdentifierClass of RFC 8264 that UTS
/// 39 does not classify as obsolete, technical or invisible. Rare scripts are allowed.
pub(super) fn is_allowed(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || "_.+-".contains(c);
    }
    if is_contextual(c) {
        return true;
    }
    let is_current = match c.identifier_type() {
        Some(IdentifierType::Recommended | IdentifierType::Inclusion | IdentifierType::Limited_Use | IdentifierType::Uncommon_Use) => true,
        // UTS 39 counts it among the historic scripts.
        Some(IdentifierType::Exclusion) => c.script() == Script::Mongolian,
        _ => false,
    };
    is_current && (c.is_alphanumeric() || is_combining_mark(c))
}

/// Returns whether a character is not a letter but allowed in a context, which `context` checks.
fn is_contextual(c: char) -> bool {
    // U+0F0B ends a syllable in Tibetan.
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{b7}' | '\u{375}' | '\u{5f3}' | '\u{5f4}' | '\u{30fb}' | '\u{f0b}')
}

/// Returns whether each combining mark follows a letter and can be distinguished from the others on it (UTS 39, section 5.4).
pub(super) fn marks_are_readable(name: &[char]) -> bool {
    let is_mark = |c: &char| is_combining_mark(*c);
    !name.first().is_some_and(is_mark)
        && !name.windows(2).any(|pair| pair[0] == pair[1] && is_mark(&pair[0]))
        && !name.windows(MAX_MARKS + 1).any(|window| window.iter().all(is_mark))
}

/// Returns whether the letters belong to the script of one language: the highly restrictive level of UTS 39, section 5.2.
/// Japanese, Korean and Chinese combine several scripts, including Latin letters.
pub(super) fn scripts_go_together(name: &[char]) -> bool {
    let (mut all, mut beside_latin) = (AugmentedScriptSet::default(), AugmentedScriptSet::default());
    for c in name {
        let scripts = AugmentedScriptSet::for_char(*c);
        all.intersect_with(scripts);
        if !scripts.base.contains_script(Script::Latin) {
            beside_latin.intersect_with(scripts);
        }
    }
    !all.is_empty() || beside_latin.jpan || beside_latin.kore || beside_latin.hanb
}
