//! The texts of the sources are those of the German file.

use std::collections::BTreeSet;
use std::path::Path;

use super::{GERMAN, KNOWN, Language, preferred};

/// Returns the string literal at the beginning of a piece of source.
fn literal(source: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = source.trim_start().strip_prefix('"')?.chars();
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => match rest.next()? {
                // A line that is continued.
                '\n' => rest = rest.as_str().trim_start().chars(),
                c => text.push(c),
            },
            c => text.push(c),
        }
    }
}

fn add_texts_of(folder: &Path, texts: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            add_texts_of(&path, texts);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap_or_default();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("rs") if !path.to_string_lossy().contains("language") => {
                let code = source.split("#[cfg(test)]").next().unwrap_or_default();
                texts.extend(code.split("text!(").skip(1).filter_map(literal));
                let of_counted = |call: &str| literal(call.splitn(3, ", ").nth(2)?);
                texts.extend(code.split("counted!(").skip(1).filter_map(of_counted));
            }
            Some("html") => {
                let of_filter = |before: &str| before.strip_suffix('"')?.rsplit('"').next().map(str::to_owned);
                let parts: Vec<&str> = source.split(" | admin_text").collect();
                texts.extend(parts[..parts.len() - 1].iter().filter_map(|before| of_filter(before)));
            }
            Some("js") => texts.extend(super::texts_of_script(&source).map(str::to_owned)),
            _ => {}
        }
    }
}

#[test]
fn the_german_file_has_all_texts_and_no_others() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = BTreeSet::from(["English".to_owned()]);
    add_texts_of(&root.join("src"), &mut texts);
    add_texts_of(&root.join("templates"), &mut texts);
    let missing: Vec<_> = texts.difference(&KNOWN).collect();
    assert!(missing.is_empty(), "texts without a translation: {missing:#?}");
    let unused: Vec<_> = KNOWN.difference(&texts).collect();
    assert!(unused.is_empty(), "translations of texts that no page has: {unused:#?}");
    let german = Language::read("de", GERMAN).unwrap();
    assert_eq!((german.name(), german.missing().len()), ("Deutsch", 0));
}

#[test]
fn a_file_with_a_mistake_is_refused() {
    let error = |file: &str| Language::read("nl", file).unwrap_err();
    assert!(error("\"Sav\" = \"Opslaan\"").contains("did you mean \"Save\"?"));
    assert!(error("\"Add {model}\" = \"{models} toevoegen\"").contains("{models}"));
    assert!(error("Save = ").contains("cannot be read"));
    assert!(error("\"Save\" = 5").contains("cannot be read"));
    let dutch = Language::read("nl", "\"Save\" = \"Opslaan\"").unwrap();
    assert!(dutch.missing().contains(&"Cancel") && !dutch.missing().contains(&"Save"));
}

#[test]
fn the_header_of_a_browser_is_read_in_the_order_of_its_weights() {
    assert_eq!(preferred("en;q=0.5, de-AT,de;q=0.8, *;q=0, fr;q=x"), ["de-AT", "de", "en"]);
    assert_eq!(preferred("en ; q=0.5, nl; q=0, de"), ["de", "en"]);
    assert_eq!(preferred(&"de,".repeat(1000)).len(), 20);
    assert!(preferred("").len() <= 1);
}
