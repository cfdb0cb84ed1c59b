//! A statement that is built at run time: names are quoted, values are bound.

use diesel::connection::{DefaultLoadingMode, LoadConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::row::Field as _;
use diesel::sql_types::{self as diesel_types, Nullable, Untyped};
use lback_db::{Db, Dialect, sql_types};

use crate::texts::texts;
use crate::{FieldMeta, Kind, ModelMeta, Value};

/// A statement in parts.
#[derive(Debug, Default)]
pub(crate) struct Statement<'a> {
    parts: Vec<Part<'a>>,
}

#[derive(Debug)]
enum Part<'a> {
    Sql(&'static str),
    Name(&'a str),
    Bind(Kind, &'a Value),
    /// The place of NULLs in an order that may be descending.
    Nulls(bool),
    /// All columns of a model.
    Columns(&'static ModelMeta),
    /// The columns of a new row.
    NewColumns(&'static ModelMeta),
}

/// Values of columns of these types, with the names of the columns.
pub(crate) type Assignment<'a> = (&'a str, Kind, &'a Value);

impl<'a> Statement<'a> {
    pub(crate) fn new(sql: &'static str) -> Self {
        let mut parts = Vec::with_capacity(32);
        parts.push(Part::Sql(sql));
        Statement { parts }
    }

    pub(crate) fn sql(&mut self, sql: &'static str) -> &mut Self {
        self.parts.push(Part::Sql(sql));
        self
    }

    pub(crate) fn name(&mut self, name: &'a str) -> &mut Self {
        self.parts.push(Part::Name(name));
        self
    }

    pub(crate) fn bind(&mut self, kind: Kind, value: &'a Value) -> &mut Self {
        self.parts.push(Part::Bind(kind, value));
        self
    }

    /// Adds parts with `separator` between them.
    pub(crate) fn join<T>(
        &mut self,
        separator: &'static str,
        items: impl IntoIterator<Item = T>,
        mut add: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.sql(separator);
            }
            add(self, item);
        }
        self
    }

    /// Sorts NULLs before all values, or after them in a descending order, as SQLite does by itself.
    pub(crate) fn nulls_are_smallest(&mut self, descending: bool) -> &mut Self {
        self.parts.push(Part::Nulls(descending));
        self
    }

    /// Adds the names of all columns.
    pub(crate) fn columns(&mut self, meta: &'static ModelMeta) -> &mut Self {
        self.parts.push(Part::Columns(meta));
        self
    }

    /// Adds the names of the columns of a new row: all but the number that the database gives.
    pub(crate) fn new_columns(&mut self, meta: &'static ModelMeta) -> &mut Self {
        self.parts.push(Part::NewColumns(meta));
        self
    }

    /// Adds `column = value`, with `separator` between them.
    pub(crate) fn equal(&mut self, separator: &'static str, values: impl IntoIterator<Item = Assignment<'a>>) -> &mut Self {
        self.join(separator, values, |sql, (column, kind, value)| {
            sql.name(column).sql(" = ").bind(kind, value);
        })
    }

    /// Adds a list of values for `IN`. It is filled up with its last value, so that few lengths occur, and few statements are prepared.
    pub(crate) fn list(&mut self, kind: Kind, values: &'a [Value]) -> &mut Self {
        let length = values.len().next_power_of_two();
        let last = values.last();
        let filled = values.iter().chain(last.into_iter().cycle()).take(if values.is_empty() { 0 } else { length });
        self.join(", ", filled, |sql, value| {
            sql.bind(kind, value);
        })
    }

    /// Runs the statement, and returns the number of rows that it has changed.
    pub(crate) fn run(self, db: &mut Db) -> QueryResult<usize> {
        self.execute(db)
    }

    /// Runs the statement, and returns the rows, whose columns are of these types.
    pub(crate) fn rows(self, db: &mut Db, kinds: &[ReadAs]) -> QueryResult<Vec<Vec<Value>>> {
        load_values(self, db, kinds)
    }
}

/// What a column is read as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadAs {
    kind: Kind,
    /// The places of a decimal after the point.
    places: u32,
}

impl From<Kind> for ReadAs {
    fn from(kind: Kind) -> Self {
        ReadAs { kind, places: 0 }
    }
}

impl From<&FieldMeta> for ReadAs {
    fn from(field: &FieldMeta) -> Self {
        ReadAs { kind: field.kind, places: field.digits.map_or(0, |digits| digits.decimal_places) }
    }
}

/// Runs a query, and returns the rows, whose columns are of these types.
pub(crate) fn load_values<Q>(query: Q, db: &mut Db, kinds: &[ReadAs]) -> QueryResult<Vec<Vec<Value>>>
where
    Q: Query<SqlType = Untyped> + QueryFragment<Dialect> + QueryId,
{
    let mut rows = Vec::new();
    for row in LoadConnection::<DefaultLoadingMode>::load(db, query)? {
        let row = row?;
        let values = kinds.iter().enumerate().map(|(at, kind)| read(&row, at, *kind));
        rows.push(values.collect::<QueryResult<_>>()?);
    }
    Ok(rows)
}

fn read<'a>(row: &impl diesel::row::Row<'a, Dialect>, at: usize, ReadAs { kind, places }: ReadAs) -> QueryResult<Value> {
    use diesel_types::{BigInt, Binary, Bool, Date, Double, Float, Integer, Jsonb, SmallInt, Text, Time, Timestamp};
    if row.get(at).is_none_or(|field| field.is_null()) {
        return Ok(Value::Null);
    }
    let _ = places;
    let value = match kind {
        Kind::SmallInt => row.get_value::<SmallInt, i16, _>(at).map(|value| Value::Int(value.into())),
        Kind::Integer => row.get_value::<Integer, i32, _>(at).map(|value| Value::Int(value.into())),
        Kind::BigInt | Kind::Duration => row.get_value::<BigInt, i64, _>(at).map(Value::Int),
        Kind::Float => row.get_value::<Float, f32, _>(at).map(|value| Value::Real(value.into())),
        Kind::Double => row.get_value::<Double, f64, _>(at).map(Value::Real),
        Kind::Bool => row.get_value::<Bool, bool, _>(at).map(Value::Bool),
        #[cfg(feature = "uuid")]
        Kind::Uuid => row.get_value::<sql_types::Uuid, _, _>(at).map(Value::Uuid),
        // Without a type for them, no field is of these kinds.
        #[cfg(not(feature = "uuid"))]
        Kind::Uuid => row.get_value::<Text, String, _>(at).map(Value::Text),
        #[cfg(feature = "decimal")]
        Kind::Decimal => {
            row.get_value::<lback_db::AnyDecimal, lback_db::ReadDecimal, _>(at).map(|number| Value::Decimal(number.with_places(places)))
        }
        #[cfg(not(feature = "decimal"))]
        Kind::Decimal => row.get_value::<Text, String, _>(at).map(Value::Text),
        Kind::Text => row.get_value::<Text, String, _>(at).map(Value::Text),
        Kind::Bytes => row.get_value::<Binary, Vec<u8>, _>(at).map(Value::Bytes),
        Kind::Date => row.get_value::<Date, _, _>(at).map(Value::Date),
        Kind::Time => row.get_value::<Time, _, _>(at).map(Value::Time),
        Kind::DateTime => row.get_value::<Timestamp, _, _>(at).map(Value::DateTime),
        Kind::Timestamp => row.get_value::<sql_types::Timestamptz, _, _>(at).map(Value::Timestamp),
        Kind::Json => row.get_value::<Jsonb, _, _>(at).map(Value::Json),
    };
    value.map_err(diesel::result::Error::DeserializationError)
}

impl QueryFragment<Dialect> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        let kind = out.backend().kind();
        for part in &self.parts {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Name(name) => out.push_identifier(name)?,
                Part::Bind(kind, value) => bind(*kind, value, &mut out)?,
                Part::Nulls(descending) if kind.is_server() => out.push_sql(if *descending { " NULLS LAST" } else { " NULLS FIRST" }),
                Part::Nulls(_) => {}
                Part::Columns(meta) => out.push_sql(&texts(meta, kind).all),
                Part::NewColumns(meta) => out.push_sql(&texts(meta, kind).new),
            }
        }
        Ok(())
    }
}

pub(crate) fn bind<'b>(kind: Kind, value: &'b Value, out: &mut AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
    use diesel_types::{BigInt, Binary, Bool, Date, Double, Jsonb, Text, Time, Timestamp};
    match value {
        Value::Null => bind_null(kind, out),
        Value::Bool(value) => out.push_bind_param::<Bool, _>(value),
        Value::Int(value) => out.push_bind_param::<BigInt, _>(value),
        Value::Real(value) => out.push_bind_param::<Double, _>(value),
        Value::Text(value) => out.push_bind_param::<Text, _>(value),
        Value::Bytes(value) => out.push_bind_param::<Binary, _>(value),
        Value::Date(value) => out.push_bind_param::<Date, _>(value),
        Value::Time(value) => out.push_bind_param::<Time, _>(value),
        Value::DateTime(value) => out.push_bind_param::<Timestamp, _>(value),
        Value::Timestamp(value) => out.push_bind_param::<sql_types::Timestamptz, _>(value),
        #[cfg(feature = "decimal")]
        Value::Decimal(value) => out.push_bind_param::<lback_db::AnyDecimal, _>(value),
        #[cfg(feature = "uuid")]
        Value::Uuid(value) => out.push_bind_param::<sql_types::Uuid, _>(value),
        Value::Json(value) => out.push_bind_param::<Jsonb, _>(value),
    }
}

/// Binds NULL instead of writing it, so that the statement is the same for all values.
fn bind_null<'b>(kind: Kind, out: &mut AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
    use diesel_types::{BigInt, Binary, Bool, Date, Double, Jsonb, Text, Time, Timestamp};
    match kind {
        Kind::SmallInt | Kind::Integer | Kind::BigInt | Kind::Duration => out.push_bind_param::<Nullable<BigInt>, Option<i64>>(&None),
        Kind::Float | Kind::Double => out.push_bind_param::<Nullable<Double>, Option<f64>>(&None),
        Kind::Bool => out.push_bind_param::<Nullable<Bool>, Option<bool>>(&None),
        #[cfg(feature = "uuid")]
        Kind::Uuid => out.push_bind_param::<Nullable<sql_types::Uuid>, Option<uuid::Uuid>>(&None),
        #[cfg(not(feature = "uuid"))]
        Kind::Uuid => out.push_bind_param::<Nullable<Text>, Option<String>>(&None),
        #[cfg(feature = "decimal")]
        Kind::Decimal => out.push_bind_param::<Nullable<lback_db::AnyDecimal>, Option<lback_db::Decimal>>(&None),
        #[cfg(not(feature = "decimal"))]
        Kind::Decimal => out.push_bind_param::<Nullable<Text>, Option<String>>(&None),
        Kind::Text => out.push_bind_param::<Nullable<Text>, Option<String>>(&None),
        Kind::Bytes => out.push_bind_param::<Nullable<Binary>, Option<Vec<u8>>>(&None),
        Kind::Date => out.push_bind_param::<Nullable<Date>, Option<chrono::NaiveDate>>(&None),
        Kind::Time => out.push_bind_param::<Nullable<Time>, Option<chrono::NaiveTime>>(&None),
        Kind::DateTime => out.push_bind_param::<Nullable<Timestamp>, Option<chrono::NaiveDateTime>>(&None),
        Kind::Timestamp => out.push_bind_param::<Nullable<sql_types::Timestamptz>, Option<chrono::DateTime<chrono::Utc>>>(&None),
        Kind::Json => out.push_bind_param::<Nullable<Jsonb>, Option<serde_json::Value>>(&None),
    }
}

impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement<'_> {
    type SqlType = Untyped;
}

impl RunQueryDsl<Db> for Statement<'_> {}
