//! Filters as SQL.

use diesel::QueryResult;
use diesel::expression::Expression;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::Text;
use lback_core::Result;
use lback_db::{Dialect, TextMethods};

use super::{Comparison, Filter};
use crate::rows::Pairs;
use crate::seek::{LIST, push_column, push_column_of, push_list_as};
use crate::statement::bind;
use crate::table_choices::{AnyQuery, pairs_of};
use crate::{FieldMeta, Kind, ModelMeta, Value};

/// A column of the list, or of a table that a reference leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// The place of the field in its model.
    at: usize,
    field: &'static FieldMeta,
    /// The number of references that lead to its table; 0 for the list.
    depth: usize,
    /// Whether SQLite is kept from finding rows by an index on the column.
    is_scanned: bool,
}

impl Column {
    fn push(&self, out: &mut AstPass<'_, '_, Dialect>) -> QueryResult<()> {
        if self.is_scanned && !out.backend().kind().is_server() {
            out.push_sql("+");
        }
        if self.depth == 0 {
            return push_column(self.at, self.field, out);
        }
        out.push_identifier(&alias(self.depth))?;
        out.push_sql(".");
        out.push_identifier(self.field.column)
    }
}

fn alias(depth: usize) -> String {
    format!("r{depth}")
}

/// A column as text.
struct AsText(Column);

impl Expression for AsText {
    type SqlType = Text;
}

impl QueryFragment<Dialect> for AsText {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        if self.0.field.kind == Kind::Text {
            return self.0.push(&mut out);
        }
        out.push_sql("CAST(");
        self.0.push(&mut out)?;
        out.push_sql(" AS TEXT)");
        Ok(())
    }
}

/// Returns whether a field contains a text, without regard to case.
pub(crate) fn contains(meta: &'static ModelMeta, field: &'static FieldMeta, text: &str) -> Condition {
    Condition::Text(Box::new(AsText(column(meta, field, 0)).icontains(text)))
}

/// A condition that is ready to be written.
pub(crate) enum Condition {
    Compare(Column, &'static str, Value),
    OneOf(Column, Vec<Value>),
    Null(Column, bool),
    Text(Box<dyn QueryFragment<Dialect>>),
    Linked {
        key: Column,
        pairs: Pairs,
        other: Value,
    },
    Reference {
        of: Column,
        to: &'static ModelMeta,
        depth: usize,
        inner: Box<Condition>,
    },
    Joined(&'static str, Vec<Condition>),
    /// The row is one of those that a query finds.
    Among(AnyQuery, &'static ModelMeta),
}

const EQUAL: &str = " = ";
/// The separator of alternative conditions.
const OR: &str = " OR ";

/// The name of the query of [`Condition::Among`] within the statement.
const AMONG: &str = "among";

impl Condition {
    /// Returns the condition for rows of a list.
    ///
    /// # Errors
    /// Returns an error if a relation has no table of pairs.
    pub(crate) fn of(meta: &'static ModelMeta, filter: &Filter) -> Result<Self> {
        Self::at(meta, filter, 0)
    }

    fn at(meta: &'static ModelMeta, filter: &Filter, depth: usize) -> Result<Self> {
        let column = |field| column(meta, field, depth);
        let all = |filters: &[Filter]| filters.iter().map(|filter| Self::at(meta, filter, depth)).collect::<Result<Vec<_>>>();
        Ok(match filter {
            Filter::Compare(field, comparison, value) => Condition::Compare(column(field), sign(*comparison), value.clone()),
            Filter::OneOf(field, values) => Condition::OneOf(column(field), values.clone()),
            Filter::Null(field, is_null) => Condition::Null(column(field), *is_null),
            Filter::Contains(field, text) => Condition::Text(Box::new(AsText(column(field)).icontains(text))),
            Filter::Equals(field, text) => Condition::Text(Box::new(AsText(column(field)).iequals(text))),
            Filter::Linked(link, other) => {
                let key = meta.primary_key.first().and_then(|key| meta.field_of_column(key));
                let key = key.ok_or_else(|| lback_core::Error::internal(format!("{} has no primary key", meta.name)))?;
                Condition::Linked { key: column(key), pairs: pairs_of(link)?, other: other.clone() }
            }
            Filter::Reference(field, inner) => {
                let reference = field.references.ok_or_else(|| no_reference(meta, field))?;
                let (to, depth) = ((reference.model)(), depth + 1);
                Condition::Reference { of: column(field), to, depth, inner: Box::new(Self::at(to, inner, depth)?) }
            }
            Filter::Any(filters) => {
                // SQLite uses no index for any of the conditions if one of them is a constant.
                let possible = all(filters)?.into_iter().filter(|condition| !condition.is_never());
                Condition::Joined(OR, possible.collect())
            }
            Filter::All(filters) => Condition::Joined(" AND ", all(filters)?),
        })
    }

    /// Keeps SQLite from finding rows by one of a few values, if an index finds few rows by another condition. Without statistics, it
    /// takes all indexes for equally good.
    pub(crate) fn check_each_row(&mut self) {
        if let Condition::Compare(column, EQUAL, _) = self
            && has_few_values(column.field)
        {
            column.is_scanned = true;
        }
    }

    /// Returns whether no row satisfies the condition, whatever its values are.
    fn is_never(&self) -> bool {
        match self {
            Condition::OneOf(_, values) => values.is_empty(),
            Condition::Joined(OR, conditions) => conditions.iter().all(Condition::is_never),
            Condition::Joined(_, conditions) => conditions.iter().any(Condition::is_never),
            _ => false,
        }
    }
}

/// Returns whether an index finds few rows by a condition.
pub(crate) fn finds_few(meta: &'static ModelMeta, filter: &Filter) -> bool {
    match filter {
        Filter::Compare(field, Comparison::Equal, _) | Filter::OneOf(field, _) => {
            let is_text = field.kind == Kind::Text && !has_few_values(field) && field.references.is_none();
            field.unique || (is_text && meta.is_indexed(field.column))
        }
        Filter::Any(filters) => filters.iter().all(|filter| finds_few(meta, filter)),
        Filter::All(filters) => filters.iter().any(|filter| finds_few(meta, filter)),
        _ => false,
    }
}

fn has_few_values(field: &FieldMeta) -> bool {
    field.kind == Kind::Bool || !field.choices.is_empty()
}

fn no_reference(meta: &ModelMeta, field: &FieldMeta) -> lback_core::Error {
    lback_core::Error::internal(format!("{}.{} is not a reference", meta.name, field.name))
}

fn column(meta: &'static ModelMeta, field: &'static FieldMeta, depth: usize) -> Column {
    let at = meta.position(field.column).unwrap_or_default();
    Column { at, field, depth, is_scanned: false }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => EQUAL,
        Comparison::AtLeast => " >= ",
        Comparison::AtMost => " <= ",
        Comparison::Below => " < ",
        Comparison::Above => " > ",
    }
}

impl QueryFragment<Dialect> for Condition {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        match self {
            Condition::Compare(column, sign, value) => {
                column.push(&mut out)?;
                out.push_sql(sign);
                bind(column.field.kind, value, &mut out)?;
            }
            Condition::OneOf(_, values) if values.is_empty() => out.push_sql("1 = 0"),
            Condition::OneOf(column, values) => {
                column.push(&mut out)?;
                for (number, value) in values.iter().enumerate() {
                    out.push_sql(if number == 0 { " IN (" } else { ", " });
                    bind(column.field.kind, value, &mut out)?;
                }
                out.push_sql(")");
            }
            Condition::Null(column, is_null) => {
                column.push(&mut out)?;
                out.push_sql(if *is_null { " IS NULL" } else { " IS NOT NULL" });
            }
            Condition::Text(condition) => condition.walk_ast(out.reborrow())?,
            // `IN` lets an index on the column of the list serve the condition, which `EXISTS` would not on SQLite.
            Condition::Linked { key, pairs, other } => {
                key.push(&mut out)?;
                out.push_sql(" IN (SELECT ");
                out.push_identifier(pairs.own)?;
                out.push_sql(" FROM ");
                out.push_identifier(pairs.meta.table)?;
                out.push_sql(" WHERE ");
                out.push_identifier(pairs.other)?;
                out.push_sql(" = ");
                bind(pairs.meta.field_of_column(pairs.other).map_or(Kind::Text, |field| field.kind), other, &mut out)?;
                out.push_sql(")");
            }
            Condition::Reference { of, to, depth, inner } => {
                of.push(&mut out)?;
                out.push_sql(" IN (SELECT ");
                out.push_identifier(&alias(*depth))?;
                out.push_sql(".");
                out.push_identifier(to.primary_key.first().copied().unwrap_or_default())?;
                out.push_sql(" FROM ");
                out.push_identifier(to.table)?;
                out.push_sql(" AS ");
                out.push_identifier(&alias(*depth))?;
                out.push_sql(" WHERE ");
                inner.walk_ast(out.reborrow())?;
                out.push_sql(")");
            }
            // Each row of the list is looked up by its key, so that the rows of the query are not collected first.
            Condition::Among(query, meta) => {
                out.push_sql("EXISTS (SELECT 1");
                push_list_as(AMONG, query, meta, &mut out)?;
                let key = meta.primary_key.iter().filter_map(|column| meta.position(column));
                for (number, at) in key.enumerate() {
                    out.push_sql(if number == 0 { " WHERE " } else { " AND " });
                    push_column_of(AMONG, at, &meta.fields[at], &mut out)?;
                    out.push_sql(" = ");
                    push_column_of(LIST, at, &meta.fields[at], &mut out)?;
                }
                out.push_sql(")");
            }
            Condition::Joined(separator, conditions) => {
                // Without conditions, "any" is false, and "all" is true.
                if conditions.is_empty() {
                    out.push_sql(if *separator == OR { "1 = 0" } else { "1 = 1" });
                }
                for (number, condition) in conditions.iter().enumerate() {
                    out.push_sql(if number == 0 { "(" } else { separator });
                    condition.walk_ast(out.reborrow())?;
                }
                if !conditions.is_empty() {
                    out.push_sql(")");
                }
            }
        }
        Ok(())
    }
}
