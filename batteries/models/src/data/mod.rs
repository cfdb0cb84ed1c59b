//! Rows of models in files: the commands `dumpdata` and `loaddata`.
//!
//! A file is an object with the names of tables, each with an array of its rows:
//!
//! ```json
//! {
//!   "authors": [
//!     {"id": 1, "name": "Alice"}
//!   ],
//!   "notes": [
//!     {"id": 1, "author_id": {"name": "Alice"}, "text": "Milk"}
//!   ]
//! }
//! ```

mod batch;
mod commands;
mod dump;
mod duration;
mod json;
mod load;
mod models;
mod natural;
mod read;
mod references;
mod statements;

pub(crate) use commands::{dumpdata, loaddata};
pub(crate) use duration::{parse as duration_from_text, to_text as duration_text};
pub(crate) use json::{from_json, to_json};

use std::path::Path;

use diesel::QueryResult;
use lback_core::Result;
use lback_db::Db;

use self::load::RowFile;
use self::models::DataModels;
use crate::{FieldMeta, ModelMeta, Models, Value};

/// Loads the file at `path`, which messages call `shown`, in one transaction.
///
/// # Errors
/// Returns an error that names the line, the row and the field, if a row is invalid or the database refuses it.
pub(crate) fn load_file(db: &mut Db, models: &Models, path: &Path, shown: &str) -> Result<()> {
    load::load(db, &DataModels::of(models), &[RowFile { path: path.to_owned(), shown: shown.to_owned() }]).map(drop)
}

/// Inserts a row with all its values, including its number.
pub(crate) fn insert_exactly(db: &mut Db, meta: &'static ModelMeta, row: &[Value]) -> QueryResult<()> {
    let columns: Vec<&'static FieldMeta> = meta.fields.iter().collect();
    statements::upsert(db, meta, &columns, &[row.to_vec()], &[], &[])?;
    statements::number_after_last(db, meta)
}
