//! Fields of a new row that follow others, as a slug follows the title.

use std::collections::BTreeMap;

use lback_forms::{Form, Values};
use lback_models::{FieldMeta, Value};

use super::Edited;
use crate::language::text;
use crate::model_admin::Prepopulated;
use crate::names::Named;
use crate::shown::value_of;

impl Edited<'_> {
    /// Returns the fields of the form that follow others.
    fn prepopulated(&self) -> impl Iterator<Item = &Prepopulated> {
        self.model.options.prepopulated.iter().filter(|follows| self.is_new() && self.is_in_form(follows.field))
    }

    fn is_in_form(&self, field: &FieldMeta) -> bool {
        self.fields.iter().any(|named| matches!(named, Named::Field(own) if own.column == field.column))
    }

    /// Returns whether a field follows others, so that it may be left empty.
    pub(super) fn is_prepopulated(&self, field: &FieldMeta) -> bool {
        self.prepopulated().any(|follows| follows.field.column == field.column)
    }

    /// Returns the names of the fields that follow others, with the names of those, as JSON for the script of the page.
    pub(super) fn prepopulated_json(&self) -> Option<String> {
        let sources = |follows: &Prepopulated| follows.from.iter().filter(|from| self.is_in_form(from)).map(|from| from.name).collect();
        let names: BTreeMap<_, Vec<_>> = self.prepopulated().map(|follows| (follows.field.name, sources(follows))).collect();
        if names.is_empty() { None } else { serde_json::to_string(&names).ok() }
    }

    /// Fills in the fields that follow others and were left empty.
    pub(super) fn prepopulate(&self, row: &mut [Value], form: &mut Form<Values>) {
        let meta = self.model.meta();
        let text = |row: &[Value], field: &FieldMeta| match value_of(meta, row, field) {
            Value::Text(text) => text.clone(),
            _ => String::new(),
        };
        for Prepopulated { field, from } in self.prepopulated() {
            if !text(row, field).is_empty() {
                continue;
            }
            let slug = slug(&from.iter().map(|from| text(row, from)).collect::<Vec<_>>().join(" "), field.max_length);
            if slug.is_empty() && !field.blank && !field.null {
                form.add_error(field.name, text!("Fill in this field. It cannot be derived from the others."));
            } else if let Some(value) = meta.position(field.column).and_then(|at| row.get_mut(at))
                && !slug.is_empty()
            {
                *value = Value::Text(slug);
            }
        }
    }
}

/// Returns a text as the end of a URL: "Ça va?" becomes "ca-va".
fn slug(text: &str, max_length: Option<u32>) -> String {
    // A slug is rarely shorter than a quarter of its text.
    let most = max_length.map_or(200, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let text: String = text.chars().take(most.saturating_mul(4)).collect();
    let slug: String = slug::slugify(text).chars().take(most).collect();
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn slugs_are_short_and_of_letters_digits_and_hyphens() {
        for (text, expected) in [("Ça va?", "ca-va"), ("  A  b ", "a-b"), ("¿?", ""), ("Straße 7", "strasse-7"), ("one two", "one-t")] {
            assert_eq!(slug(text, Some(if text == "one two" { 5 } else { 20 })), expected, "{text}");
        }
        assert_eq!(slug("one two", Some(4)), "one");
        assert_eq!(slug(&"x".repeat(1000), None).len(), 200);
    }
}
