//! The columns of a file, and the fields that they set.

use csv::StringRecord;
use lback_core::settings::nearest;
use lback_core::{Request, Result};
use lback_models::runtime::within_sentence;
use lback_models::{Auto, FieldMeta, Format, Kind, List, ModelMeta};
use serde::Serialize;

use super::problems::{Problems, shortened};
use crate::access;
use crate::model_admin::Group;
use crate::names::Named;
use crate::pages::edit::groups;
use crate::site::{Registered, Site};
use crate::stored_files::is_file;

/// A field that an import can set.
pub(super) struct Importable {
    pub(super) field: &'static FieldMeta,
    /// The place of the field in its model.
    pub(super) at: usize,
    /// Whether the field is part of the primary key, by which rows are found.
    pub(super) is_key: bool,
    /// The rows to which the field may refer.
    pub(super) rows: Option<List>,
}

/// A field of the model: one that an import can set, or the reason why it cannot.
pub(super) type Usable = std::result::Result<Importable, String>;

/// A field that a file can have, as the page describes it.
#[derive(Serialize)]
pub(super) struct Known {
    name: &'static str,
    label: &'static str,
    values: String,
}

/// A column of a file.
pub(super) struct Column {
    /// The place of its cells in a row of the file.
    pub(super) cell: usize,
    pub(super) of: Importable,
}

/// The columns of a file.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) all: Vec<Column>,
    /// The places of columns without a name, which must be empty.
    pub(super) unnamed: Vec<usize>,
    /// The names of columns that are left out at the request of the visitor.
    pub(super) left_out: Vec<String>,
    /// The names of all fields that a file can have.
    pub(super) known: Vec<&'static str>,
}

/// Returns the fields of the model.
///
/// # Errors
/// Returns an error if the rights of the user cannot be read.
pub(super) fn usable(req: &mut Request, site: &Site, model: &Registered) -> Result<Vec<Usable>> {
    let meta = model.meta();
    let groups = groups(model);
    let in_form = |field: &FieldMeta| {
        let is_it = |named: Named| matches!(named, Named::Field(other) if other.column == field.column);
        groups.iter().flat_map(Group::named).any(is_it)
    };
    let unseen = access::unseen_fields(req, model)?;
    let mut fields = Vec::with_capacity(meta.fields.len());
    for (at, field) in meta.fields.iter().enumerate() {
        let is_key = meta.primary_key.contains(&field.column);
        let is_fixed = model.options.readonly.contains(&field.name) || model.options.left_out.contains(&field.name);
        let rows = match field.references {
            Some(reference) => access::visible(req, site, (reference.model)())?,
            None => None,
        };
        let why = match field.kind {
            _ if field.hidden || unseen.contains(field.name) => "is hidden",
            _ if !access::changes_field(req, model, field.name)? => "needs a permission that you lack",
            // The number of a row is only looked up.
            _ if is_key && field.auto == Auto::Id => "",
            _ if field.auto != Auto::No => "is filled in automatically",
            _ if is_fixed || !(is_key || in_form(field)) => "is read-only here",
            Kind::Bytes => "has files",
            // Users could read every file whose name they write.
            _ if is_file(field) => "has files",
            Kind::Text if matches!(field.format, Format::Pattern(_)) => "must match a pattern, which only the form checks",
            _ if field.references.is_some() && rows.is_none() => "refers to rows that you may not see",
            _ => "",
        };
        fields.push(match why {
            "" => Ok(Importable { field, at, is_key, rows }),
            why => Err(format!("{} {why}", field.name)),
        });
    }
    Ok(fields)
}

/// Returns the fields that a file can have.
pub(super) fn known(meta: &ModelMeta, usable: &[Usable]) -> Vec<Known> {
    let importable = usable.iter().flatten();
    importable.map(|of| Known { name: of.field.name, label: of.field.label, values: expected(meta, of) }).collect()
}

/// Returns the columns that the first row of a file names. `None` if it has others.
pub(super) fn columns(
    meta: &'static ModelMeta,
    usable: Vec<Usable>,
    header: &StringRecord,
    leaves_out: bool,
    problems: &mut Problems,
) -> Option<Columns> {
    let names: Vec<&str> = usable.iter().flatten().map(|of| of.field.name).collect();
    let mut columns = Columns { known: names.clone(), ..Columns::default() };
    let mut fields: Vec<Option<Usable>> = usable.into_iter().map(Some).collect();
    let is_known = |name: &str| !matches!(find(meta, name.trim()), Found::Nothing);
    if !header.iter().any(is_known) {
        problems.add_at(
            1,
            format!("The first row names no field of {}. It should name some of {}.", within_sentence(meta.plural), names.join(", ")),
        );
        return None;
    }
    let mut is_refused = false;
    for (cell, name) in header.iter().map(str::trim).enumerate() {
        if name.is_empty() {
            columns.unnamed.push(cell);
            continue;
        }
        let found = match find(meta, name) {
            Found::Field(at) => match fields.get_mut(at).and_then(Option::take) {
                Some(Ok(of)) => {
                    columns.all.push(Column { cell, of });
                    continue;
                }
                Some(Err(why)) => Err(why),
                None => {
                    problems.add_at(1, format!("Two columns are {}. Remove one of them.", shortened(name)));
                    is_refused = true;
                    continue;
                }
            },
            Found::Link(name) => Err(format!("{name} refers to several rows")),
            Found::Nothing => {
                let hint = match nearest(name, &names) {
                    Some(likely) => format!("Did you mean {likely}?"),
                    None => "The first row names the fields, which are listed below.".to_owned(),
                };
                problems.add_at(1, format!("“{}” is not a field of {}. {hint}", shortened(name), within_sentence(meta.plural)));
                is_refused = true;
                continue;
            }
        };
        match found {
            Err(_) if leaves_out => columns.left_out.push(name.to_owned()),
            Err(why) => {
                problems.add_at(1, format!("{why}, so it cannot be imported. Remove the column, or leave such columns out below."));
                is_refused = true;
            }
            Ok(()) => {}
        }
    }
    if columns.all.is_empty() && !is_refused {
        problems.add_at(1, format!("None of these columns can be imported. The fields are {}.", names.join(", ")));
        is_refused = true;
    }
    (!is_refused).then_some(columns)
}

enum Found {
    Field(usize),
    Link(&'static str),
    Nothing,
}

/// Returns the field for a name: its name, its name without `_id` or its label, without regard to case.
fn find(meta: &'static ModelMeta, name: &str) -> Found {
    let name = name.to_lowercase();
    let by = |is_it: &dyn Fn(&FieldMeta) -> bool| meta.fields.iter().position(is_it);
    let without_id = |field: &FieldMeta| field.references.is_some() && field.name.strip_suffix("_id") == Some(&name);
    let field = by(&|field| field.name == name).or_else(|| by(&without_id)).or_else(|| by(&|field| field.label.to_lowercase() == name));
    let link = || meta.many_to_many.iter().find(|link| link.name == name || link.label.to_lowercase() == name);
    match field {
        Some(at) => Found::Field(at),
        None => link().map_or(Found::Nothing, |link| Found::Link(link.name)),
    }
}

/// Returns a description of the values that a column accepts.
fn expected(meta: &ModelMeta, of: &Importable) -> String {
    let field = of.field;
    let text = match field.kind {
        _ if of.is_key && field.auto == Auto::Id => {
            return format!("the number of the {} to change, or empty to add one", within_sentence(meta.label));
        }
        _ if field.references.is_some() => match field.references.map(|reference| (reference.model)()) {
            Some(to) => format!("the key or the name of one of the {}", within_sentence(to.plural)),
            None => String::new(),
        },
        Kind::Text if !field.choices.is_empty() => {
            let choices: Vec<&str> = field.choices.iter().map(|(stored, _)| *stored).collect();
            format!("one of {}", choices.join(", "))
        }
        Kind::Text => match field.max_length {
            Some(most) => format!("at most {most} characters"),
            None => "text".to_owned(),
        },
        Kind::SmallInt | Kind::Integer | Kind::BigInt => "a whole number".to_owned(),
        Kind::Float | Kind::Double | Kind::Decimal => "a number, such as 1.5".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Date => "a date, such as 2026-12-31".to_owned(),
        Kind::Time => "a time, such as 23:59".to_owned(),
        Kind::DateTime | Kind::Timestamp => "a date and a time, such as 2026-12-31 23:59".to_owned(),
        Kind::Duration => "a length of time, such as PT1H30M".to_owned(),
        Kind::Uuid => "a UUID".to_owned(),
        Kind::Json => "JSON".to_owned(),
        Kind::Bytes => String::new(),
    };
    if field.null { format!("{text}; may be empty") } else { text }
}
