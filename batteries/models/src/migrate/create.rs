//! Tables without migrations.

use diesel::connection::SimpleConnection;
use lback_core::Result;
use lback_db::Db;

use super::{Answers, Dialect, Options, Schema, plan, render};
use crate::ModelOps;

/// Creates the tables of models in an empty database, for tests of a crate that has models and no migrations.
///
/// # Errors
/// Returns an error if the database refuses a table.
pub fn create_tables(db: &mut Db, models: &[&'static dyn ModelOps]) -> Result<()> {
    let schema = Schema::of(models.iter().map(|model| model.meta()));
    let plan = plan(&Schema::default(), &schema, &mut Answers::default())?;
    let sql = render(&plan, Dialect::of(db.kind()), Options::default());
    Ok(db.batch_execute(&sql.main)?)
}
