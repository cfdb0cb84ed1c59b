//! The types of columns, and the Rust types that are read from them and bound to them.

use std::any::Any;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use diesel::deserialize::{self, FromSql};
#[cfg(feature = "postgres")]
use diesel::pg::{Pg, PgMetadataLookup};
use diesel::query_builder::BindCollector;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::HasSqlType;
#[cfg(feature = "sqlite")]
use diesel::sqlite::Sqlite;
#[cfg(feature = "postgres")]
use diesel::{QueryResult, result::Error};

use super::{BindValue, Binds, Dialect, RawValue};
use crate::sql_types;

/// The type of a value as its database names it.
#[derive(Debug, Clone)]
pub enum TypeMetadata {
    /// A storage class of SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(diesel::sqlite::SqliteType),
    /// The numbers of a type of PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(diesel::pg::PgTypeMetadata),
}

impl diesel::sql_types::TypeMetadata for Dialect {
    type TypeMetadata = TypeMetadata;
    type MetadataLookup = Lookup;
}

/// What looks types up: nothing on SQLite, `()`, and the connection on PostgreSQL.
pub(crate) type Lookup = dyn Any;

/// Returns what looks types up on PostgreSQL.
#[cfg(feature = "postgres")]
pub(super) fn postgres_lookup(lookup: &mut Lookup) -> QueryResult<&mut (dyn PgMetadataLookup + 'static)> {
    use diesel::connection::MultiConnectionHelper;
    diesel::PgConnection::from_any(lookup).ok_or_else(|| Error::SerializationError("not a connection to PostgreSQL".into()))
}

macro_rules! sql_types {
    ($($ST:ident $(or $Sqlite:ident)?),* $(,)?) => {$(
        impl HasSqlType<sql_types::$ST> for Dialect {
            fn metadata(_lookup: &mut Lookup) -> TypeMetadata {
                #[cfg(feature = "postgres")]
                if let Ok(lookup) = postgres_lookup(_lookup) {
                    return TypeMetadata::Postgres(<Pg as HasSqlType<sql_types::$ST>>::metadata(lookup));
                }
                #[cfg(feature = "sqlite")]
                return TypeMetadata::Sqlite(<Sqlite as HasSqlType<on_sqlite!($ST $($Sqlite)?)>>::metadata(&mut ()));
                #[cfg(not(feature = "sqlite"))]
                unreachable!("every connection is to PostgreSQL")
            }
        }
    )*};
}

/// The type that SQLite has for a type of both databases: the same, or the one behind it.
#[cfg(feature = "sqlite")]
macro_rules! on_sqlite {
    ($ST:ident) => {
        sql_types::$ST
    };
    ($ST:ident $Sqlite:ident) => {
        behind::$Sqlite
    };
}

/// The types of SQLite behind those of both databases.
#[cfg(feature = "sqlite")]
mod behind {
    pub(super) use diesel::sql_types::{Json, TimestamptzSqlite};

    #[cfg(feature = "uuid")]
    pub(super) use super::super::uuid_text::UuidText;
}

sql_types! {
    Bool, SmallInt, Integer, BigInt, Float, Double, Text, Binary, Date, Time, Timestamp,
    Timestamptz or TimestamptzSqlite,
    Jsonb or Json,
}

#[cfg(feature = "uuid")]
sql_types!(Uuid or UuidText);

/// Lets a Rust type be bound to a column of the type, in the form that the column's database takes.
macro_rules! to_sql {
    ($($ST:ident $(or $Sqlite:ident)? <- $T:ty),* $(,)?) => {$(
        impl ToSql<sql_types::$ST, Dialect> for $T {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Dialect>) -> serialize::Result {
                out.set_value(BindValue::new(move |binds, _lookup| match binds {
                    #[cfg(feature = "sqlite")]
                    Binds::Sqlite(binds) => binds.push_bound_value::<on_sqlite!($ST $($Sqlite)?), $T>(self, &mut ()),
                    #[cfg(feature = "postgres")]
                    Binds::Postgres(binds) => binds.push_bound_value::<sql_types::$ST, $T>(self, postgres_lookup(_lookup)?),
                }));
                Ok(IsNull::No)
            }
        }
    )*};
}

to_sql! {
    Bool <- bool,
    SmallInt <- i16,
    Integer <- i32,
    BigInt <- i64,
    Float <- f32,
    Double <- f64,
    Text <- str,
    Binary <- [u8],
    Date <- NaiveDate,
    Time <- NaiveTime,
    Timestamp <- NaiveDateTime,
    Timestamptz or TimestamptzSqlite <- DateTime<Utc>,
    Jsonb or Json <- serde_json::Value,
}

#[cfg(feature = "uuid")]
to_sql!(Uuid or UuidText <- uuid::Uuid);

/// Lets a Rust type be read from a column of the type, as it is read from that of its database.
macro_rules! from_sql {
    ($($ST:ident $(or $Sqlite:ident)? -> $T:ty),* $(,)?) => {$(
        impl FromSql<sql_types::$ST, Dialect> for $T {
            fn from_sql(value: RawValue<'_>) -> deserialize::Result<Self> {
                match value {
                    #[cfg(feature = "sqlite")]
                    RawValue::Sqlite(value) => <$T as FromSql<on_sqlite!($ST $($Sqlite)?), Sqlite>>::from_sql(value),
                    #[cfg(feature = "postgres")]
                    RawValue::Postgres(value) => <$T as FromSql<sql_types::$ST, Pg>>::from_sql(value),
                }
            }
        }
    )*};
}

from_sql! {
    Bool -> bool,
    SmallInt -> i16,
    Integer -> i32,
    BigInt -> i64,
    Float -> f32,
    Double -> f64,
    Text -> String,
    Binary -> Vec<u8>,
    Date -> NaiveDate,
    Time -> NaiveTime,
    Timestamp -> NaiveDateTime,
    Timestamptz or TimestamptzSqlite -> DateTime<Utc>,
    Jsonb or Json -> serde_json::Value,
}

#[cfg(feature = "uuid")]
from_sql!(Uuid or UuidText -> uuid::Uuid);
