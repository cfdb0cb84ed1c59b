//! The types of columns that can be compared.

use std::any::TypeId;

use crate::sql_types::{self as sql, Nullable};

/// A type of `diesel::table!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnType {
    SmallInt,
    Integer,
    BigInt,
    Float,
    Double,
    Numeric,
    Bool,
    Text,
    Binary,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Uuid,
    Json,
    Jsonb,
}

/// Returns the column type of Diesel's type `T`, and whether it may be NULL.
pub(super) fn expected<T: 'static>() -> (Option<ColumnType>, bool) {
    macro_rules! known {
        ($($path:path => $name:ident),* $(,)?) => {$(
            if TypeId::of::<T>() == TypeId::of::<$path>() {
                return (Some(ColumnType::$name), false);
            }
            if TypeId::of::<T>() == TypeId::of::<Nullable<$path>>() {
                return (Some(ColumnType::$name), true);
            }
        )*};
    }
    known! {
        sql::SmallInt => SmallInt,
        sql::Integer => Integer,
        sql::BigInt => BigInt,
        sql::Float => Float,
        sql::Double => Double,
        sql::Numeric => Numeric,
        sql::Bool => Bool,
        sql::Text => Text,
        sql::Binary => Binary,
        sql::Date => Date,
        sql::Time => Time,
        sql::Timestamp => Timestamp,
        sql::Timestamptz => Timestamptz,
        sql::Uuid => Uuid,
        sql::Json => Json,
        sql::Jsonb => Jsonb,
    }
    // For an unknown type, it is unknown whether it may be NULL.
    (None, true)
}

impl ColumnType {
    /// Returns whether SQLite keeps its values unchanged in a column of this declaration. By "type affinity", an INTEGER column turns
    /// a text of digits into a number, and a TEXT column turns a number into text.
    #[cfg(feature = "sqlite")]
    pub(super) fn fits_sqlite(self, declared: &str) -> bool {
        use ColumnType::*;
        let declared = declared.to_ascii_uppercase();
        let has = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
        let (integer, text) = (has(&["INT"]), has(&["CHAR", "CLOB", "TEXT"]));
        let real = has(&["REAL", "FLOA", "DOUB"]);
        match self {
            SmallInt | Integer | BigInt | Bool => integer || !(text || real),
            Float | Double | Numeric => integer || !text,
            Text | Binary => !integer && (text || !real),
            Date | Time | Timestamp | Timestamptz => !integer,
            Json | Jsonb | Uuid => true,
        }
    }

    /// Returns PostgreSQL's names of the types that it can be read from.
    #[cfg(feature = "postgres")]
    fn in_postgres(self) -> &'static [&'static str] {
        match self {
            ColumnType::SmallInt => &["int2"],
            ColumnType::Integer => &["int4"],
            ColumnType::BigInt => &["int8"],
            ColumnType::Float => &["float4"],
            ColumnType::Double => &["float8"],
            ColumnType::Numeric => &["numeric"],
            ColumnType::Bool => &["bool"],
            ColumnType::Text => &["text", "varchar", "bpchar", "name"],
            ColumnType::Binary => &["bytea"],
            ColumnType::Date => &["date"],
            ColumnType::Time => &["time"],
            ColumnType::Timestamp => &["timestamp"],
            ColumnType::Timestamptz => &["timestamptz"],
            ColumnType::Uuid => &["uuid"],
            ColumnType::Json => &["json"],
            ColumnType::Jsonb => &["jsonb"],
        }
    }

    /// Returns whether a column of PostgreSQL's type `name` can hold its values; true for an unknown type.
    #[cfg(feature = "postgres")]
    pub(super) fn fits_postgres(self, name: &str) -> bool {
        use ColumnType::*;
        const ALL: [ColumnType; 16] =
            [SmallInt, Integer, BigInt, Float, Double, Numeric, Bool, Text, Binary, Date, Time, Timestamp, Timestamptz, Uuid, Json, Jsonb];
        self.in_postgres().contains(&name) || ALL.iter().all(|other| !other.in_postgres().contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_diesel_are_known_with_and_without_null() {
        assert_eq!(expected::<sql::BigInt>(), (Some(ColumnType::BigInt), false));
        assert_eq!(expected::<Nullable<sql::Text>>(), (Some(ColumnType::Text), true));
        assert_eq!(expected::<diesel::sql_types::Int8>(), (Some(ColumnType::BigInt), false), "an alias");
        assert_eq!(expected::<String>(), (None, true));
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn sqlite_is_asked_by_its_rules_of_affinity() {
        for (of_type, fit, unfit) in [
            (ColumnType::BigInt, ["INTEGER", "BIGINT", ""], ["TEXT", "VARCHAR(9)", "REAL"]),
            (ColumnType::Text, ["TEXT", "varchar(20)", "BLOB"], ["INTEGER", "BIGINT", "DOUBLE"]),
            (ColumnType::Bool, ["BOOLEAN", "INT", "NUMERIC"], ["TEXT", "CHAR(1)", "FLOAT"]),
            (ColumnType::Timestamp, ["TIMESTAMP", "DATETIME", "TEXT"], ["INTEGER", "BIGINT", "int"]),
            (ColumnType::Timestamptz, ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TEXT"], ["INTEGER", "BIGINT", "int"]),
        ] {
            assert!(fit.iter().all(|declared| of_type.fits_sqlite(declared)), "{of_type:?}");
            assert!(unfit.iter().all(|declared| !of_type.fits_sqlite(declared)), "{of_type:?}");
        }
    }
}
