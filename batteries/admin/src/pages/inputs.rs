//! The inputs for the fields and relations of a model, the same in all forms.

use lback_core::{Request, Result};
use lback_forms::{Field, Values};
use lback_models::runtime::{form_field, form_value, link_form_field, ops_of};
use lback_models::{Auto, FieldMeta, List, ManyToManyMeta, ModelOps as _, Value};

use super::file_inputs::{file_input, file_value};
use super::layout::link;
use crate::access::{self, Seen};
use crate::language::text;
use crate::names::Named;
use crate::site::{Registered, Site};
use crate::stored_files::{NewFile, is_file};

/// Returns whether the user may change a field or relation in the rows that the user may change.
pub(super) fn may_change(req: &mut Request, site: &Site, model: &Registered, named: Named, is_new: bool) -> Result<bool> {
    if model.options.readonly.contains(&named.name()) || !access::changes_field(req, model, named.name())? {
        return Ok(false);
    }
    if let Named::Field(field) = named {
        let is_key = model.meta().primary_key.contains(&field.column);
        if field.auto != Auto::No || (is_key && !is_new) {
            return Ok(false);
        }
    }
    match named.to() {
        // A user who may not see the rows cannot choose one.
        Some(to) => Ok(access::visible(req, site, to)?.is_some()),
        None => Ok(true),
    }
}

/// Returns the input for a field or relation, and the rows that are its choices.
pub(super) fn input(req: &mut Request, site: &Site, model: &Registered, named: Named) -> Result<(Field, Option<List>)> {
    let input = match named {
        Named::Field(field) if is_file(field) => file_input(field),
        Named::Field(field) if model.options.radio.iter().any(|radio| radio.column == field.column) => buttons(field),
        Named::Field(field) => form_field(field),
        Named::Link(link) => link_form_field(link),
    };
    let Some(to) = named.to() else { return Ok((input, None)) };
    match access::visible(req, site, to)? {
        Some(rows) => {
            let url = link(req, "choices", &[("model", &model.meta().table), ("field", &named.name())])?;
            Ok((input.choices_url(url), Some(rows)))
        }
        None => Ok((input.choices([] as [&str; 0]), None)),
    }
}

/// Returns the value that a form gives a field, and adds the file that must be stored for it. `None` if the field stays as it is.
///
/// # Errors
/// Returns an error if the form does not have the field, or if a file cannot be read.
pub(super) fn input_value(field: &FieldMeta, name: &str, given: &mut Values, files: &mut Vec<NewFile>) -> Result<Option<Value>> {
    if is_file(field) { file_value(field, name, given, files) } else { form_value(field, name, given) }
}

/// Returns the keys of the rows to which a form links a row: those that the visitor has chosen, and those of the `linked` rows that the
/// visitor may not see, which stay linked.
pub(super) fn chosen_keys(link: &ManyToManyMeta, name: &str, given: &Values, linked: &[Value], seen: &Seen) -> Vec<Value> {
    let to = ops_of((link.model)());
    let chosen = given.texts(name).filter_map(|text| to.read_key(text)?.into_iter().next());
    chosen.chain(linked.iter().filter(|key| !seen.has(key)).cloned()).collect()
}

/// Returns an input with radio buttons. One that is not required has a button for no choice.
fn buttons(field: &'static FieldMeta) -> Field {
    let none = field.null.then(|| (String::new(), text!("None")));
    let choices = field.choices.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned()));
    form_field(field).choices(none.into_iter().chain(choices)).radio()
}
