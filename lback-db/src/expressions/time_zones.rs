//! Moments as local times of a time zone.

use diesel::QueryResult;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, TypedExpressionType, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::SqlType;
use lback_core::TimeZone;

use super::Target;
use crate::Kind;
use crate::sql_types::{Nullable, Timestamp, Timestamptz};

/// A moment, which may be nullable.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a point in time",
    note = "only columns and expressions of the types Timestamptz and Nullable<Timestamptz> can be converted to a time zone"
)]
pub trait IsMoment {
    /// The type of the local time.
    type Local: SqlType + TypedExpressionType;
}

impl IsMoment for Timestamptz {
    type Local = Timestamp;
}

impl IsMoment for Nullable<Timestamptz> {
    type Local = Nullable<Timestamp>;
}

/// A moment as the local time of a time zone. See [`DateMethods::in_time_zone`](super::DateMethods::in_time_zone).
#[derive(Clone, Copy, Debug)]
pub struct InTimeZone<E> {
    moment: E,
    zone: TimeZone,
}

impl<E> InTimeZone<E> {
    pub(super) fn new(moment: E, zone: TimeZone) -> Self {
        InTimeZone { moment, zone }
    }
}

/// The name of the time zone is a part of the SQL: a parameter in GROUP BY would not be the same as that in SELECT.
impl<E> QueryId for InTimeZone<E> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<E: Expression> Expression for InTimeZone<E>
where
    E::SqlType: IsMoment,
{
    type SqlType = <E::SqlType as IsMoment>::Local;
}

impl<E: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for InTimeZone<E> where Self: Expression {}
impl<E: SelectableExpression<QS>, QS> SelectableExpression<QS> for InTimeZone<E> where Self: AppearsOnTable<QS> {}

/// Without GROUP BY, it is what the moment is.
impl<E: ValidGrouping<()>> ValidGrouping<()> for InTimeZone<E> {
    type IsAggregate = E::IsAggregate;
}

/// Rows that are grouped by it have one value.
impl<E> ValidGrouping<InTimeZone<E>> for InTimeZone<E> {
    type IsAggregate = is_aggregate::Yes;
}

/// Returns the name of a time zone for PostgreSQL. It takes some names for abbreviations of the time in winter.
#[cfg(feature = "postgres")]
#[doc(hidden)]
pub fn name_on_postgres(zone: TimeZone) -> &'static str {
    match zone.name() {
        "CET" | "MET" => "Europe/Brussels",
        "EET" => "Europe/Athens",
        "WET" => "Europe/Lisbon",
        name => name,
    }
}

impl<E: QueryFragment<DB>, DB: Target> QueryFragment<DB> for InTimeZone<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let [start, between] = match out.backend().kind() {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => ["lback_local_time(", ", '"],
            #[cfg(feature = "postgres")]
            Kind::Postgres => ["(", " AT TIME ZONE '"],
        };
        out.push_sql(start);
        self.moment.walk_ast(out.reborrow())?;
        out.push_sql(between);
        // The database of time zones has no name with a quote.
        out.push_sql(match out.backend().kind() {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => self.zone.name(),
            #[cfg(feature = "postgres")]
            Kind::Postgres => name_on_postgres(self.zone),
        });
        out.push_sql("')");
        Ok(())
    }
}
