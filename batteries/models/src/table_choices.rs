//! Choices of a form's field that are the rows of a table: the model of a reference, or the other side of a many-to-many relation.

use std::any::Any;
use std::sync::Arc;

use diesel::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Untyped};
use lback_core::{Error, Request, Result};
use lback_db::{Db, Dialect, RequestDb};
use lback_forms::{Asked, Choice, ChoiceSource, Offered};

use crate::keyset::KeyColumn;
use crate::rows::{self, Pairs};
use crate::runtime::{List, contains};
use crate::seek::{push_column, push_list, push_order};
use crate::statement::{ReadAs, bind, load_values};
use crate::{FieldMeta, Kind, ManyToManyMeta, ModelMeta, Value, cursor};

/// If there are more choices, the field gets a search field.
const MOST_CHOICES: usize = 200;
/// The most characters that are searched for. SQLite refuses long patterns.
const MOST_CHARACTERS: usize = 200;
/// The most keys that are looked up.
const MOST_KEYS: usize = 1000;

pub(crate) type AnyQuery = Box<dyn QueryFragment<Dialect>>;

/// The rows of a table, or some of them, as choices.
#[derive(Clone)]
pub(crate) struct TableChoices {
    meta: &'static ModelMeta,
    /// Returns the query for the rows, which begin with the columns of the model.
    query: Arc<dyn Fn() -> Result<AnyQuery> + Send + Sync>,
    /// The row whose relation is edited, and the table of its pairs.
    linked: Option<(Pairs, Value)>,
}

impl TableChoices {
    /// Returns all rows of a model.
    pub(crate) fn of(meta: &'static ModelMeta) -> Self {
        TableChoices { meta, query: Arc::new(move || Ok(Box::new(rows::select(meta)) as AnyQuery)), linked: None }
    }

    /// Returns the rows of a list.
    pub(crate) fn of_list(list: List) -> Self {
        TableChoices { meta: list.meta(), query: Arc::new(move || list.query()), linked: None }
    }

    /// Returns the rows that a query finds.
    pub(crate) fn limited<Q: QueryFragment<Dialect> + 'static>(&self, query: impl Fn() -> Q + Send + Sync + 'static) -> Self {
        TableChoices { query: Arc::new(move || Ok(Box::new(query()) as AnyQuery)), ..self.clone() }
    }

    /// Returns the choices with those chosen to which the row with this key is linked.
    pub(crate) fn linked(&self, pairs: Pairs, own: Value) -> Self {
        TableChoices { linked: Some((pairs, own)), ..self.clone() }
    }

    /// Returns the first rows, by key and label, in the order of the model.
    fn rows(&self, db: &mut Db, wanted: Wanted, limit: usize) -> Result<Vec<Choice>> {
        let at = |column: &str| self.meta.position(column);
        let (Some(key), Some(label)) = (self.meta.primary_key.first().and_then(|key| at(key)), at(self.meta.display)) else {
            return Err(Error::internal(format!("{} has no key or no field by which a row is known", self.meta.name)));
        };
        let order = self.meta.total_order().into_iter().filter_map(|(column, descending)| {
            let at = at(column)?;
            Some(KeyColumn { at, field: &self.meta.fields[at], descending })
        });
        let (key_field, label_field) = (&self.meta.fields[key], &self.meta.fields[label]);
        let list = Labels {
            query: (self.query)()?,
            meta: self.meta,
            key,
            label,
            wanted,
            order: order.collect(),
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
        };
        let found = load_values(list, db, &[ReadAs::from(key_field), ReadAs::from(label_field)])?;
        Ok(found.iter().filter_map(|row| Some(Choice::from((cursor::text(&row[0]).ok()?, shown(&row[1], label_field))))).collect())
    }

    /// Returns the keys in the submitted texts, without invalid ones.
    pub(crate) fn keys(&self, texts: &[String]) -> Vec<Value> {
        let key = self.meta.primary_key.first().and_then(|key| self.meta.field_of_column(key));
        texts.iter().filter_map(|text| cursor::read(text.trim().to_owned(), key?)).collect()
    }
}

impl ChoiceSource for TableChoices {
    fn offer(&self, req: &mut Request, asked: &Asked<'_>) -> Result<Offered> {
        let db = req.db()?;
        let mut offered = Offered::default();
        let mut chosen = asked.chosen.to_vec();
        if let (Some((pairs, own)), false) = (&self.linked, asked.is_submitted) {
            let keys = rows::linked_keys(db, *pairs, own)?;
            if keys.len() > MOST_KEYS {
                // Saving a form that shows some of them would remove the others.
                return Err(Error::internal(format!(
                    "a form can show at most {MOST_KEYS} rows of {} that a row is linked to, and this one has {}. Leave the field out of the form",
                    self.meta.table,
                    keys.len()
                )));
            }
            chosen = keys.iter().map(cursor::text).collect::<Result<_>>()?;
            offered.chosen = Some(chosen.clone());
        }
        // The first rows of a large table are not loaded if no index serves its order. On PostgreSQL, none serves an order with NULLs first.
        let is_ordered =
            self.meta.total_order().first().is_some_and(|(column, _)| {
                self.meta.is_indexed(column) && self.meta.field_of_column(column).is_some_and(|field| !field.null)
            });
        if is_ordered || !self.has_many(db)? {
            offered.choices = self.rows(db, Wanted::Any, MOST_CHOICES + 1)?;
            if offered.choices.len() <= MOST_CHOICES {
                return Ok(offered);
            }
        }
        offered.is_searched = true;
        let keys = self.keys(&chosen[..chosen.len().min(MOST_KEYS)]);
        offered.choices = if keys.is_empty() { Vec::new() } else { self.rows(db, Wanted::Keys(keys), MOST_KEYS)? };
        if !asked.search.is_empty() {
            self.search(db, asked, chosen, &mut offered)?;
        }
        Ok(offered)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl TableChoices {
    /// Returns whether there are too many rows to show all of them.
    fn has_many(&self, db: &mut Db) -> Result<bool> {
        let most = i64::try_from(MOST_CHOICES).unwrap_or(i64::MAX);
        let found = load_values(Many { query: (self.query)()?, meta: self.meta, skipped: most }, db, &[Kind::Integer.into()])?;
        Ok(!found.is_empty())
    }

    /// Offers the rows that a search finds. A row that is found alone is chosen.
    fn search(&self, db: &mut Db, asked: &Asked<'_>, mut chosen: Vec<String>, offered: &mut Offered) -> Result<()> {
        let text: String = asked.search.chars().filter(|c| *c != '\0').take(MOST_CHARACTERS).collect();
        let mut found = self.rows(db, self.containing(&text), MOST_CHOICES + 1)?;
        match found.as_slice() {
            [] => offered.error = Some(format!("Nothing matches \"{text}\". Search for another word.")),
            [one] => {
                if !asked.is_multiple {
                    chosen.clear();
                }
                chosen.push(one.value().to_owned());
                offered.chosen = Some(chosen);
            }
            all if all.len() > MOST_CHOICES => {
                offered.error = Some("Too many match. Search for a longer word, or choose one of the first.".to_owned());
            }
            _ => offered.error = Some("Several match. Choose from them.".to_owned()),
        }
        found.truncate(MOST_CHOICES);
        found.retain(|one| !offered.choices.iter().any(|other| other.value() == one.value()));
        offered.choices.extend(found);
        Ok(())
    }

    fn containing(&self, text: &str) -> Wanted {
        match self.meta.field_of_column(self.meta.display) {
            Some(field) => Wanted::Matching(Box::new(contains(self.meta, field, text))),
            None => Wanted::Any,
        }
    }
}

/// Returns a value as a label.
pub(crate) fn shown(value: &Value, field: &FieldMeta) -> String {
    let text = cursor::text(value).unwrap_or_default();
    field.choices.iter().find(|(stored, _)| *stored == text).map_or(text, |(_, label)| (*label).to_owned())
}

/// Which rows are wanted.
enum Wanted {
    Any,
    Keys(Vec<Value>),
    Matching(Box<dyn QueryFragment<Dialect>>),
}

/// One row, if there are more than `skipped`.
struct Many {
    query: AnyQuery,
    meta: &'static ModelMeta,
    skipped: i64,
}

impl QueryFragment<Dialect> for Many {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        out.push_sql("SELECT 1");
        push_list(&self.query, self.meta, &mut out)?;
        out.push_sql(" LIMIT 1 OFFSET ");
        out.push_bind_param::<BigInt, _>(&self.skipped)
    }
}

impl Query for Many {
    type SqlType = Untyped;
}

impl QueryId for Many {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// Keys and labels of a query's rows.
struct Labels {
    query: AnyQuery,
    meta: &'static ModelMeta,
    /// The places of the fields.
    key: usize,
    label: usize,
    wanted: Wanted,
    order: Vec<KeyColumn>,
    limit: i64,
}

impl QueryFragment<Dialect> for Labels {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        let kind = |at: usize| self.meta.fields[at].kind;
        out.push_sql("SELECT ");
        push_column(self.key, &self.meta.fields[self.key], &mut out)?;
        out.push_sql(", ");
        push_column(self.label, &self.meta.fields[self.label], &mut out)?;
        push_list(&self.query, self.meta, &mut out)?;
        match &self.wanted {
            Wanted::Any => {}
            Wanted::Keys(keys) => {
                out.push_sql(" WHERE ");
                push_column(self.key, &self.meta.fields[self.key], &mut out)?;
                for (number, key) in keys.iter().enumerate() {
                    out.push_sql(if number == 0 { " IN (" } else { ", " });
                    bind(kind(self.key), key, &mut out)?;
                }
                out.push_sql(")");
            }
            Wanted::Matching(condition) => {
                out.push_sql(" WHERE ");
                condition.walk_ast(out.reborrow())?;
            }
        }
        push_order(&self.order, &mut out)?;
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

impl Query for Labels {
    type SqlType = Untyped;
}

impl QueryId for Labels {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// Returns the table of the pairs of a relation.
pub(crate) fn pairs_of(link: &ManyToManyMeta) -> Result<Pairs> {
    let meta = (link.through)();
    let column = |field: &str| {
        let unknown = || Error::internal(format!("{} has no field {field}; the model of the pairs needs it", meta.name));
        meta.field(field).map(|field| field.column).ok_or_else(unknown)
    };
    Ok(Pairs { meta, own: column(link.own)?, other: column(link.other)? })
}
