//! Fields of a model, for the columns of a table.

use lback_db::units;

use super::choices::{choices, variant};
use super::names::field_name;
use super::rust::Inspected;
use crate::migrate::{Column, DefaultValue, Index, Table, is_text, on_delete_name};
use crate::{Digits, Kind, OnDelete};

/// The most digits that a field can have.
const MOST_DIGITS: u32 = 18;

/// A field in Rust.
pub(super) struct Field {
    /// Its lines: comments, attributes and the field, or comments alone for a column that no field has.
    pub(super) code: String,
    /// The name, unless no field has the column.
    pub(super) name: Option<String>,
    /// The enum that is its type.
    pub(super) choices: Option<String>,
}

/// Returns the type of a field, without an `Option`.
pub(super) fn rust_type(kind: Kind) -> &'static str {
    match kind {
        Kind::SmallInt => "i16",
        Kind::Integer => "i32",
        Kind::BigInt => "i64",
        Kind::Float => "f32",
        Kind::Double => "f64",
        Kind::Bool => "bool",
        Kind::Text => "String",
        Kind::Bytes => "Vec<u8>",
        Kind::Date => "NaiveDate",
        Kind::Time => "NaiveTime",
        Kind::DateTime => "NaiveDateTime",
        Kind::Timestamp => "DateTime<Utc>",
        Kind::Duration => "TimeDelta",
        Kind::Uuid => "Uuid",
        Kind::Json => "Json<Value>",
        Kind::Decimal => "Decimal",
    }
}

/// Returns the name of the field of a column.
pub(super) fn name_of(table: &Table, module: &str, column: &Column) -> String {
    // The derive numbers only a field of this name.
    if column.numbered && table.is_key(&column.name) {
        return "id".to_owned();
    }
    let name = field_name(&column.name);
    let is_taken = |name: &str| {
        let before = table.columns.iter().take_while(|other| other.name != column.name);
        name == module
            || (name == "id" && table.columns.iter().any(|other| other.numbered && table.is_key(&other.name)))
            || before.into_iter().any(|other| field_name(&other.name) == name)
    };
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(name)
}

impl Inspected<'_> {
    /// Returns the field of a column of the table `name`.
    pub(super) fn field(&self, name: &str, table: &Table, module: &str, column: &Column) -> Field {
        let declared = self.declared(name, &column.name);
        let reference = column.references.as_ref().map(|to| (to, self.model_of(&to.table, &to.column)));
        let of_key = reference.as_ref().and_then(|(to, model)| model.as_ref().and_then(|_| self.key_kind(&to.table)));
        let kind = if column.numbered { Kind::BigInt } else { of_key.unwrap_or(column.kind) };
        // makemigrations deletes a column without a field.
        let unknown = || Field {
            code: format!(
                "    // {}: no field has the type {declared}. As long as the model is unmanaged, the column stays.\n",
                column.name
            ),
            name: None,
            choices: None,
        };
        let digits = column.digits.filter(|digits| kind == Kind::Decimal && digits.max_digits <= MOST_DIGITS);
        let is_known = match kind {
            Kind::Text => is_text(declared),
            Kind::Decimal => digits.is_some(),
            _ => true,
        };
        if !is_known {
            return unknown();
        }
        let field = name_of(table, module, column);
        let mut attributes = Vec::new();
        let mut comments = Vec::new();
        if table.primary_key.contains(&column.name) && !(field == "id" && table.is_key(&column.name)) {
            attributes.push("primary_key".to_owned());
        }
        if field != column.name {
            attributes.push(format!("column = {:?}", column.name));
        }
        if let Some(length) = column.max_length.filter(|_| column.choices.is_empty()) {
            attributes.push(format!("max_length = {length}"));
        }
        if let Some(Digits { max_digits, decimal_places }) = digits {
            attributes.push(format!("max_digits = {max_digits}, decimal_places = {decimal_places}"));
        }
        let has_index = |unique| table.indexes.contains(&Index { columns: vec![column.name.clone()], unique, condition: String::new() });
        let is_whole_key = table.is_key(&column.name);
        if has_index(true) && !is_whole_key {
            attributes.push("unique".to_owned());
        } else if has_index(false) && reference.as_ref().is_none_or(|(_, model)| model.is_none()) && !is_whole_key {
            attributes.push("index".to_owned());
        }
        match &reference {
            Some((to, Some(model))) => {
                attributes.push(format!("references = {}", if to.table == name { "Self" } else { model.as_str() }));
                if to.on_delete != OnDelete::Restrict {
                    attributes.push(format!("on_delete = {}", on_delete_name(to.on_delete).replace(' ', "_")));
                }
                if self.is_mutual(name, &to.table) {
                    attributes.push("no_join".to_owned());
                }
            }
            Some((to, None)) => comments.push(format!("It refers to {}.{}, which has no model here.", to.table, to.column)),
            None => {}
        }
        let enum_name = self.enum_of(name, &column.name).filter(|_| kind == Kind::Text);
        let default = column.default.as_ref().filter(|_| !column.numbered);
        match default.map(|default| (default, literal(default, kind, enum_name, &column.choices))) {
            Some((_, Some(literal))) => attributes.push(format!("default = {literal}")),
            Some((default, None)) => comments.push(format!("Its default in the database is {default:?}.")),
            None => {}
        }
        if kind != column.kind && self.is_server {
            comments.push(format!(
                "The type in the database is {declared}. makemigrations --adopt changes it, and rows cannot be read before."
            ));
        }
        let mut code: String = comments.iter().map(|comment| format!("    // {comment}\n")).collect();
        if !attributes.is_empty() {
            code += &format!("    #[model({})]\n", attributes.join(", "));
        }
        let field_type = enum_name.unwrap_or(rust_type(kind));
        let field_type = if column.null { format!("Option<{field_type}>") } else { field_type.to_owned() };
        code += &format!("    pub {field}: {field_type},\n");
        let default_choice = match default {
            Some(DefaultValue::Text(text)) if column.choices.contains(text) => Some(text.as_str()),
            _ => None,
        };
        let choices = enum_name.map(|name| choices(name, &column.choices, default_choice));
        Field { code, name: Some(field), choices }
    }
}

/// Returns a default in Rust. `None` if an attribute cannot have it.
fn literal(default: &DefaultValue, kind: Kind, enum_name: Option<&str>, choices: &[String]) -> Option<String> {
    match (kind, default) {
        (Kind::Text, DefaultValue::Text(text)) => match enum_name {
            Some(name) => choices.contains(text).then(|| format!("{name}::{}", variant(choices, text))),
            None => Some(format!("{text:?}")),
        },
        (Kind::Decimal, DefaultValue::Text(number)) => units(number, MOST_DIGITS).map(|_| number.clone()),
        (Kind::Decimal, DefaultValue::Real(number)) => Some(number.to_string()),
        (Kind::SmallInt | Kind::Integer | Kind::BigInt | Kind::Decimal, DefaultValue::Int(number)) => Some(number.to_string()),
        (Kind::Float | Kind::Double, DefaultValue::Int(number)) => Some(format!("{number}.0")),
        (Kind::Float | Kind::Double, DefaultValue::Real(number)) if number.is_finite() => Some(format!("{number:?}")),
        (Kind::Bool, DefaultValue::Bool(value)) => Some(value.to_string()),
        (Kind::Bool, DefaultValue::Int(number @ (0 | 1))) => Some((*number == 1).to_string()),
        _ => None,
    }
}
