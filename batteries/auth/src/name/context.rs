//! Characters that are allowed only beside certain others, by RFC 5892, appendix A, and the direction of a name, by RFC 5893.

use unicode_bidi::{BidiClass, bidi_class};
use unicode_joining_type::{JoiningType, get_joining_type};
use unicode_normalization::char::canonical_combining_class;
use unicode_script::{Script, UnicodeScript};

/// The canonical combining class of a virama, which joins consonants in the scripts of India.
const VIRAMA: u8 = 9;

/// Returns whether the character at `at` is allowed there, if it needs a context.
pub(super) fn allows(name: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| name.get(at)).copied();
    let after = name.get(at + 1).copied();
    let is_in = |neighbour: Option<char>, script| neighbour.is_some_and(|c| c.script() == script);
    match name.get(at) {
        // A.1 ZERO WIDTH NON-JOINER
        Some('\u{200c}') => is_virama(before) || breaks_a_connection(name, at),
        // A.2 ZERO WIDTH JOINER
        Some('\u{200d}') => is_virama(before),
        // A.3 MIDDLE DOT, in Catalan
        Some('\u{b7}') => matches!((before, after), (Some('l' | 'L'), Some('l' | 'L'))),
        // A.4 GREEK LOWER NUMERAL SIGN
        Some('\u{375}') => is_in(after, Script::Greek),
        // A.5, A.6 HEBREW PUNCTUATION GERESH and GERSHAYIM
        Some('\u{5f3}' | '\u{5f4}') => is_in(before, Script::Hebrew),
        // A.7 KATAKANA MIDDLE DOT
        Some('\u{30fb}') => name.iter().any(|c| matches!(c.script(), Script::Hiragana | Script::Katakana | Script::Han)),
        // A.8, A.9 ARABIC-INDIC DIGITS and EXTENDED ARABIC-INDIC DIGITS, whose shapes are mostly the same
        Some('\u{660}'..='\u{669}') => !name.iter().any(|c| ('\u{6f0}'..='\u{6f9}').contains(c)),
        Some('\u{6f0}'..='\u{6f9}') => !name.iter().any(|c| ('\u{660}'..='\u{669}').contains(c)),
        _ => true,
    }
}

fn is_virama(c: Option<char>) -> bool {
    c.is_some_and(|c| canonical_combining_class(c) == VIRAMA)
}

/// Returns whether the letters on both sides would be connected without the character at `at`, as in Persian.
fn breaks_a_connection(name: &[char], at: usize) -> bool {
    let joining = |c: &&char| get_joining_type(**c) != JoiningType::Transparent;
    let before = name[..at].iter().rev().find(joining).map(|c| get_joining_type(*c));
    let after = name[at + 1..].iter().find(joining).map(|c| get_joining_type(*c));
    matches!(before, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(after, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

/// Returns whether the name is displayed the same in any surrounding text: the Bidi Rule of RFC 5893, section 2, for names with letters
/// that are written from right to left. Other names always are.
pub(super) fn has_one_direction(name: &[char]) -> bool {
    use BidiClass::{AL, AN, BN, CS, EN, ES, ET, NSM, ON, R};
    let classes: Vec<BidiClass> = name.iter().map(|c| bidi_class(*c)).collect();
    if !classes.iter().any(|class| matches!(class, R | AL | AN)) {
        return true;
    }
    let begins = matches!(classes.first(), Some(R | AL));
    let ends = classes.iter().rev().find(|class| **class != NSM).is_some_and(|class| matches!(class, R | AL | EN | AN));
    let only = classes.iter().all(|class| matches!(class, R | AL | AN | EN | ES | CS | ET | ON | BN | NSM));
    begins && ends && only && !(classes.contains(&EN) && classes.contains(&AN))
}
