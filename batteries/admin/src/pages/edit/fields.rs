//! The fields of the form.

use lback_core::{Error, Request, Result};
use lback_db::RequestDb;
use lback_forms::{Field, FieldKind, Form, Values};
use lback_models::runtime::{form_texts, ops_of};
use lback_models::{ManyToManyMeta, ModelOps as _};

use super::super::file_inputs::with_clear;
use super::super::inputs::input;
use super::{Edited, SEEN};
use crate::names::Named;
use crate::site::Site;
use crate::stored_files::is_file;

/// The maximum number of rows to which a form links a row.
const MOST_LINKED: usize = 1000;

impl Edited<'_> {
    /// Returns the form, filled in with the row.
    pub(super) fn form(&self, req: &mut Request, site: &Site) -> Result<Form<Values>> {
        let mut fields = vec![Field::new(SEEN, FieldKind::Text).optional().hidden()];
        let mut initial: Vec<(&'static str, Vec<String>)> = Vec::new();
        for named in &self.fields {
            let (mut field, rows) = input(req, site, self.model, *named)?;
            if let Some(rows) = rows {
                field = field.choices_from(rows.into_choices());
            }
            match *named {
                // A new row refers to nothing yet.
                _ if self.is_new() && named.to().is_some() => {}
                Named::Field(own) if is_file(own) => {
                    let (file, clear) = with_clear(field, own, self.value(own));
                    field = file;
                    fields.extend(clear);
                }
                Named::Field(own) => initial.push((own.name, form_texts(own, self.value(own)))),
                Named::Link(link) => initial.push((link.name, self.linked(req, link)?)),
            }
            if matches!(named, Named::Field(own) if self.is_prepopulated(own)) {
                field = field.optional();
            }
            fields.push(field);
        }
        for inline in &self.inlines {
            fields.extend(inline.form_fields());
        }
        Ok(initial.into_iter().fold(Form::of(fields), |form, (name, texts)| form.initial(name, texts)))
    }

    fn linked(&self, req: &mut Request, link: &'static ManyToManyMeta) -> Result<Vec<String>> {
        let keys = self.model.ops.linked(req.db()?, link, &self.values)?;
        if keys.len() > MOST_LINKED {
            // Saving a form that shows only some of them would remove the others.
            return Err(Error::internal(format!(
                "{} \"{}\" is linked to more than {MOST_LINKED} {}, which is too many for a form: add {} to .readonly([…]) of the admin",
                self.model.meta().label,
                self.model.ops.label(&self.values),
                link.name,
                link.name
            )));
        }
        let to = ops_of((link.model)());
        let key = to.meta().primary_key.first().and_then(|key| to.meta().field_of_column(key));
        Ok(keys.iter().filter_map(|value| form_texts(key?, value).into_iter().next()).collect())
    }
}
