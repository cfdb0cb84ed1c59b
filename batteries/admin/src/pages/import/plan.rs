//! The plan of an import: the rows that are added and changed, and their values.

use std::collections::HashMap;

use lback_core::{Request, Result, TimeZone};
use lback_db::{Db, RequestDb};
use lback_models::{Auto, FieldMeta, Kind, Value};

use super::columns::{Column, Columns};
use super::keys::Key;
use super::parse::{Line, Table};
use super::problems::{Problems, shortened};
use super::references::References;
use super::values;
use crate::access::{self, Right};
use crate::language::{text, within_sentence};
use crate::site::Registered;

/// The number of rows of the database that are in memory at a time.
pub(super) const CHUNK: usize = 200;
/// The number of rows that are shown.
const MOST_SHOWN: usize = 20;

/// A row that is written.
pub(super) struct Planned {
    pub(super) line: u64,
    /// The key of a row that is changed. `None` for one that is added.
    pub(super) key: Option<Vec<Value>>,
    /// The values that it gets, by the places of their fields.
    pub(super) values: Vec<(usize, Value)>,
}

/// The effect of a row of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Add,
    Change,
    /// The row has the values of the file already.
    Keep,
    /// A cell is invalid, or the row cannot be written.
    Refuse,
}

/// A row of the file as it is shown.
pub(super) struct Shown {
    pub(super) line: u64,
    pub(super) step: Step,
    pub(super) cells: Vec<ShownCell>,
}

/// A cell of a row that is shown.
pub(super) struct ShownCell {
    /// The text of the file.
    pub(super) text: String,
    /// The value of the text. `None` if it is invalid.
    pub(super) value: Option<Value>,
    /// The value that it replaces.
    pub(super) before: Option<Value>,
}

/// The plan of an import.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) rows: Vec<Planned>,
    /// The first rows that are added, changed or refused.
    pub(super) first: Vec<Shown>,
    /// The number of rows that are added, changed or refused.
    pub(super) count: usize,
    /// The number of rows that have the values of the file already.
    pub(super) kept: usize,
}

/// Plans the rows of a file. Nothing is written.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) fn plan(req: &mut Request, model: &Registered, columns: &Columns, table: &Table, problems: &mut Problems) -> Result<Plan> {
    let zone = req.time_zone();
    let list = access::rows(req, model)?;
    let may_see = access::has(req, model, Right::View)?;
    let references = columns.all.iter().map(|column| column.of.rows.clone().map(|rows| References::new(rows, zone))).collect();
    let blank = model.ops.blank(req.now())?;
    let mut planner = Planner { model, columns, zone, blank, references, seen: HashMap::new(), lacking: Vec::new(), problems };
    let mut plan = Plan::default();
    for lines in table.rows.chunks(CHUNK) {
        let keys: Vec<Key> = lines.iter().map(|line| planner.key(line)).collect();
        let known: Vec<Vec<Value>> = if may_see { keys.iter().filter_map(Key::known).collect() } else { Vec::new() };
        let mut rows: HashMap<_, _> = list.with_keys(req.db()?, &known)?.into_iter().collect();
        planner.learn(req.db()?, lines)?;
        for (line, key) in lines.iter().zip(keys) {
            let old = key.known().and_then(|key| rows.remove(&model.ops.key_text_of(&key)));
            planner.row(req, line, key, old, &mut plan)?;
        }
    }
    Ok(plan)
}

struct Planner<'a> {
    model: &'a Registered,
    columns: &'a Columns,
    zone: TimeZone,
    /// The values of a new row.
    blank: Vec<Value>,
    /// The rows that the columns refer to, in their order.
    references: Vec<Option<References>>,
    /// The lines of the rows whose keys were read, by the texts of these.
    seen: HashMap<String, u64>,
    /// The fields that new rows need and the file lacks.
    lacking: Vec<&'static str>,
    problems: &'a mut Problems,
}

impl Planner<'_> {
    fn key(&mut self, line: &Line) -> Key {
        let meta = self.model.meta();
        let mut key = Vec::new();
        for primary in meta.primary_key {
            let Some(column) = self.columns.all.iter().find(|column| column.of.field.column == *primary) else { return Key::New };
            let text = text_of(line, column);
            if text.is_empty() {
                return Key::New;
            }
            match values::read(meta, column.of.field, text, self.zone) {
                Ok(value) => key.push(value),
                Err(message) => {
                    self.problems.add_to(line.number, column.of.field.label, message);
                    return Key::Invalid;
                }
            }
        }
        if key.is_empty() { Key::New } else { Key::Of(key) }
    }

    /// Looks up the rows that lines refer to.
    fn learn(&mut self, db: &mut Db, lines: &[Line]) -> Result<()> {
        for (column, references) in self.columns.all.iter().zip(&mut self.references) {
            if let Some(references) = references {
                references.learn(db, lines.iter().map(|line| text_of(line, column)))?;
            }
        }
        Ok(())
    }

    /// Adds a row to the plan.
    fn row(&mut self, req: &mut Request, line: &Line, key: Key, old: Option<Vec<Value>>, plan: &mut Plan) -> Result<()> {
        let is_known = self.check_key(line, &key, old.is_some());
        let (values, cells) = self.values(line, matches!(key, Key::Invalid), old.as_deref());
        let mut is_valid = is_known && values.len() == cells.len();
        let values: Vec<(usize, Value)> = values.into_iter().flatten().collect();
        let (step, changed) = match &old {
            None => {
                is_valid = is_valid && self.check_lacking(line);
                (Step::Add, values)
            }
            Some(old) => {
                let differs = |(at, value): &(usize, Value)| old.get(*at) != Some(value);
                let changed: Vec<_> = values.into_iter().filter(differs).collect();
                if changed.is_empty() {
                    (Step::Keep, changed)
                } else {
                    if !access::has_for(req, self.model, Right::Change, old)? {
                        let label = within_sentence(self.model.meta().label);
                        self.problems.add_at(line.number, text!("You are not allowed to change this {model}.", model = label));
                        is_valid = false;
                    }
                    (Step::Change, changed)
                }
            }
        };
        let step = if is_valid { step } else { Step::Refuse };
        // A file can have many unchanged rows.
        if step != Step::Keep && plan.first.len() < MOST_SHOWN {
            plan.first.push(Shown { line: line.number, step, cells });
        }
        plan.count += usize::from(step != Step::Keep);
        match step {
            Step::Add => plan.rows.push(Planned { line: line.number, key: None, values: changed }),
            Step::Change => plan.rows.push(Planned { line: line.number, key: key.known(), values: changed }),
            Step::Keep => plan.kept += 1,
            Step::Refuse => {}
        }
        Ok(())
    }

    /// Checks that a row with a key may be written, and that the key occurs in the file only once.
    fn check_key(&mut self, line: &Line, key: &Key, exists: bool) -> bool {
        let key = match key {
            Key::New => return true,
            Key::Invalid => return false,
            Key::Of(key) => self.model.ops.key_text_of(key),
        };
        let meta = self.model.meta();
        let label = within_sentence(meta.label);
        if let Some(first) = self.seen.get(&key) {
            self.problems.add_at(
                line.number,
                text!("Line {number} has the same {field}. Write all values into one row.", number = first, field = label),
            );
            return false;
        }
        let is_numbered = meta.fields.iter().any(|field| field.auto == Auto::Id && meta.primary_key.contains(&field.column));
        if is_numbered && !exists {
            let text = text!(
                "There is no {model} {key} that you may see. To add one, leave the number empty.",
                model = label,
                key = shortened(&key)
            );
            self.problems.add_at(line.number, text);
            return false;
        }
        self.seen.insert(key, line.number);
        true
    }

    /// Returns the values of a row, which are fewer than its cells if a cell is invalid. Values that do not change are `None`.
    fn values(&mut self, line: &Line, is_key_invalid: bool, old: Option<&[Value]>) -> (Vec<Option<(usize, Value)>>, Vec<ShownCell>) {
        let (mut values, mut cells) = (Vec::new(), Vec::new());
        for at in &self.columns.unnamed {
            if line.cells.get(*at).is_some_and(|text| !text.trim().is_empty()) {
                self.problems.add_at(line.number, text!("Cell {number} has no name in the first row.", number = at + 1));
            }
        }
        for (column, references) in self.columns.all.iter().zip(&self.references) {
            let text = text_of(line, column);
            let field = column.of.field;
            let current = old.unwrap_or(&self.blank).get(column.of.at).unwrap_or(&Value::Null);
            let mut cell = ShownCell { text: shortened(text), value: None, before: None };
            // The key finds the row, and stays as it is.
            let read = if column.of.is_key && (old.is_some() || field.auto == Auto::Id) {
                if old.is_none() && !text.is_empty() {
                    // The row does not exist, which has been reported already.
                    cells.push(cell);
                    continue;
                }
                Ok(None)
            } else if text.is_empty() {
                empty(field, current, old.is_none())
            } else {
                match references {
                    Some(references) => refer(references, text, current, old.is_some()).map(Some),
                    None => values::read(self.model.meta(), field, text, self.zone).map(Some),
                }
            };
            match read {
                Ok(value) => {
                    let value = value.filter(|value| old.is_none() || value != current);
                    cell.before = value.as_ref().and(old).map(|_| current.clone());
                    cell.value = Some(value.as_ref().unwrap_or(current).clone());
                    values.push(value.map(|value| (column.of.at, value)));
                }
                // This has been reported already.
                Err(_) if is_key_invalid && column.of.is_key => {}
                Err(message) => self.problems.add_to(line.number, field.label, message),
            }
            cells.push(cell);
        }
        (values, cells)
    }

    /// Checks that the file has the fields that a new row needs. Each missing field is reported once.
    fn check_lacking(&mut self, line: &Line) -> bool {
        let meta = self.model.meta();
        let has = |field: &FieldMeta| self.columns.all.iter().any(|column| column.of.field.column == field.column);
        // Fields that an import cannot set, except references, have their defaults, as in the form.
        let may_need =
            |field: &FieldMeta| field.auto == Auto::No && (field.references.is_some() || self.columns.known.contains(&field.name));
        let needed = |(field, value): &(&'static FieldMeta, &Value)| may_need(field) && !has(field) && is_missing(field, value);
        let lacking: Vec<_> = meta.fields.iter().zip(&self.blank).filter(needed).map(|(field, _)| field).collect();
        for field in &lacking {
            if !self.lacking.contains(&field.name) {
                self.lacking.push(field.name);
                let label = within_sentence(meta.label);
                let text = match self.columns.known.contains(&field.name) {
                    true => text!("A new {model} needs a value here. Add the column {field}.", model = label, field = field.name),
                    false => text!("A new {model} needs a value here, and you are not allowed to choose one.", model = label),
                };
                self.problems.add_to(line.number, field.label, text);
            }
        }
        lacking.is_empty()
    }
}

fn text_of<'a>(line: &'a Line, column: &Column) -> &'a str {
    values::cell(line.cells.get(column.cell).unwrap_or_default())
}

/// Returns the value of an empty cell. `None` if the current value stays.
fn empty(field: &FieldMeta, current: &Value, is_new: bool) -> std::result::Result<Option<Value>, String> {
    let is_blank = field.blank && field.kind == Kind::Text && field.choices.is_empty();
    match (field.null, is_new) {
        (true, _) => Ok(Some(Value::Null)),
        (false, true) if !is_missing(field, current) => Ok(None),
        (false, _) if is_blank => Ok(Some(Value::Text(String::new()))),
        (false, _) => Err(text!("Write a value into this cell.")),
    }
}

/// Returns whether this value of a new row counts as missing.
fn is_missing(field: &FieldMeta, value: &Value) -> bool {
    match value {
        _ if field.null => false,
        // No row has the number 0.
        _ if field.references.is_some() => field.default.is_none(),
        Value::Null => true,
        Value::Text(text) => text.is_empty() && !field.blank,
        _ => false,
    }
}

/// Returns the key of the row that a text refers to. A reference that does not change can lead to a row that the user may not see.
fn refer(references: &References, text: &str, current: &Value, exists: bool) -> std::result::Result<Value, String> {
    match references.key(text) {
        Some(key) if exists && key == *current => Ok(key),
        _ => references.find(text),
    }
}
