//! The schema of models.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Column, DefaultValue, ForeignKey, Index, Schema, Table};
use crate::meta::{Auto, FieldMeta, IndexMeta, Literal, ModelMeta};
use crate::migrate::Dialect;
use crate::migrate::sql::{literal, quote};

impl Schema {
    /// Returns the tables of the models that are [managed](ModelMeta::managed), with the tables of pairs of their many-to-many fields.
    pub fn of<'a>(models: impl IntoIterator<Item = &'a ModelMeta>) -> Self {
        let mut tables = BTreeMap::new();
        for model in models {
            let pairs = model.many_to_many.iter().map(|field| (field.through)());
            for model in std::iter::once(model).chain(pairs).filter(|model| model.managed) {
                tables.entry(model.table.to_owned()).or_insert_with(|| Table::of(model));
            }
        }
        Schema { tables }
    }
}

impl Table {
    /// Returns the table of a model.
    pub fn of(model: &ModelMeta) -> Self {
        let of_fields = model.fields.iter().filter(|field| model.primary_key != [field.column]).filter_map(|field| {
            let index = Index { columns: vec![field.column.to_owned()], unique: field.unique, condition: String::new() };
            (field.unique || field.index).then_some(index)
        });
        let indexes: BTreeSet<Index> = of_fields.chain(model.indexes.iter().map(index)).collect();
        Table {
            columns: model.fields.iter().map(column).collect(),
            primary_key: owned(model.primary_key),
            indexes,
            checks: model.checks.iter().map(|check| Check::new(check.name, check.condition.trim())).chain(limits(model)).collect(),
        }
    }
}

fn index(index: &IndexMeta) -> Index {
    Index { columns: owned(index.columns), unique: index.unique, condition: index.condition.trim().to_owned() }
}

/// Returns the checks of the smallest and the largest number that fields allow.
fn limits(model: &ModelMeta) -> impl Iterator<Item = Check> {
    model
        .fields
        .iter()
        .flat_map(|field| {
            let check = |end: Option<Literal>, name: &str, operator: &str| {
                let value = DefaultValue::from(end?);
                let on = |dialect| format!("{} {operator} {}", quote(field.column), literal(&value, &column(field), dialect));
                let (condition, on_sqlite) = (on(Dialect::Postgres), on(Dialect::Sqlite));
                let on_sqlite = if on_sqlite == condition { String::new() } else { on_sqlite };
                Some(Check { name: format!("{}_{name}", field.column), condition, on_sqlite })
            };
            [check(field.min, "min", ">="), check(field.max, "max", "<=")]
        })
        .flatten()
}

fn column(field: &FieldMeta) -> Column {
    let mut choices: Vec<String> = field.choices.iter().map(|(name, _)| (*name).to_owned()).collect();
    // A choice that moves in its enum is no change of the table.
    choices.sort();
    Column {
        name: field.column.to_owned(),
        kind: field.kind,
        null: field.null,
        numbered: field.auto == Auto::Id,
        max_length: field.max_length,
        digits: field.digits,
        default: field.default.map(DefaultValue::from),
        choices,
        references: field.references.map(|reference| {
            let model = (reference.model)();
            ForeignKey {
                table: model.table.to_owned(),
                column: model.primary_key.first().copied().unwrap_or("id").to_owned(),
                on_delete: reference.on_delete,
            }
        }),
    }
}

impl From<Literal> for DefaultValue {
    fn from(literal: Literal) -> Self {
        match literal {
            Literal::Text(text) => DefaultValue::Text(text.to_owned()),
            Literal::Int(number) => DefaultValue::Int(number),
            Literal::Real(number) => DefaultValue::Real(number),
            Literal::Bool(value) => DefaultValue::Bool(value),
        }
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
