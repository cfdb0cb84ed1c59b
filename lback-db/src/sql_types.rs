//! The types of columns: those of Diesel.
//!
//! [`Db`](crate::Db) has these on both databases:
//!
//! | in `diesel::table!` | Rust | SQLite | PostgreSQL |
//! | --- | --- | --- | --- |
//! | `Bool` | `bool` | `BOOLEAN` | `BOOLEAN` |
//! | `SmallInt`, `Integer`, `BigInt` | `i16`, `i32`, `i64` | `SMALLINT`, `INTEGER`, `BIGINT` | the same |
//! | `Float`, `Double` | `f32`, `f64` | `REAL` | `REAL`, `DOUBLE PRECISION` |
//! | `Text` | `String` | `TEXT` | `TEXT`, `VARCHAR(n)` |
//! | `Binary` | `Vec<u8>` | `BLOB` | `BYTEA` |
//! | `Date`, `Time`, `Timestamp` | `chrono::NaiveDate`, `NaiveTime`, `NaiveDateTime` | `DATE`, `TIME`, `TIMESTAMP` | the same |
//! | `Timestamptz` | `chrono::DateTime<Utc>` | `TIMESTAMP` | `TIMESTAMPTZ` |
//! | `Jsonb` | `serde_json::Value` | `TEXT` | `JSONB` |
//! | `Decimal<10, 2>`, with the feature `decimal` | [`Decimal`](crate::Decimal) | an integer, here of hundredths | `NUMERIC(10, 2)` |
//! | `Uuid`, with the feature `uuid` | `uuid::Uuid` | `TEXT` | `UUID` |
//!
//! A `Nullable` column is an `Option`. Values are written and read alike, with these differences:
//!
//! * PostgreSQL keeps times to the microsecond, and SQLite to the nanosecond. [`Db::now`](crate::Db::now) has whole microseconds.
//! * SQLite keeps times as text in UTC, `2026-11-29 17:30:59.123+00:00`, which sorts by time. A text without a zone, such as that of
//!   `CURRENT_TIMESTAMP`, is read as UTC, but does not equal the same time with its zone.
//! * SQLite keeps a UUID as text in lower case, `67e55044-10b1-426f-9247-bb680e5fe0c8`.
//!
//! ```
//! use lback::chrono::{DateTime, Utc};
//! use lback::diesel;
//! use lback::prelude::*;
//!
//! diesel::table! {
//!     orders (id) {
//!         id -> BigInt,
//!         placed_at -> Timestamptz,
//!     }
//! }
//!
//! fn newest(db: &mut Db) -> QueryResult<Option<DateTime<Utc>>> {
//!     orders::table.filter(orders::placed_at.le(db.now())).select(diesel::dsl::max(orders::placed_at)).first(db)
//! }
//! # let client = lback::testing::Client::with_settings(App::new(Router::new()), "SESSION_TIMEOUT_MINUTES = 30");
//! # client.db(|db| diesel::sql_query("CREATE TABLE orders (id BIGINT PRIMARY KEY, placed_at TIMESTAMP NOT NULL)").execute(db));
//! # let now = client.clock().now();
//! # client.db(|db| diesel::insert_into(orders::table).values((orders::id.eq(1), orders::placed_at.eq(now))).execute(db));
//! # assert_eq!(client.db(newest), Some(now));
//! ```

pub use diesel::sql_types::*;

/// An exact number with up to `DIGITS` digits, of which `PLACES` are after the decimal point: `Decimal<10, 2>` for amounts of money.
///
/// SQLite has no type for such numbers: its own `DECIMAL` is a float. A column therefore holds the number in units of its last place, 995
/// for 9.95, as an integer. Comparisons, orders, indexes, sums and unique columns are exact then, in SQL as well. SQL that you write by hand
/// for SQLite has to use these units. Numbers have up to 18 digits, which is what an integer of 64 bits holds.
///
/// Numbers are added to numbers with as many places, and multiplied with whole numbers. A value with more places than the column is
/// refused, not rounded.
///
/// ```
/// use lback::db::Decimal;
/// use lback::diesel;
/// use lback::prelude::*;
///
/// diesel::table! {
///     use lback::db::sql_types::*;
///
///     orders (id) {
///         id -> BigInt,
///         total -> Decimal<10, 2>,
///     }
/// }
///
/// fn revenue(db: &mut Db) -> QueryResult<Option<Decimal>> {
///     orders::table.filter(orders::total.gt(Decimal::new(995, 2))).select(diesel::dsl::sum(orders::total)).first(db)
/// }
/// ```
#[cfg(feature = "decimal")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Decimal<const DIGITS: u32, const PLACES: u32>;

/// The average of numbers with `PLACES` places. It has four more.
#[cfg(feature = "decimal")]
#[derive(Clone, Copy, Debug, Default)]
pub struct DecimalAverage<const PLACES: u32>;
