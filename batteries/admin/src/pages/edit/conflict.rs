//! A form whose row another user has saved in the meantime.

use lback_core::{Request, Result};
use lback_forms::{Form, Values};
use lback_models::runtime::form_texts;
use serde::Serialize;

use super::super::history::last_editor;
use super::Edited;
use crate::history::RowState;
use crate::shown::{json_text, label_of};
use crate::stored_files::is_file;

#[derive(Serialize)]
pub(super) struct Conflict {
    fields: Vec<Different>,
    by: Option<String>,
}

#[derive(Serialize)]
struct Different {
    label: String,
    theirs: String,
    yours: String,
}

impl Edited<'_> {
    /// Returns the fields in which the row and the form differ, with both values.
    pub(super) fn conflict(&self, req: &mut Request, form: &Form<Values>, theirs: &RowState) -> Result<Conflict> {
        let (mut fields, zone) = (Vec::new(), req.time_zone());
        for named in &self.fields {
            let name = named.name();
            let field = self.model.meta().field(name);
            // The form shows the saved file, and asks for the new one again.
            if field.is_some_and(is_file) {
                continue;
            }
            let current = match field {
                Some(field) => form_texts(field, self.value(field)),
                None => Vec::new(),
            };
            let yours = form.values(name);
            // An empty input stands for a missing value, too.
            let are_empty = current.iter().chain(yours).all(String::is_empty);
            if field.is_some() && yours != current && !are_empty {
                let theirs = theirs.get(name).map(|json| json_text(field, json, zone)).unwrap_or_default();
                fields.push(Different {
                    label: label_of(self.model.meta(), name).unwrap_or(name).to_owned(),
                    theirs,
                    yours: yours.join(", "),
                });
            }
        }
        let by = match &self.key {
            Some(key) => last_editor(req, self.model, key)?,
            None => None,
        };
        Ok(Conflict { fields, by })
    }
}
