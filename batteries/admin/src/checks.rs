//! The checks of the admin: indexes that lists of large tables need, and texts that a language lacks.

use std::collections::BTreeMap;

use lback_core::{Application, ProgramError, ProgramResult};
use lback_db::{Database, Db};
use lback_models::runtime::ops_of;
use lback_models::{FieldMeta, Kind, ModelMeta, ModelOps as _};

use crate::language::Language;
use crate::list_options::Filtered;
use crate::names::Named;
use crate::site::{Registered, Site};

/// A table with more rows needs indexes.
const LARGE: u32 = 100_000;

/// Returns an error that names the indexes that lists of large tables lack.
pub(crate) fn indexes(app: &Application, site: &Site) -> ProgramResult {
    let Some(database) = app.state::<Database>() else { return Ok(()) };
    let mut db = database.get()?;
    let mut known = BTreeMap::new();
    let mut is_large = |db: &mut Db, meta: &'static ModelMeta| {
        // The table may be missing, which another check reports.
        *known.entry(meta.table).or_insert_with(|| ops_of(meta).list().has_more_than(db, LARGE).unwrap_or(false))
    };
    let mut missing: Vec<Missing> = Vec::new();
    for model in &site.models {
        for lacking in unserved(model) {
            if is_large(&mut db, lacking.meta) && !missing.iter().any(|other| other.is_of(&lacking)) {
                missing.push(lacking);
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = missing.iter().map(Missing::line).collect();
    Err(ProgramError::new(format!(
        "lists of more than {LARGE} rows search, filter or sort by fields without an index, and can read the whole table:\n{}\n\
         Add the attributes, and run: lback makemigrations",
        lines.join("\n")
    )))
}

/// Returns an error that names texts that the file of a language does not translate.
pub(crate) fn texts(language: &Language) -> ProgramResult {
    /// The maximum number of texts that are named.
    const MOST: usize = 30;
    let missing = language.missing();
    if missing.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = missing.iter().take(MOST).map(|text| format!("  {text:?} = \"…\"")).collect();
    let more = missing.len().saturating_sub(MOST);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    Err(ProgramError::new(format!("these texts stay in English. Add to the file:\n{}{more}", lines.join("\n"))))
}

/// A field without an index by which a list is searched, narrowed or sorted.
struct Missing {
    meta: &'static ModelMeta,
    field: &'static FieldMeta,
    /// The columns of the index that serves the list.
    columns: Vec<&'static str>,
}

impl Missing {
    fn is_of(&self, other: &Missing) -> bool {
        self.meta.table == other.meta.table && self.field.column == other.field.column
    }

    /// Returns the field, the attribute that adds an index, and the index that a migration then creates.
    fn line(&self) -> String {
        let (model, field, table) = (self.meta.name, self.field.name, self.meta.table);
        let attribute = match self.columns.as_slice() {
            [_] => "index".to_owned(),
            columns => format!("index({})", columns.join(", ")),
        };
        let place = if self.columns.len() == 1 { "the field" } else { "the struct" };
        format!("  {model}.{field}: #[model({attribute})] at {place}, for CREATE INDEX … ON {table} ({})", self.columns.join(", "))
    }
}

/// Returns the fields without an index by which the list of a model is searched, narrowed and sorted.
fn unserved(model: &Registered) -> Vec<Missing> {
    let (meta, options) = (model.meta(), &model.options);
    let order = order(model);
    let mut missing: Vec<Missing> = Vec::new();
    let mut add = |meta: &'static ModelMeta, field: &'static FieldMeta, then: &[&'static str]| {
        if !meta.is_indexed(field.column) {
            let others = then.iter().copied().filter(|column| *column != field.column);
            missing.push(Missing { meta, field, columns: std::iter::once(field.column).chain(others).collect() });
        }
    };
    if let Some(first) = order.first().and_then(|column| meta.field_of_column(column)) {
        add(meta, first, &order);
    }
    for filtered in &options.filters {
        match *filtered {
            // Rows with the same value are read in the order of the list.
            Filtered::Named(Named::Field(field)) if is_choice(field) => add(meta, field, &order),
            Filtered::Named(Named::Field(field)) => add(meta, field, &[]),
            Filtered::Named(Named::Link(_)) => {}
            Filtered::Through(through) => {
                add(meta, through.reference, &order);
                add(through.to, through.field, &[]);
            }
        }
    }
    for searched in options.search.iter().filter(|searched| searched.is_exact) {
        let of = searched.through.last().and_then(|field| field.references).map_or(meta, |reference| (reference.model)());
        add(of, searched.field, &[]);
    }
    if let Some(field) = options.dates {
        add(meta, field, &[]);
    }
    missing
}

/// Returns whether a filter of a field chooses one of its values, such as a boolean.
fn is_choice(field: &FieldMeta) -> bool {
    field.kind == Kind::Bool || !field.choices.is_empty() || field.references.is_some()
}

/// Returns the columns of the order of a list, in which the key comes last. An index serves them in both directions, but not some of them
/// in each, and then only the first column is returned.
fn order(model: &Registered) -> Vec<&'static str> {
    let meta = model.meta();
    let own: Vec<(&'static str, bool)> = model
        .options
        .order
        .iter()
        .filter_map(|name| {
            let is_descending = name.starts_with('-');
            meta.field(name.trim_start_matches('-')).map(|field| (field.column, is_descending))
        })
        .collect();
    let mut order = if own.is_empty() { meta.total_order() } else { own };
    let is_mixed = order.iter().any(|(_, is_descending)| order.first().is_some_and(|(_, first)| first != is_descending));
    if is_mixed {
        order.truncate(1);
    } else if let [key] = meta.primary_key
        && !order.iter().any(|(column, _)| column == key)
    {
        order.push((key, false));
    }
    order.into_iter().map(|(column, _)| column).collect()
}
