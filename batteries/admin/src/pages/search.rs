//! The search of a list: the searched fields, and the conditions.

use lback_core::{Request, Result};
use lback_models::{Filter, Kind, ModelMeta, Value};

use crate::access;
use crate::language::within_sentence;
use crate::model_admin::Searched;
use crate::site::{Registered, Site};

/// The maximum number of words that are searched for, and of their characters in all. SQLite refuses long patterns.
const MOST_WORDS: usize = 10;
const MOST_CHARACTERS: usize = 200;

/// Returns the searched fields, without those of models whose rows the user may not see, because a search would reveal them.
pub(super) fn searched(req: &mut Request, site: &Site, model: &Registered) -> Result<Vec<Searched>> {
    let mut fields = Vec::new();
    'fields: for searched in &model.options.search {
        let path = searched.through.iter().chain([&searched.field]);
        let metas = searched.through.iter().filter_map(|field| field.references).map(|reference| (reference.model)());
        for (meta, field) in std::iter::once(model.meta()).chain(metas).zip(path) {
            if let Some(model) = site.find(meta.table)
                && !access::sees_field(req, model, field.name)?
            {
                continue 'fields;
            }
        }
        for reference in searched.through.iter().filter_map(|field| field.references) {
            if !access::sees_all(req, site, (reference.model)())? {
                continue 'fields;
            }
        }
        fields.push(searched.clone());
    }
    Ok(fields)
}

/// Returns the conditions of a search: each word, or phrase in quotes, is in one of the fields.
pub(super) fn search(fields: &[Searched], text: &str) -> Vec<Filter> {
    if fields.is_empty() {
        return Vec::new();
    }
    let text: String = text.chars().filter(|c| *c != '\0').take(MOST_CHARACTERS).collect();
    let condition = |word: String| Filter::Any(fields.iter().map(|searched| searched.matching(&word)).collect());
    words(&text).into_iter().take(MOST_WORDS).map(condition).collect()
}

/// Returns the words of a text. A phrase in quotes is one word.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in text.split('"').enumerate() {
        match number % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.extend(Some(part.trim().to_owned()).filter(|part| !part.is_empty())),
        }
    }
    words
}

impl Searched {
    fn matching(&self, word: &str) -> Filter {
        let of_field = match (self.is_exact, self.field.kind) {
            // An index serves the comparison of values, but not of texts that are computed from them.
            (true, kind) if kind != Kind::Text => match super::filters::value_of(self.field, word) {
                Some(value) => Filter::equal(self.field, value),
                None => Filter::Any(Vec::new()),
            },
            (true, _) => Filter::OneOf(self.field, vec![Value::Text(word.to_owned()), Value::Text(word.to_lowercase())]),
            (false, _) => Filter::Contains(self.field, word.to_owned()),
        };
        self.through.iter().rev().fold(of_field, |inner, reference| Filter::Reference(reference, Box::new(inner)))
    }
}

/// Returns the labels of the fields that are searched.
pub(super) fn search_help(fields: &[Searched]) -> String {
    let mut labels: Vec<String> = Vec::new();
    for searched in fields {
        let path = searched.through.iter().chain([&searched.field]);
        labels.push(path.map(|field| within_sentence(field.label)).collect::<Vec<_>>().join(" "));
    }
    labels.join(", ")
}

/// Returns whether an index serves a condition.
pub(super) fn is_served(condition: &Filter, meta: &ModelMeta) -> bool {
    match condition {
        Filter::Compare(field, ..) | Filter::OneOf(field, _) | Filter::Null(field, _) => meta.is_indexed(field.column),
        Filter::Linked(..) => true,
        Filter::Reference(field, inner) => {
            field.references.is_some_and(|reference| meta.is_indexed(field.column) && is_served(inner, (reference.model)()))
        }
        Filter::Any(conditions) => conditions.iter().all(|condition| is_served(condition, meta)),
        Filter::All(conditions) => conditions.iter().any(|condition| is_served(condition, meta)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_phrase_in_quotes_is_one_word() {
        assert_eq!(words(r#"one "two three" four"#), ["one", "two three", "four"]);
        assert_eq!(words(r#" "" "open"#), ["open"]);
        assert!(words("  ").is_empty());
    }
}
