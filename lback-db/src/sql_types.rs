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
