//! Searches rows by label, in a time that does not grow with the table.

use std::collections::BTreeSet;

use diesel::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Untyped};
use lback_core::Result;
use lback_db::{Db, Dialect};
use lback_forms::Choice;

use super::list::Rows;
use super::{Comparison, Filter, List, key_text, row_label};
use crate::seek::push_column;
use crate::statement::load_values;
use crate::{Cursor, FieldMeta, Kind, Value, cursor, rows};

/// The number of rows whose labels are searched for a text at any position.
const NEWEST: i64 = 10_000;
/// The maximum number of characters that are searched for.
const MOST_CHARACTERS: usize = 100;

pub(super) fn search(list: &List, db: &mut Db, text: &str, most: u32) -> Result<Vec<Choice>> {
    let meta = list.meta();
    let text: String = text.chars().filter(|c| *c != '\0').take(MOST_CHARACTERS).collect();
    let mut found = Found { known: BTreeSet::new(), choices: Vec::new(), most: most as usize };
    let label = meta.field_of_column(meta.display).filter(|field| !field.hidden);
    let key = meta.primary_key.first().and_then(|key| meta.field_of_column(key));
    if let (Some(key), false) = (key.filter(|_| meta.primary_key.len() == 1), text.is_empty())
        && let Some(value) = cursor::read(text.clone(), key)
    {
        found.add(list, list.find(db, &[value])?);
    }
    if let Some(label) = label.filter(|label| label.kind == Kind::Text && meta.is_indexed(label.column) && !text.is_empty()) {
        for start in spellings(&text) {
            if found.is_full() {
                break;
            }
            let beginning = beginning_with(list, label, &start)?;
            found.add(list, beginning.page(db, &Cursor::default(), most)?.items);
        }
    }
    if !found.is_full() {
        found.add(list, newest_containing(list, db, &text, most)?);
    }
    Ok(found.choices)
}

/// The rows that were found.
struct Found {
    known: BTreeSet<String>,
    choices: Vec<Choice>,
    most: usize,
}

impl Found {
    fn is_full(&self) -> bool {
        self.choices.len() >= self.most
    }

    fn add(&mut self, list: &List, rows: impl IntoIterator<Item = Vec<Value>>) {
        for row in rows {
            let key = key_text(list.meta(), &row);
            if !self.is_full() && self.known.insert(key.clone()) {
                self.choices.push(Choice::from((key, row_label(list.meta(), &row))));
            }
        }
    }
}

/// Returns a text as it was typed, with a capital letter, and in lower case. An index is case-sensitive.
fn spellings(text: &str) -> BTreeSet<String> {
    let mut letters = text.chars();
    let capital = letters.next().map(|first| first.to_uppercase().chain(letters).collect());
    [Some(text.to_owned()), capital, Some(text.to_lowercase())].into_iter().flatten().collect()
}

/// Narrows a list to the rows whose label begins with a text, in the order of the label, so that an index on it serves the list.
fn beginning_with(list: &List, label: &'static FieldMeta, start: &str) -> Result<List> {
    let end = format!("{start}\u{10ffff}");
    let list = list.clone().filter(Filter::Compare(label, Comparison::AtLeast, Value::Text(start.to_owned())));
    list.filter(Filter::Compare(label, Comparison::Below, Value::Text(end))).order_by(&[label.name])
}

fn newest_containing(list: &List, db: &mut Db, text: &str, most: u32) -> Result<Vec<Vec<Value>>> {
    let meta = list.meta();
    let rows = list.rows()?;
    let condition = match meta.field_of_column(meta.display) {
        Some(label) if !text.is_empty() => Some(super::contains(meta, label, text)),
        _ => None,
    };
    let key = meta.primary_key.iter().filter_map(|key| meta.position(key)).collect();
    Ok(load_values(Newest { rows, key, condition, most: most.into() }, db, &rows::kinds(meta))?)
}

/// The newest rows that satisfy a condition.
struct Newest {
    rows: Rows,
    /// The places of the fields of the primary key.
    key: Vec<usize>,
    condition: Option<super::condition::Condition>,
    most: i64,
}

impl QueryFragment<Dialect> for Newest {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        out.push_sql("SELECT * FROM (SELECT *");
        self.rows.walk_from(&mut out)?;
        for (number, at) in self.key.iter().enumerate() {
            out.push_sql(if number == 0 { " ORDER BY " } else { ", " });
            push_column(*at, &self.rows.meta.fields[*at], &mut out)?;
            out.push_sql(" DESC");
        }
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&NEWEST)?;
        out.push_sql(") AS ");
        out.push_identifier(crate::seek::LIST)?;
        if let Some(condition) = &self.condition {
            out.push_sql(" WHERE ");
            condition.walk_ast(out.reborrow())?;
        }
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.most)
    }
}

impl Query for Newest {
    type SqlType = Untyped;
}

impl QueryId for Newest {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
