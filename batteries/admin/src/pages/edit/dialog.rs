//! The form of a new row in a dialog of another form, whose field then refers to the row.

use lback_core::{Request, Response, Result};
use lback_db::RequestDb;
use lback_models::Value;
use serde::Serialize;

use crate::access;
use crate::query_string::QueryString;
use crate::site::Registered;

/// The parameter of a form that is shown in a dialog.
const DIALOG: &str = "_dialog";

/// A row that was added, for the script of the other form.
#[derive(Serialize)]
struct Added {
    /// The key. `None` if the user may not see the row.
    value: Option<String>,
    label: String,
}

/// Returns whether the form is shown in a dialog.
pub(in crate::pages) fn is_in_dialog(req: &Request) -> Result<bool> {
    Ok(QueryString::of(req)?.get(DIALOG).is_some())
}

/// Returns the answer of the form to the script of the other form, after the row was added.
pub(in crate::pages) fn added(req: &mut Request, model: &Registered, row: &[Value]) -> Result<Response> {
    let is_seen = access::rows(req, model)?.find(req.db()?, &model.ops.key(row))?.is_some();
    let added = Added { value: is_seen.then(|| model.ops.key_text(row)), label: model.ops.label(row) };
    Response::json(&added)?.with_header("cache-control", "no-store")
}
