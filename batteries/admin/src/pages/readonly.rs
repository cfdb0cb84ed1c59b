//! Fields that are only shown.

use lback_core::{Request, Result};
use lback_db::RequestDb;
use lback_models::{FieldMeta, Value};
use serde::Serialize;

use super::files::FileView;
use super::list_rows::References;
use crate::access;
use crate::language::text;
use crate::model_admin::Listed;
use crate::names::Named;
use crate::shown::{labels, text, value_of};
use crate::site::{Registered, Site};

/// A field on the page.
#[derive(Serialize)]
pub(super) struct FieldView {
    /// The name of the form's field. `None` for a field that is only shown.
    input: Option<String>,
    label: String,
    text: String,
    is_readonly: bool,
    url: Option<String>,
    /// The page that adds rows to which the field can refer.
    add: Option<AddLink>,
    editor: Option<Editor>,
    /// The file that the field names.
    file: Option<FileView>,
}

/// The feature of the page's script that a field uses.
#[derive(Serialize)]
pub(super) struct Editor {
    /// "json" or "markdown".
    pub(super) kind: &'static str,
    /// The address of the preview.
    pub(super) preview: Option<String>,
}

/// A link to the page that adds rows of a model.
#[derive(Serialize)]
pub(super) struct AddLink {
    pub(super) url: String,
    pub(super) label: String,
}

impl FieldView {
    pub(super) fn input(name: &str) -> Self {
        FieldView {
            input: Some(name.to_owned()),
            label: String::new(),
            text: String::new(),
            is_readonly: false,
            url: None,
            add: None,
            editor: None,
            file: None,
        }
    }

    /// Returns the field with a link to add a row to which it can refer.
    pub(super) fn adding(self, add: Option<AddLink>) -> Self {
        FieldView { add, ..self }
    }

    /// Returns the field with the feature of the script that it uses.
    pub(super) fn edited_with(self, editor: Option<Editor>) -> Self {
        FieldView { editor, ..self }
    }

    /// Returns the field with the file that it names.
    pub(super) fn with_file(self, file: Option<FileView>) -> Self {
        FieldView { file, ..self }
    }

    pub(super) fn fixed(label: &str, text: String) -> Self {
        FieldView { input: None, label: label.to_owned(), text, is_readonly: true, url: None, add: None, editor: None, file: None }
    }
}

/// The maximum number of labels of linked rows that are shown.
const MOST_LABELS: usize = 100;

/// Returns a field as it is shown. `None` for a field that a new row does not have yet, or that the user may not see.
pub(super) fn fixed(
    req: &mut Request,
    site: &Site,
    model: &Registered,
    row: &[Value],
    named: Named,
    is_new: bool,
) -> Result<Option<FieldView>> {
    if is_new || !access::sees_field(req, model, named.name())? {
        return Ok(None);
    }
    match named {
        Named::Field(field) => {
            let references = References::of(req, site, model, &[Listed::Field(field)], &[row.to_vec()])?;
            of_field(req, model, row, field, &references).map(Some)
        }
        Named::Link(link) => {
            let Some(list) = access::visible(req, site, (link.model)())? else { return Ok(None) };
            let keys = model.ops.linked(req.db()?, link, row)?;
            // Rows that the user may not see are not counted, either.
            let found = labels(req.db()?, &list, keys)?;
            let more = found.len().saturating_sub(MOST_LABELS);
            let mut text = found.into_values().take(MOST_LABELS).collect::<Vec<_>>().join(", ");
            if more > 0 {
                text += " ";
                text += &text!("and {count} more", count = more);
            }
            Ok(Some(FieldView::fixed(link.label, text)))
        }
    }
}

/// Returns a field as it is shown, with the label of the row to which it refers.
pub(super) fn of_field(
    req: &Request,
    model: &Registered,
    row: &[Value],
    field: &FieldMeta,
    references: &References<'_>,
) -> Result<FieldView> {
    let value = value_of(model.meta(), row, field);
    let mut fixed = FieldView::fixed(field.label, text(field, value, req.time_zone())).with_file(FileView::of(req, model, row, field)?);
    if let Some(label) = references.labels(field).get(&fixed.text) {
        fixed.text.clone_from(label);
        fixed.url = references.url(req, field, value)?;
    }
    Ok(fixed)
}
