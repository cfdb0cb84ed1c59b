//! Exact numbers with a fraction: `NUMERIC` on PostgreSQL, and integers in units of the last place on SQLite.

use diesel::deserialize::{self, FromSql};
use diesel::expression::AsExpression;
use diesel::internal::derives::as_expression::Bound;
#[cfg(feature = "postgres")]
use diesel::pg::Pg;
use diesel::query_builder::{BindCollector, QueryId};
use diesel::serialize::{self, IsNull, Output, ToSql};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use diesel::sql_types::Numeric;
use diesel::sql_types::{BigInt, Foldable, HasSqlType, Nullable, SingleValue, SqlOrd, SqlType, is_nullable, ops};
#[cfg(feature = "sqlite")]
use diesel::sqlite::{Sqlite, SqliteType};

#[cfg(feature = "postgres")]
use super::types::postgres_lookup;
use super::types::{Lookup, TypeMetadata};
use super::{BindValue, Binds, Dialect, RawValue};
use crate::decimal::Decimal as Number;
use crate::sql_types::{Decimal, DecimalAverage};

/// A column of a number whose places are known at run time alone. A number that is bound has the places of its column.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct AnyDecimal;

/// A number that was read from a column.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ReadDecimal {
    number: Number,
    is_in_units: bool,
}

impl ReadDecimal {
    /// Returns the number that a column with this many places has.
    pub fn with_places(self, places: u32) -> Number {
        if self.is_in_units { Number::of_units(self.number.mantissa(), places) } else { self.number }
    }
}

macro_rules! types {
    ($([$($generics:tt)*] $ST:ty: $sqlite:ident;)*) => {$(
        impl<$($generics)*> SqlType for $ST {
            type IsNull = is_nullable::NotNull;
        }

        impl<$($generics)*> SingleValue for $ST {}

        impl<$($generics)*> QueryId for $ST {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl<$($generics)*> HasSqlType<$ST> for Dialect {
            fn metadata(_lookup: &mut Lookup) -> TypeMetadata {
                #[cfg(feature = "postgres")]
                if let Ok(lookup) = postgres_lookup(_lookup) {
                    return TypeMetadata::Postgres(<Pg as HasSqlType<Numeric>>::metadata(lookup));
                }
                #[cfg(feature = "sqlite")]
                return TypeMetadata::Sqlite(SqliteType::$sqlite);
                #[cfg(not(feature = "sqlite"))]
                unreachable!("every connection is to PostgreSQL")
            }
        }
    )*};
}

types! {
    [const DIGITS: u32, const PLACES: u32] Decimal<DIGITS, PLACES>: Long;
    [const PLACES: u32] DecimalAverage<PLACES>: Double;
    [] AnyDecimal: Long;
}

impl<const DIGITS: u32, const PLACES: u32> SqlOrd for Decimal<DIGITS, PLACES> {}

impl<const DIGITS: u32, const PLACES: u32> Foldable for Decimal<DIGITS, PLACES> {
    type Sum = Nullable<Decimal<18, PLACES>>;
    type Avg = Nullable<DecimalAverage<PLACES>>;
}

impl<const DIGITS: u32, const PLACES: u32> ops::Add for Decimal<DIGITS, PLACES> {
    type Rhs = Self;
    type Output = Self;
}

impl<const DIGITS: u32, const PLACES: u32> ops::Sub for Decimal<DIGITS, PLACES> {
    type Rhs = Self;
    type Output = Self;
}

impl<const DIGITS: u32, const PLACES: u32> ops::Mul for Decimal<DIGITS, PLACES> {
    type Rhs = BigInt;
    type Output = Self;
}

/// `diesel::table!` requires a quotient of numbers. SQLite would round it, so nothing is of the type of its divisor.
impl<const DIGITS: u32, const PLACES: u32> ops::Div for Decimal<DIGITS, PLACES> {
    type Rhs = NoDivisor;
    type Output = Self;
}

/// See [`ops::Div`] of [`Decimal`].
#[derive(Clone, Copy, Debug)]
pub struct NoDivisor;

impl SqlType for NoDivisor {
    type IsNull = is_nullable::NotNull;
}

impl SingleValue for NoDivisor {}

macro_rules! expressions {
    ($($T:ty as $ST:ty),*) => {$(
        impl<const DIGITS: u32, const PLACES: u32> AsExpression<$ST> for $T {
            type Expression = Bound<$ST, Self>;

            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
    )*};
}

expressions! {
    Number as Decimal<DIGITS, PLACES>,
    &Number as Decimal<DIGITS, PLACES>,
    Number as Nullable<Decimal<DIGITS, PLACES>>,
    &Number as Nullable<Decimal<DIGITS, PLACES>>
}

#[cfg(feature = "sqlite")]
macro_rules! on_sqlite {
    ($([$($generics:tt)*] $ST:ty, $number:ident => $units:expr;)*) => {$(
        impl<$($generics)*> HasSqlType<$ST> for Sqlite {
            fn metadata(_: &mut ()) -> SqliteType {
                SqliteType::Long
            }
        }

        impl<$($generics)*> ToSql<$ST, Sqlite> for Number {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                let $number = *self;
                out.set_value(i64::try_from($units.mantissa())?);
                Ok(IsNull::No)
            }
        }
    )*};
}

#[cfg(feature = "sqlite")]
on_sqlite! {
    [const DIGITS: u32, const PLACES: u32] Decimal<DIGITS, PLACES>, number => number.with_places(PLACES)?;
    [] AnyDecimal, number => number;
}

/// For the arrays of `eq_any`.
#[cfg(feature = "postgres")]
impl<const DIGITS: u32, const PLACES: u32> HasSqlType<Decimal<DIGITS, PLACES>> for Pg {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        <Pg as HasSqlType<Numeric>>::metadata(lookup)
    }
}

#[cfg(feature = "postgres")]
impl<const DIGITS: u32, const PLACES: u32> ToSql<Decimal<DIGITS, PLACES>, Pg> for Number {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        self.with_places(PLACES)?;
        ToSql::<Numeric, Pg>::to_sql(&self.0, out)
    }
}

impl<const DIGITS: u32, const PLACES: u32> ToSql<Decimal<DIGITS, PLACES>, Dialect> for Number {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Dialect>) -> serialize::Result {
        self.with_places(PLACES)?;
        out.set_value(BindValue::new(move |binds, _lookup| match binds {
            #[cfg(feature = "sqlite")]
            Binds::Sqlite(binds) => binds.push_bound_value::<Decimal<DIGITS, PLACES>, Number>(self, &mut ()),
            #[cfg(feature = "postgres")]
            Binds::Postgres(binds) => binds.push_bound_value::<Numeric, rust_decimal::Decimal>(&self.0, postgres_lookup(_lookup)?),
        }));
        Ok(IsNull::No)
    }
}

impl ToSql<AnyDecimal, Dialect> for Number {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Dialect>) -> serialize::Result {
        out.set_value(BindValue::new(move |binds, _lookup| match binds {
            #[cfg(feature = "sqlite")]
            Binds::Sqlite(binds) => binds.push_bound_value::<AnyDecimal, Number>(self, &mut ()),
            #[cfg(feature = "postgres")]
            Binds::Postgres(binds) => binds.push_bound_value::<Numeric, rust_decimal::Decimal>(&self.0, postgres_lookup(_lookup)?),
        }));
        Ok(IsNull::No)
    }
}

impl FromSql<AnyDecimal, Dialect> for ReadDecimal {
    fn from_sql(value: RawValue<'_>) -> deserialize::Result<Self> {
        Ok(match value {
            #[cfg(feature = "sqlite")]
            RawValue::Sqlite(value) => ReadDecimal { number: <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?.into(), is_in_units: true },
            #[cfg(feature = "postgres")]
            RawValue::Postgres(value) => {
                ReadDecimal { number: <rust_decimal::Decimal as FromSql<Numeric, Pg>>::from_sql(value)?.into(), is_in_units: false }
            }
        })
    }
}

impl<const DIGITS: u32, const PLACES: u32> FromSql<Decimal<DIGITS, PLACES>, Dialect> for Number {
    fn from_sql(value: RawValue<'_>) -> deserialize::Result<Self> {
        Ok(<ReadDecimal as FromSql<AnyDecimal, Dialect>>::from_sql(value)?.with_places(PLACES))
    }
}

impl<const PLACES: u32> FromSql<DecimalAverage<PLACES>, Dialect> for Number {
    fn from_sql(value: RawValue<'_>) -> deserialize::Result<Self> {
        let average = match value {
            #[cfg(feature = "sqlite")]
            RawValue::Sqlite(value) => {
                let units = <f64 as FromSql<diesel::sql_types::Double, Sqlite>>::from_sql(value)?;
                let too_large = || format!("the average {units} is too large");
                rust_decimal::Decimal::from_f64_retain(units).ok_or_else(too_large)?
                    / rust_decimal::Decimal::from(10_i64.pow(PLACES.min(18)))
            }
            #[cfg(feature = "postgres")]
            RawValue::Postgres(value) => <rust_decimal::Decimal as FromSql<Numeric, Pg>>::from_sql(value)?,
        };
        Ok(average.round_dp(PLACES + 4).into())
    }
}
