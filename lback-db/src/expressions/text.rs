//! Texts, compared without regard to case.

use diesel::QueryResult;
use diesel::dsl::AsExprOf;
use diesel::expression::{AppearsOnTable, AsExpression, Expression, SelectableExpression, TypedExpressionType, ValidGrouping};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Nullable, SqlType, Text};

use super::Target;
use crate::Kind;

/// A text or a nullable text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no text",
    note = "only columns and expressions of the types Text and Nullable<Text> are compared without regard to case"
)]
pub trait IsText {
    /// The type of a comparison.
    type Comparison: SqlType + TypedExpressionType;
}

impl IsText for Text {
    type Comparison = Bool;
}

impl IsText for Nullable<Text> {
    type Comparison = Nullable<Bool>;
}

/// Comparisons of texts without regard to case, the same on both databases.
///
/// SQLite folds case by Unicode, and PostgreSQL by the collation of the column, which is that of the database unless the column names
/// one. With the collation `C`, only the letters A to Z have a case; `COLLATE "und-x-icu"` is that of Unicode. No plain index serves
/// these comparisons: in large tables, keep a column with the text in lower case and an index on it.
///
/// ```
/// use lback::diesel;
/// use lback::prelude::*;
///
/// diesel::table! {
///     posts (id) {
///         id -> BigInt,
///         title -> Text,
///     }
/// }
///
/// fn search(db: &mut Db, words: &str) -> QueryResult<Vec<String>> {
///     posts::table.filter(posts::title.icontains(words)).select(posts::title).load(db)
/// }
/// # let app = App::new(Router::new());
/// # let client = lback::testing::Client::with_settings(app, "SESSION_TIMEOUT_MINUTES = 30");
/// # client.db(|db| diesel::sql_query("CREATE TABLE posts (id BIGINT, title TEXT NOT NULL)").execute(db));
/// # client.db(|db| diesel::insert_into(posts::table).values([(posts::id.eq(1), posts::title.eq("100% Été"))]).execute(db));
/// # assert_eq!(client.db(|db| search(db, "% été")), ["100% Été"]);
/// # assert!(client.db(|db| search(db, "0 été")).is_empty());
/// ```
pub trait TextMethods: Expression + Sized {
    /// Returns whether the text contains `part`.
    fn icontains(self, part: &str) -> ILike<Self, AsExprOf<String, Text>>
    where
        Self::SqlType: IsText,
    {
        ILike::of(self, format!("%{}%", escaped(part)))
    }

    /// Returns whether the text starts with `start`.
    fn istarts_with(self, start: &str) -> ILike<Self, AsExprOf<String, Text>>
    where
        Self::SqlType: IsText,
    {
        ILike::of(self, format!("{}%", escaped(start)))
    }

    /// Returns whether the text ends with `end`.
    fn iends_with(self, end: &str) -> ILike<Self, AsExprOf<String, Text>>
    where
        Self::SqlType: IsText,
    {
        ILike::of(self, format!("%{}", escaped(end)))
    }

    /// Returns whether the texts are equal.
    fn iequals(self, other: &str) -> ILike<Self, AsExprOf<String, Text>>
    where
        Self::SqlType: IsText,
    {
        ILike::of(self, escaped(other))
    }

    /// Returns whether the text matches a pattern, in which `%` stands for any text, `_` for any character, and `\` makes the next
    /// character stand for itself. Diesel's `ilike` is for PostgreSQL alone.
    fn imatches<P: AsExpression<Text>>(self, pattern: P) -> ILike<Self, P::Expression>
    where
        Self::SqlType: IsText,
    {
        ILike::new(self, pattern.as_expression())
    }
}

impl<E: Expression> TextMethods for E {}

/// Returns a text that matches itself as a pattern.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// A text that is compared with a pattern without regard to case. See [`TextMethods`].
#[derive(Clone, Copy, Debug, QueryId, ValidGrouping)]
pub struct ILike<L, R> {
    text: L,
    pattern: R,
}

impl<L, R> ILike<L, R> {
    fn new(text: L, pattern: R) -> Self {
        ILike { text, pattern }
    }
}

impl<L> ILike<L, AsExprOf<String, Text>> {
    fn of(text: L, pattern: String) -> Self {
        ILike::new(text, AsExpression::<Text>::as_expression(pattern))
    }
}

impl<L: Expression, R: Expression> Expression for ILike<L, R>
where
    L::SqlType: IsText,
{
    type SqlType = <L::SqlType as IsText>::Comparison;
}

impl<L: AppearsOnTable<QS>, R: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for ILike<L, R> where Self: Expression {}
impl<L: SelectableExpression<QS>, R: SelectableExpression<QS>, QS> SelectableExpression<QS> for ILike<L, R> where Self: AppearsOnTable<QS> {}

impl<L: QueryFragment<DB>, R: QueryFragment<DB>, DB: Target> QueryFragment<DB> for ILike<L, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let [start, operator, end] = match out.backend().kind() {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => ["(lback_fold(", ") LIKE lback_fold(", ") ESCAPE '\\')"],
            #[cfg(feature = "postgres")]
            Kind::Postgres => ["(", " ILIKE ", ")"],
        };
        out.push_sql(start);
        self.text.walk_ast(out.reborrow())?;
        out.push_sql(operator);
        self.pattern.walk_ast(out.reborrow())?;
        out.push_sql(end);
        Ok(())
    }
}
