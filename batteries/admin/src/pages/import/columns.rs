//! The columns of a file, and the fields that they set.

use csv::StringRecord;
use lback_core::settings::nearest;
use lback_core::{Request, Result};
use lback_models::{Auto, FieldMeta, Format, Kind, List, ModelMeta};
use serde::Serialize;

use super::problems::{Problems, shortened};
use crate::access;
use crate::language::{text, within_sentence};
use crate::model_admin::Group;
use crate::names::Named;
use crate::site::{Registered, Site};
use crate::stored_files::is_file;

/// A field that an import can set.
pub(super) struct Importable {
    pub(super) field: &'static FieldMeta,
    /// The place of the field in its model.
    pub(super) at: usize,
    /// `true` if the field is part of the primary key, by which rows are found.
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
    let groups = model.groups();
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
        let name = field.name;
        let why = match field.kind {
            _ if field.hidden || unseen.contains(field.name) => text!("{field} is hidden", field = name),
            _ if model.options.fixed.contains(field.name) => text!("{field} is read-only here", field = name),
            _ if !access::changes_field(req, model, field.name)? => text!("{field} needs a permission that you lack", field = name),
            // The number of a row is only looked up.
            _ if is_key && field.auto == Auto::Id => String::new(),
            _ if field.auto != Auto::No => text!("{field} is filled in automatically", field = name),
            _ if is_fixed || !(is_key || in_form(field)) => text!("{field} is read-only here", field = name),
            Kind::Bytes => text!("{field} has files", field = name),
            // Users could read every file whose name they write.
            _ if is_file(field) => text!("{field} has files", field = name),
            Kind::Text if matches!(field.format, Format::Pattern(_)) => {
                text!("{field} must match a pattern, which only the form checks", field = name)
            }
            _ if field.references.is_some() && rows.is_none() => text!("{field} refers to rows that you may not see", field = name),
            _ => String::new(),
        };
        fields.push(if why.is_empty() { Ok(Importable { field, at, is_key, rows }) } else { Err(why) });
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
            text!(
                "The first row names no field of {models}. It should name some of {fields}.",
                models = within_sentence(meta.plural),
                fields = names.join(", ")
            ),
        );
        return None;
    }
    let mut is_refused = false;
    for (cell, name) in header.iter().map(str::trim).enumerate() {
        if name.is_empty() {
            columns.unnamed.push(cell);
            continue;
        }
        let reason = match find(meta, name) {
            Found::Field(at) => match fields.get_mut(at).and_then(Option::take) {
                Some(Ok(of)) => {
                    columns.all.push(Column { cell, of });
                    continue;
                }
                Some(Err(why)) => why,
                None => {
                    problems.add_at(1, text!("Two columns are {name}. Remove one of them.", name = shortened(name)));
                    is_refused = true;
                    continue;
                }
            },
            Found::Link(name) => text!("{field} refers to several rows", field = name),
            Found::Nothing => {
                let hint = match nearest(name, &names) {
                    Some(likely) => text!("Did you mean {name}?", name = likely),
                    None => text!("The first row names the fields, which are listed below."),
                };
                problems.add_at(
                    1,
                    text!(
                        "“{name}” is not a field of {models}. {hint}",
                        name = shortened(name),
                        models = within_sentence(meta.plural),
                        hint
                    ),
                );
                is_refused = true;
                continue;
            }
        };
        if leaves_out {
            columns.left_out.push(name.to_owned());
        } else {
            problems.add_at(1, text!("{reason}, so it cannot be imported. Remove the column, or leave such columns out below.", reason));
            is_refused = true;
        }
    }
    if columns.all.is_empty() && !is_refused {
        problems.add_at(1, text!("None of these columns can be imported. The fields are {fields}.", fields = names.join(", ")));
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
            return text!("the number of the {model} to change, or empty to add one", model = within_sentence(meta.label));
        }
        _ if field.references.is_some() => match field.references.map(|reference| (reference.model)()) {
            Some(to) => text!("the key or the name of one of the {models}", models = within_sentence(to.plural)),
            None => String::new(),
        },
        Kind::Text if !field.choices.is_empty() => {
            let choices: Vec<&str> = field.choices.iter().map(|(stored, _)| *stored).collect();
            text!("one of {choices}", choices = choices.join(", "))
        }
        Kind::Text => match field.max_length {
            Some(most) => text!("at most {count} characters", count = most),
            None => text!("text"),
        },
        Kind::SmallInt | Kind::Integer | Kind::BigInt => text!("a whole number"),
        Kind::Float | Kind::Double | Kind::Decimal => text!("a number, such as 1.5"),
        Kind::Bool => text!("true or false"),
        Kind::Date => text!("a date, such as 2026-12-31"),
        Kind::Time => text!("a time, such as 23:59"),
        Kind::DateTime | Kind::Timestamp => text!("a date and a time, such as 2026-12-31 23:59"),
        Kind::Duration => text!("a length of time, such as PT1H30M"),
        Kind::Uuid => text!("a UUID"),
        Kind::Json => "JSON".to_owned(),
        Kind::Bytes => String::new(),
    };
    if field.null { text!("{expected}; may be empty", expected = text) } else { text }
}
