//! Dates, truncated to the start of a period.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, TypedExpressionType, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::SqlType;
use lback_core::TimeZone;

use super::Target;
use super::time_zones::{InTimeZone, IsMoment};
use crate::Kind;
use crate::sql_types::{Date, Nullable, Timestamp, Timestamptz};

/// A date or a time, which may be nullable.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no date",
    note = "only columns and expressions of the types Date, Timestamp and Timestamptz, and nullable ones, have a start of their month"
)]
pub trait IsDate: SqlType + TypedExpressionType {
    /// Which of the types it is.
    const KIND: DateKind;
}

/// The types of dates and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateKind {
    /// A date without a time.
    Day,
    /// A date and a time, without a zone.
    Local,
    /// A date and a time in UTC.
    Utc,
}

macro_rules! dates {
    ($($Type:ident $kind:ident;)*) => {$(
        impl IsDate for $Type {
            const KIND: DateKind = DateKind::$kind;
        }

        impl IsDate for Nullable<$Type> {
            const KIND: DateKind = DateKind::$kind;
        }
    )*};
}

dates! {
    Date Day;
    Timestamp Local;
    Timestamptz Utc;
}

/// Dates and times, truncated to the start of a period, the same on both databases: to group rows by month, for example. The start is
/// that in UTC for a `Timestamptz`, and that of a time zone after [`in_time_zone`](Self::in_time_zone).
///
/// ```
/// use lback::chrono::{NaiveDate, NaiveDateTime};
/// use lback::diesel;
/// use lback::prelude::*;
///
/// diesel::table! {
///     orders (id) {
///         id -> BigInt,
///         placed_at -> Timestamp,
///     }
/// }
///
/// fn by_month(db: &mut Db) -> QueryResult<Vec<(NaiveDateTime, i64)>> {
///     let month = orders::placed_at.start_of_month();
///     orders::table.group_by(month).select((month, diesel::dsl::count_star())).order(month).load(db)
/// }
/// # let client = lback::testing::Client::with_settings(App::new(Router::new()), "SESSION_TIMEOUT_MINUTES = 30");
/// # client.db(|db| diesel::sql_query("CREATE TABLE orders (id INTEGER PRIMARY KEY, placed_at TIMESTAMP NOT NULL)").execute(db));
/// # let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap().and_hms_opt(3, 4, 5).unwrap();
/// # let days = [day(1, 2), day(1, 3), day(2, 4)].map(|day| orders::placed_at.eq(day));
/// # client.db(|db| diesel::insert_into(orders::table).values(days).execute(db));
/// # let start = |month| NaiveDate::from_ymd_opt(2026, month, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
/// # assert_eq!(client.db(by_month), [(start(1), 2), (start(2), 1)]);
/// ```
pub trait DateMethods: Expression + Sized {
    /// Returns the start of the year.
    fn start_of_year(self) -> Truncated<Self, Year>
    where
        Self::SqlType: IsDate,
    {
        Truncated::new(self)
    }

    /// Returns the start of the month.
    fn start_of_month(self) -> Truncated<Self, Month>
    where
        Self::SqlType: IsDate,
    {
        Truncated::new(self)
    }

    /// Returns the start of the week, a Monday.
    fn start_of_week(self) -> Truncated<Self, Week>
    where
        Self::SqlType: IsDate,
    {
        Truncated::new(self)
    }

    /// Returns the start of the day.
    fn start_of_day(self) -> Truncated<Self, Day>
    where
        Self::SqlType: IsDate,
    {
        Truncated::new(self)
    }

    /// Returns the start of the hour.
    fn start_of_hour(self) -> Truncated<Self, Hour>
    where
        Self::SqlType: IsDate,
    {
        Truncated::new(self)
    }

    /// Returns the local time of a moment in a time zone: a `NaiveDateTime`.
    ///
    /// ```
    /// use lback::chrono::NaiveDateTime;
    /// use lback::prelude::*;
    ///
    /// diesel::table! {
    ///     orders (id) {
    ///         id -> BigInt,
    ///         placed_at -> Timestamptz,
    ///     }
    /// }
    ///
    /// fn by_day(db: &mut Db, zone: TimeZone) -> QueryResult<Vec<(NaiveDateTime, i64)>> {
    ///     let day = orders::placed_at.in_time_zone(zone).start_of_day();
    ///     orders::table.group_by(day).select((day, diesel::dsl::count_star())).order(day).load(db)
    /// }
    /// # let client = lback::testing::Client::with_settings(App::new(Router::new()), "SESSION_TIMEOUT_MINUTES = 30");
    /// # client.db(|db| diesel::sql_query("CREATE TABLE orders (id INTEGER PRIMARY KEY, placed_at TIMESTAMP NOT NULL)").execute(db));
    /// # let at: DateTime<Utc> = "2026-06-30T22:30:00Z".parse().unwrap();
    /// # client.db(|db| diesel::insert_into(orders::table).values(orders::placed_at.eq(at)).execute(db));
    /// # assert_eq!(client.db(|db| by_day(db, TimeZone::UTC))[0].0.to_string(), "2026-06-30 00:00:00");
    /// ```
    ///
    /// PostgreSQL has a database of time zones of its own, and reports an error if it does not know the name.
    fn in_time_zone(self, zone: TimeZone) -> InTimeZone<Self>
    where
        Self::SqlType: IsMoment,
    {
        InTimeZone::new(self, zone)
    }
}

impl<E: Expression> DateMethods for E {}

/// A period that a date is truncated to.
pub trait Period: 'static {
    /// PostgreSQL's name of the period.
    const NAME: &'static str;
    /// The start of the period as a format of SQLite.
    const FORMAT: &'static str;
    /// What SQLite changes first.
    const MODIFIERS: &'static str = "";
}

macro_rules! periods {
    ($($(#[$doc:meta])* $Name:ident $name:literal $format:literal $($modifiers:literal)?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Name;

        impl Period for $Name {
            const NAME: &'static str = $name;
            const FORMAT: &'static str = $format;
            $(const MODIFIERS: &'static str = $modifiers;)?
        }
    )*};
}

periods! {
    /// A year.
    Year "year" "%Y-01-01 00:00:00";
    /// A month.
    Month "month" "%Y-%m-01 00:00:00";
    /// A week, which starts on Monday.
    Week "week" "%Y-%m-%d 00:00:00" ", '-6 days', 'weekday 1'";
    /// A day.
    Day "day" "%Y-%m-%d 00:00:00";
    /// An hour.
    Hour "hour" "%Y-%m-%d %H:00:00";
}

/// A date or a time, truncated to the start of a [`Period`]. See [`DateMethods`].
#[derive(Debug)]
pub struct Truncated<E, P> {
    date: E,
    period: PhantomData<P>,
}

impl<E, P> Truncated<E, P> {
    fn new(date: E) -> Self {
        Truncated { date, period: PhantomData }
    }
}

impl<E: Clone, P> Clone for Truncated<E, P> {
    fn clone(&self) -> Self {
        Truncated::new(self.date.clone())
    }
}

impl<E: Copy, P> Copy for Truncated<E, P> {}

impl<E: QueryId, P: Period> QueryId for Truncated<E, P> {
    type QueryId = Truncated<E::QueryId, P>;
    const HAS_STATIC_QUERY_ID: bool = E::HAS_STATIC_QUERY_ID;
}

impl<E: Expression, P> Expression for Truncated<E, P>
where
    E::SqlType: IsDate,
{
    type SqlType = E::SqlType;
}

impl<E: AppearsOnTable<QS>, P, QS> AppearsOnTable<QS> for Truncated<E, P> where Self: Expression {}
impl<E: SelectableExpression<QS>, P, QS> SelectableExpression<QS> for Truncated<E, P> where Self: AppearsOnTable<QS> {}

/// Without GROUP BY, it is what the date is.
impl<E: ValidGrouping<()>, P> ValidGrouping<()> for Truncated<E, P> {
    type IsAggregate = E::IsAggregate;
}

/// Rows that are grouped by it have one value.
impl<E, P> ValidGrouping<Truncated<E, P>> for Truncated<E, P> {
    type IsAggregate = is_aggregate::Yes;
}

impl<E, P, DB> QueryFragment<DB> for Truncated<E, P>
where
    E: Expression + QueryFragment<DB>,
    E::SqlType: IsDate,
    P: Period,
    DB: Target,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let kind = <E::SqlType as IsDate>::KIND;
        match out.backend().kind() {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => {
                let format = if kind == DateKind::Day { P::FORMAT.split(' ').next().unwrap_or_default() } else { P::FORMAT };
                out.push_sql("strftime('");
                out.push_sql(format);
                out.push_sql(if kind == DateKind::Utc { "+00:00', " } else { "', " });
                self.date.walk_ast(out.reborrow())?;
                out.push_sql(P::MODIFIERS);
                out.push_sql(")");
            }
            #[cfg(feature = "postgres")]
            Kind::Postgres => {
                out.push_sql("date_trunc('");
                out.push_sql(P::NAME);
                out.push_sql("', ");
                self.date.walk_ast(out.reborrow())?;
                out.push_sql(match kind {
                    DateKind::Day => "::timestamp)::date",
                    DateKind::Local => ")",
                    DateKind::Utc => ", 'UTC')",
                });
            }
        }
        Ok(())
    }
}
