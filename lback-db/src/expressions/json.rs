//! Values within JSON documents.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::dsl::AsExprOf;
use diesel::expression::{AppearsOnTable, AsExpression, Expression, SelectableExpression, TypedExpressionType, ValidGrouping};
use diesel::query_builder::{AstPass, BindCollector, QueryFragment, QueryId};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Bool, Double, Jsonb, Nullable, SqlType, Text};
use serde_json::Value;

use crate::dialect::{BindValue, Binds};
use crate::{Dialect, Kind};

/// A JSON document, which may be nullable.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no JSON document",
    note = "only columns and expressions of the types Jsonb and Nullable<Jsonb> have values at a path"
)]
pub trait IsJson {
    /// The type of a condition.
    type Condition: SqlType + TypedExpressionType;
}

impl IsJson for Jsonb {
    type Condition = Bool;
}

impl IsJson for Nullable<Jsonb> {
    type Condition = Nullable<Bool>;
}

/// Values within JSON documents, the same on both databases.
///
/// In `diesel::table!`, a document is a `Jsonb`, which is read as a `serde_json::Value`. In the database, it is a column of the type
/// `JSONB` on PostgreSQL, and `TEXT` on SQLite.
///
/// A path names keys and, in arrays, positions that count from zero: `address.city`, `tags.0`. If there is nothing at a path, or a
/// JSON `null`, the value is NULL.
///
/// ```
/// use lback::diesel;
/// use lback::prelude::*;
/// use lback::serde_json::json;
///
/// diesel::table! {
///     orders (id) {
///         id -> BigInt,
///         details -> Jsonb,
///     }
/// }
///
/// fn from_oslo(db: &mut Db) -> QueryResult<Vec<i64>> {
///     let details = orders::details;
///     let found = orders::table.filter(details.text_at("address.city").eq("Oslo")).filter(details.number_at("items").gt(1.0));
///     found.filter(details.contains_json(&json!({ "tags": ["gift"] }))).select(orders::id).load(db)
/// }
/// # let client = lback::testing::Client::with_settings(App::new(Router::new()), "SESSION_TIMEOUT_MINUTES = 30");
/// # client.db(|db| diesel::sql_query("CREATE TABLE orders (id BIGINT PRIMARY KEY, details TEXT NOT NULL)").execute(db));
/// # let details = json!({ "address": { "city": "Oslo" }, "items": 3, "tags": ["new", "gift"] });
/// # client.db(|db| diesel::insert_into(orders::table).values((orders::id.eq(1), orders::details.eq(details))).execute(db));
/// # assert_eq!(client.db(from_oslo), [1]);
/// ```
pub trait JsonMethods: Expression + Sized {
    /// Returns the text, number or boolean at a path as text.
    fn text_at(self, path: &str) -> JsonAt<Self, TextAt>
    where
        Self::SqlType: IsJson,
    {
        JsonAt::new(self, path)
    }

    /// Returns the number at a path, or NULL if it is no number.
    fn number_at(self, path: &str) -> JsonAt<Self, NumberAt>
    where
        Self::SqlType: IsJson,
    {
        JsonAt::new(self, path)
    }

    /// Returns the document at a path.
    fn json_at(self, path: &str) -> JsonAt<Self, PartAt>
    where
        Self::SqlType: IsJson,
    {
        JsonAt::new(self, path)
    }

    /// Returns whether the document contains another: all its keys with the values that they have there, and of arrays all elements,
    /// in any order.
    fn contains_json(self, part: &Value) -> JsonContains<Self, AsExprOf<Value, Jsonb>>
    where
        Self::SqlType: IsJson,
    {
        JsonContains { document: self, part: AsExpression::<Jsonb>::as_expression(part.clone()) }
    }
}

impl<E: Expression> JsonMethods for E {}

/// What is read at a path. In the SQL, `@` stands for the document, and `?` for the path.
pub trait ReadAt: 'static {
    /// The type of the value.
    type SqlType: SqlType + TypedExpressionType;
    /// The SQL for SQLite.
    const SQLITE: &'static str;
    /// The SQL for PostgreSQL.
    const POSTGRES: &'static str;
}

/// A text at a path.
#[derive(Clone, Copy, Debug)]
pub struct TextAt;

impl ReadAt for TextAt {
    type SqlType = Nullable<Text>;
    const SQLITE: &'static str =
        "CASE json_type(@, ?) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(json_extract(@, ?) AS TEXT) END";
    const POSTGRES: &'static str = "(@ #>> CAST(? AS text[]))";
}

/// A number at a path.
#[derive(Clone, Copy, Debug)]
pub struct NumberAt;

impl ReadAt for NumberAt {
    type SqlType = Nullable<Double>;
    const SQLITE: &'static str = "CASE WHEN json_type(@, ?) IN ('integer', 'real') THEN CAST(json_extract(@, ?) AS REAL) END";
    const POSTGRES: &'static str =
        "CASE WHEN jsonb_typeof(@ #> CAST(? AS text[])) = 'number' THEN CAST(@ #>> CAST(? AS text[]) AS double precision) END";
}

/// A document at a path.
#[derive(Clone, Copy, Debug)]
pub struct PartAt;

impl ReadAt for PartAt {
    type SqlType = Nullable<Jsonb>;
    const SQLITE: &'static str = "(@ -> ?)";
    const POSTGRES: &'static str = "(@ #> CAST(? AS text[]))";
}

/// A path as both databases write it.
#[derive(Clone, Debug)]
struct Path {
    #[cfg(feature = "sqlite")]
    sqlite: String,
    #[cfg(feature = "postgres")]
    postgres: String,
}

impl Path {
    fn new(path: &str) -> Self {
        #[cfg(feature = "sqlite")]
        let in_sqlite = |key: &str| match key.parse::<u32>() {
            Ok(position) => format!("[{position}]"),
            Err(_) => format!(".\"{key}\""),
        };
        #[cfg(feature = "postgres")]
        let in_postgres = |key: &str| format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
        Path {
            #[cfg(feature = "sqlite")]
            sqlite: "$".to_owned() + &path.split('.').map(in_sqlite).collect::<String>(),
            #[cfg(feature = "postgres")]
            postgres: format!("{{{}}}", path.split('.').map(in_postgres).collect::<Vec<_>>().join(",")),
        }
    }
}

impl ToSql<Text, Dialect> for Path {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Dialect>) -> serialize::Result {
        out.set_value(BindValue::new(|binds, lookup| {
            let path: &'b String = match binds {
                #[cfg(feature = "sqlite")]
                Binds::Sqlite(_) => &self.sqlite,
                #[cfg(feature = "postgres")]
                Binds::Postgres(_) => &self.postgres,
            };
            binds.push_bound_value::<Text, String>(path, lookup)
        }));
        Ok(IsNull::No)
    }
}

/// A value at a path of a JSON document. See [`JsonMethods`].
#[derive(Clone, Debug)]
pub struct JsonAt<E, R> {
    document: E,
    path: Path,
    read: PhantomData<R>,
}

impl<E, R> JsonAt<E, R> {
    fn new(document: E, path: &str) -> Self {
        JsonAt { document, path: Path::new(path), read: PhantomData }
    }
}

impl<E: QueryId, R: ReadAt> QueryId for JsonAt<E, R> {
    type QueryId = JsonAt<E::QueryId, R>;
    const HAS_STATIC_QUERY_ID: bool = E::HAS_STATIC_QUERY_ID;
}

impl<E: Expression, R: ReadAt> Expression for JsonAt<E, R> {
    type SqlType = R::SqlType;
}

impl<E: AppearsOnTable<QS>, R: ReadAt, QS> AppearsOnTable<QS> for JsonAt<E, R> {}
impl<E: SelectableExpression<QS>, R: ReadAt, QS> SelectableExpression<QS> for JsonAt<E, R> {}

impl<E: ValidGrouping<GB>, R, GB> ValidGrouping<GB> for JsonAt<E, R> {
    type IsAggregate = E::IsAggregate;
}

impl<E: QueryFragment<Dialect>, R: ReadAt> QueryFragment<Dialect> for JsonAt<E, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        let sql = match out.backend().kind() {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => R::SQLITE,
            #[cfg(feature = "postgres")]
            Kind::Postgres => R::POSTGRES,
        };
        for piece in sql.split_inclusive(['@', '?']) {
            out.push_sql(piece.trim_end_matches(['@', '?']));
            if piece.ends_with('@') {
                self.document.walk_ast(out.reborrow())?;
            } else if piece.ends_with('?') {
                out.push_bind_param::<Text, Path>(&self.path)?;
            }
        }
        Ok(())
    }
}

/// A JSON document that contains another. See [`JsonMethods`].
#[derive(Clone, Copy, Debug, QueryId, ValidGrouping)]
pub struct JsonContains<E, P> {
    document: E,
    part: P,
}

impl<E: Expression, P: Expression> Expression for JsonContains<E, P>
where
    E::SqlType: IsJson,
{
    type SqlType = <E::SqlType as IsJson>::Condition;
}

impl<E: AppearsOnTable<QS>, P: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for JsonContains<E, P> where Self: Expression {}
impl<E: SelectableExpression<QS>, P: SelectableExpression<QS>, QS> SelectableExpression<QS> for JsonContains<E, P> where
    Self: AppearsOnTable<QS>
{
}

impl<E: QueryFragment<Dialect>, P: QueryFragment<Dialect>> QueryFragment<Dialect> for JsonContains<E, P> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        let [start, between] = match out.backend().kind() {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => ["lback_json_contains(", ", "],
            #[cfg(feature = "postgres")]
            Kind::Postgres => ["(", " @> "],
        };
        out.push_sql(start);
        self.document.walk_ast(out.reborrow())?;
        out.push_sql(between);
        self.part.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}
