//! The check for indexes that lists of large tables need.

use lback_core::{Application, ProgramError, ProgramResult};
use lback_db::Database;
use lback_models::Kind;

use crate::list_options::Filtered;
use crate::names::Named;
use crate::site::{Registered, Site};

/// A table with more rows needs indexes.
const LARGE: u32 = 100_000;

/// Returns an error that names the indexes that lists of large tables lack.
pub(crate) fn indexes(app: &Application, site: &Site) -> ProgramResult {
    let Some(database) = app.state::<Database>() else { return Ok(()) };
    let mut db = database.get()?;
    let mut missing = Vec::new();
    for model in &site.models {
        let fields = unserved(model);
        // The table may be missing, which another check reports.
        if !fields.is_empty() && model.ops.list().has_more_than(&mut db, LARGE).unwrap_or(false) {
            missing.extend(fields.into_iter().map(|field| format!("{}.{field}", model.meta().name)));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(ProgramError::new(format!(
        "lists of more than {LARGE} rows search, filter or sort by fields without an index, and can read the whole table: {}. Write \
         #[model(index)] at each, and run: lback makemigrations",
        missing.join(", ")
    )))
}

/// Returns the fields of the model itself by which its list is searched, narrowed and sorted, and that have no index.
fn unserved(model: &Registered) -> Vec<&'static str> {
    let (meta, options) = (model.meta(), &model.options);
    let filters = options.filters.iter().filter_map(|filtered| match filtered {
        Filtered::Named(Named::Field(field)) => Some(*field),
        Filtered::Named(Named::Link(_)) => None,
        Filtered::Through(through) => Some(through.reference),
    });
    let searched = options.search.iter().filter(|searched| searched.is_exact && searched.through.is_empty()).map(|searched| searched.field);
    let order = options.order.first().and_then(|name| meta.field(name.trim_start_matches('-')));
    let own_order = meta.total_order().first().and_then(|(column, _)| meta.field_of_column(column)).filter(|_| options.order.is_empty());
    let fields = filters.chain(searched).chain(options.dates).chain(order).chain(own_order);
    let mut names: Vec<_> =
        fields.filter(|field| field.kind != Kind::Bool && !meta.is_indexed(field.column)).map(|field| field.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}
