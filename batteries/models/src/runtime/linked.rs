//! The rows to which several rows are linked by a many-to-many relation.

use diesel::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Untyped;
use lback_core::{Error, Result};
use lback_db::{Db, Dialect};

use super::List;
use crate::rows::{MOST_KEYS, Pairs, kind_of};
use crate::seek::{push_column_of, push_list_as};
use crate::statement::{ReadAs, Statement, load_values};
use crate::table_choices::AnyQuery;
use crate::{Kind, ModelMeta, Value};

/// The name of the query for the rows of the other side within the statement.
const OTHERS: &str = "others";

/// Returns the keys of rows, each with the keys of those `others` to which it is linked, at most `most` for each.
pub(super) fn linked_among(db: &mut Db, pairs: Pairs, keys: &[Value], others: &List, most: u32) -> Result<Vec<(Value, Value)>> {
    let to = others.meta();
    let key = to.primary_key.first().and_then(|key| to.position(key));
    let key = key.ok_or_else(|| Error::internal(format!("{} has no primary key", to.name)))?;
    let (own, other, most) = (kind_of(pairs.meta, pairs.own), kind_of(pairs.meta, pairs.other), Value::Int(most.into()));
    let mut found = Vec::new();
    for keys in keys.chunks(MOST_KEYS) {
        let mut start = Statement::new("SELECT own, other FROM (SELECT ");
        start.name(pairs.own).sql(" AS own, ").name(pairs.other).sql(" AS other, ROW_NUMBER() OVER (PARTITION BY ").name(pairs.own);
        start.sql(" ORDER BY ").name(pairs.other).sql(") AS place FROM ").name(pairs.meta.table).sql(" AS pairs WHERE ").name(pairs.own);
        // Each pair is looked up by its key, so that the rows of the query are not collected first.
        start.sql(" IN (").list(own, keys).sql(") AND EXISTS (SELECT 1");
        let mut end = Statement::new(" = pairs.");
        end.name(pairs.other).sql(")) AS numbered WHERE place <= ").bind(Kind::BigInt, &most);
        let query = LinkedAmong { start, others: others.query()?, to, key, end };
        let rows = load_values(query, db, &[ReadAs::from(own), ReadAs::from(other)])?;
        found.extend(rows.into_iter().filter_map(|pair| <[Value; 2]>::try_from(pair).ok().map(Into::into)));
    }
    Ok(found)
}

struct LinkedAmong<'a> {
    /// The statement before the query for the rows of the other side, and after its key.
    start: Statement<'a>,
    others: AnyQuery,
    to: &'static ModelMeta,
    /// The place of the key of the other side.
    key: usize,
    end: Statement<'a>,
}

impl QueryFragment<Dialect> for LinkedAmong<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        self.start.walk_ast(out.reborrow())?;
        push_list_as(OTHERS, &self.others, self.to, &mut out)?;
        out.push_sql(" WHERE ");
        push_column_of(OTHERS, self.key, &self.to.fields[self.key], &mut out)?;
        self.end.walk_ast(out)
    }
}

impl Query for LinkedAmong<'_> {
    type SqlType = Untyped;
}

impl QueryId for LinkedAmong<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
