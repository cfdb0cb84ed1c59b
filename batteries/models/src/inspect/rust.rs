//! Models in Rust, for the tables of a database.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{Field, name_of};
use super::names::{USED, camel, field_name, free_name, is_plain, struct_name};
use crate::Kind;
use crate::migrate::{Index, Introspected, NamedTable, Table, by_references};

/// The tables of a database.
pub(super) struct Inspected<'a> {
    found: &'a Introspected,
    /// The structs of the tables.
    names: BTreeMap<&'a str, String>,
    /// The enums of columns with choices, by the names of the table and of the column.
    enums: BTreeMap<(String, String), String>,
    /// Whether the tables are in PostgreSQL, whose types cannot be mixed up.
    pub(super) is_server: bool,
}

/// The table of the framework's users, and its model.
const USERS: (&str, &str) = ("auth_users", "User");

impl<'a> Inspected<'a> {
    pub(super) fn new(found: &'a Introspected, is_server: bool) -> Self {
        let mut taken: BTreeSet<String> = USED.map(str::to_owned).into();
        let (mut names, mut enums) = (BTreeMap::new(), BTreeMap::new());
        // The derive makes a struct for new rows, so `new_posts` is named after `posts`.
        let of_new = |name: &str| format!("New{name}");
        let (last, first): (Vec<&String>, Vec<&String>) = found.schema.tables.keys().partition(|table| table.starts_with("new"));
        for table in first.into_iter().chain(last) {
            let name = free_name(struct_name(table), |name| !taken.contains(name) && !taken.contains(&of_new(name)));
            taken.extend([of_new(&name), name.clone()]);
            names.insert(table.as_str(), name);
        }
        for (name, table) in &found.schema.tables {
            for column in table.columns.iter().filter(|column| !column.choices.is_empty()) {
                let of_table = names.get(name.as_str()).map_or("", String::as_str);
                let of_column = free_name(format!("{of_table}{}", camel(&column.name)), |name| !taken.contains(name));
                taken.insert(of_column.clone());
                enums.insert((name.clone(), column.name.clone()), of_column);
            }
        }
        Inspected { found, names, enums, is_server }
    }

    /// Returns the struct of a table.
    pub(super) fn struct_of(&self, table: &str) -> &str {
        self.names.get(table).map_or("", String::as_str)
    }

    /// Returns the enum of a column with choices.
    pub(super) fn enum_of(&self, table: &str, column: &str) -> Option<&str> {
        self.enums.get(&(table.to_owned(), column.to_owned())).map(String::as_str)
    }

    /// Returns the type that a column has in the database.
    pub(super) fn declared(&self, table: &str, column: &str) -> &str {
        self.found.declared.get(&(table.to_owned(), column.to_owned())).map_or("", String::as_str)
    }

    /// Returns the model to whose key a reference is, if it is to one.
    pub(super) fn model_of(&self, table: &str, column: &str) -> Option<String> {
        match self.found.schema.tables.get(table) {
            Some(other) => (other.is_key(column) && self.key_kind(table).is_some()).then(|| self.struct_of(table).to_owned()),
            None => (table == USERS.0 && column == "id").then(|| USERS.1.to_owned()),
        }
    }

    /// Returns the type of a table's primary key, if it is one field.
    pub(super) fn key_kind(&self, table: &str) -> Option<Kind> {
        let Some(table) = self.found.schema.tables.get(table) else { return (table == USERS.0).then_some(Kind::BigInt) };
        let [key] = table.primary_key.as_slice() else { return None };
        let column = table.column(key)?;
        let kind = if column.numbered { Kind::BigInt } else { column.kind };
        Some(kind)
    }

    /// Returns whether two tables refer to each other, and this one is the second.
    pub(super) fn is_mutual(&self, table: &str, other: &str) -> bool {
        let refers = |from: &str, to: &str| {
            let columns = self.found.schema.tables.get(from).into_iter().flat_map(|table| &table.columns);
            columns.into_iter().any(|column| column.references.as_ref().is_some_and(|reference| reference.table == to))
        };
        table > other && refers(other, table)
    }

    /// Returns the code of the models, those that others refer to first.
    pub(super) fn code(&self) -> String {
        let tables = self.found.schema.tables.iter().map(|(name, table)| NamedTable { name: name.clone(), table: table.clone() });
        let models: Vec<String> =
            by_references(tables.collect()).iter().map(|NamedTable { name, table }| self.model(name, table)).collect();
        let models = models.join("\n");
        format!("{}\n{models}", uses(&models))
    }

    fn model(&self, name: &str, table: &Table) -> String {
        if table.primary_key.is_empty() {
            return format!("// The table {name:?} has no primary key, which a model needs.\n");
        }
        let module = if is_plain(name) { name.to_owned() } else { field_name(name) };
        let fields: Vec<(&str, Field)> =
            table.columns.iter().map(|column| (column.name.as_str(), self.field(name, table, &module, column))).collect();
        let field_of = |column: &String| fields.iter().find(|(name, _)| name == column).and_then(|(_, field)| field.name.clone());
        let mut attributes = vec![format!("table = {name:?}")];
        if module != name {
            attributes.push(format!("module = {module}"));
        }
        attributes.push("unmanaged".to_owned());
        let mut notes = String::new();
        let decimals: Vec<&str> = table
            .columns
            .iter()
            .filter(|column| column.kind == Kind::Decimal && field_of(&column.name).is_some())
            .map(|column| column.name.as_str())
            .collect();
        let mut add = |attribute: String, condition: &str, instead: &str| match has_decimal_and_number(condition, &decimals) {
            true => {
                notes += &format!("// The database has {attribute}, but a condition with a Decimal cannot contain numbers.{instead}\n");
            }
            false => attributes.push(attribute),
        };
        let of_one = |index: &&Index| index.columns.len() == 1 && index.condition.is_empty();
        for index in table.indexes.iter().filter(|index| !of_one(index)) {
            let Some(columns) = index.columns.iter().map(field_of).collect::<Option<Vec<_>>>() else { continue };
            let condition = if index.condition.is_empty() { String::new() } else { format!(", condition = {:?}", index.condition) };
            let attribute = format!("{}({}{condition})", if index.unique { "unique" } else { "index" }, columns.join(", "));
            add(attribute, &index.condition, "");
        }
        for check in &table.checks {
            let attribute = format!("check({} = {:?})", field_name(&check.name), check.condition);
            add(attribute, &check.condition, " Use `min` and `max` of the field.");
        }
        let choices: String = fields.iter().filter_map(|(_, field)| field.choices.as_ref()).map(|choices| format!("{choices}\n")).collect();
        let number = table.primary_key.first().and_then(|key| table.column(key));
        if number
            .is_some_and(|key| !key.numbered && table.is_key(&key.name) && key.kind == Kind::BigInt && name_of(table, &module, key) == "id")
        {
            notes += "// The database does not number these rows, and a model with this field expects it to.\n";
        }
        let of_model = format!("#[model({})]\n", attributes.join(", "));
        let of_model =
            if of_model.chars().count() <= 140 { of_model } else { format!("#[model(\n    {}\n)]\n", attributes.join(",\n    ")) };
        let lines: String = fields.into_iter().map(|(_, field)| field.code).collect();
        format!("{choices}{notes}#[derive(Model, Clone, Debug)]\n{of_model}pub struct {} {{\n{lines}}}\n", self.struct_of(name))
    }
}

/// Returns whether the derive refuses the condition: on SQLite, a decimal is a number of units of its last place.
fn has_decimal_and_number(condition: &str, decimals: &[&str]) -> bool {
    let words: Vec<&str> = condition.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).collect();
    let is_number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains(|c| !matches!(c, '0' | '.'));
    words.iter().any(|word| decimals.contains(word)) && words.iter().any(is_number)
}

/// Returns the imports that the code needs.
fn uses(code: &str) -> String {
    let words: BTreeSet<&str> = code.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let mut uses = String::new();
    let of_chrono: Vec<&str> =
        ["NaiveDate", "NaiveDateTime", "NaiveTime", "TimeDelta"].into_iter().filter(|name| words.contains(name)).collect();
    match of_chrono.as_slice() {
        [] => {}
        [one] => uses += &format!("use lback::chrono::{one};\n"),
        several => uses += &format!("use lback::chrono::{{{}}};\n", several.join(", ")),
    }
    uses += "use lback::prelude::*;\n";
    if code.contains("Json<Value>") {
        uses += "use lback::serde_json::Value;\n";
    }
    if words.contains("Uuid") {
        uses += "use lback::uuid::Uuid;\n";
    }
    uses
}
