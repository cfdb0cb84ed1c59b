//! The errors of a row in a form, which may have the fields of several rows.

use lback_core::{Error, Result};
use lback_db::Db;
use lback_forms::{Form, FormErrors, Values};
use lback_models::Value;

use crate::saving::refusal;
use crate::site::Registered;

/// The place of a row in a form.
#[derive(Clone, Copy)]
pub(super) struct RowErrors<'a> {
    pub(super) model: &'a Registered,
    /// The prefix of the names of its fields.
    pub(super) prefix: &'a str,
    /// The label in front of errors of the row as a whole. Empty if the form has no other rows.
    pub(super) label: &'a str,
}

impl RowErrors<'_> {
    /// Validates the row as its model does, and adds its errors to the form.
    ///
    /// # Errors
    /// Returns an error if the values are not a row of the model.
    pub(super) fn clean(self, row: &[Value], form: &mut Form<Values>) -> Result<()> {
        let mut errors = FormErrors::default();
        self.model.ops.clean(row, &mut errors)?;
        self.add(&errors, form);
        Ok(())
    }

    /// Adds the reason why the database or the code of the application refused the row to the form.
    ///
    /// # Errors
    /// Returns the error if the visitor cannot correct it.
    pub(super) fn explain(self, db: &mut Db, row: &[Value], error: Error, form: &mut Form<Values>) -> Result<()> {
        let mut errors = FormErrors::default();
        if let Some(message) = refusal(&error) {
            errors.add_to_form(message);
        } else {
            self.model.ops.explain(db, row, error, &mut errors)?;
        }
        self.add(&errors, form);
        Ok(())
    }

    fn add(self, errors: &FormErrors, form: &mut Form<Values>) {
        for (field, message) in errors.iter() {
            match field {
                Some(name) => form.add_error(&format!("{}{name}", self.prefix), message),
                None if self.label.is_empty() => form.add_form_error(message),
                None => form.add_form_error(format!("{}: {message}", self.label)),
            }
        }
    }
}
