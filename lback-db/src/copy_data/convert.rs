//! Values from one database to the other, as [`Db`](crate::Db) stores them in each.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::cell::{Cell, hex};
use crate::decimal_units::{decimal_of_units, units};

/// What a type of PostgreSQL means for its values on SQLite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Whole,
    Single,
    Double,
    Bool,
    Bytes,
    Date,
    Time,
    DateTime,
    Moment,
    Uuid,
    Json,
    /// Any other type, whose values are texts on SQLite.
    Other,
}

/// Returns what the type with this name means, as PostgreSQL's `format_type` writes it.
fn meaning(of_type: &str) -> Meaning {
    match of_type {
        "smallint" | "integer" | "bigint" | "oid" => Meaning::Whole,
        "real" => Meaning::Single,
        "double precision" => Meaning::Double,
        "boolean" => Meaning::Bool,
        "bytea" => Meaning::Bytes,
        "date" => Meaning::Date,
        "time without time zone" => Meaning::Time,
        "timestamp without time zone" => Meaning::DateTime,
        "timestamp with time zone" => Meaning::Moment,
        "uuid" => Meaning::Uuid,
        "json" | "jsonb" => Meaning::Json,
        _ => Meaning::Other,
    }
}

/// Returns the text of PostgreSQL for a value of SQLite in a column of the type.
///
/// # Errors
/// Returns a message if the column cannot have the value: any column of SQLite can have any.
pub(super) fn to_postgres(cell: Cell, of_type: &str) -> Result<Cell, String> {
    let meaning = meaning(of_type);
    let text = match (meaning, cell) {
        (_, Cell::Null) => return Ok(Cell::Null),
        (Meaning::Bool, Cell::Int(number @ (0 | 1))) => (number == 1).to_string(),
        (Meaning::Whole | Meaning::Single | Meaning::Double | Meaning::Other, Cell::Int(number)) => number.to_string(),
        (Meaning::Single, Cell::Real(number)) => (number as f32).to_string(),
        (Meaning::Double | Meaning::Other, Cell::Real(number)) => number.to_string(),
        (Meaning::Bytes, Cell::Bytes(bytes)) => format!("\\x{}", hex(&bytes)),
        (Meaning::Bytes, Cell::Text(text)) => format!("\\x{}", hex(text.as_bytes())),
        (Meaning::Date | Meaning::DateTime | Meaning::Moment, Cell::Text(text)) => {
            day(&text).ok_or_else(|| unfit(of_type, &format!("\"{text}\"")))?
        }
        (Meaning::Time | Meaning::Uuid | Meaning::Json | Meaning::Other, Cell::Text(text)) => text,
        (Meaning::Uuid, Cell::Bytes(bytes)) if bytes.len() == 16 => hex(&bytes),
        (_, Cell::Int(number)) => return Err(unfit(of_type, &number.to_string())),
        (_, Cell::Real(number)) => return Err(unfit(of_type, &number.to_string())),
        (_, Cell::Text(text)) => return Err(unfit(of_type, &format!("\"{text}\""))),
        (_, Cell::Bytes(bytes)) => return Err(unfit(of_type, &format!("X'{}'", hex(&bytes)))),
    };
    if text.contains('\0') {
        return Err("PostgreSQL has no character U+0000 in its texts".to_owned());
    }
    Ok(Cell::Text(text))
}

fn unfit(of_type: &str, shown: &str) -> String {
    let shown = if shown.chars().count() > 60 { shown.chars().take(60).chain(['…']).collect() } else { shown.to_owned() };
    format!("{shown} is not a valid {of_type}")
}

/// Returns a date of SQLite, with or without a time, as PostgreSQL writes it: years have no sign, and those before 1 are of the other
/// era. Texts such as `today` mean something to PostgreSQL and are refused.
fn day(text: &str) -> Option<String> {
    let (is_before, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (year, rest) = rest.split_once('-')?;
    let number: i64 = year.parse().ok().filter(|_| year.bytes().all(|byte| byte.is_ascii_digit()))?;
    let has_month = rest.as_bytes().first()?.is_ascii_digit();
    match (has_month, is_before || number == 0) {
        (false, _) => None,
        (true, true) => Some(format!("{:04}-{rest} BC", number + 1)),
        (true, false) => Some(format!("{year}-{rest}")),
    }
}

/// Returns the value of SQLite for a text that PostgreSQL has written of a value of the type.
///
/// # Errors
/// Returns a message if SQLite has no such value.
pub(super) fn to_sqlite(cell: Cell, of_type: &str) -> Result<Cell, String> {
    let Cell::Text(text) = cell else { return Ok(cell) };
    let converted = match meaning(of_type) {
        Meaning::Whole => text.parse().ok().map(Cell::Int),
        // SQLite would store NULL for a value that is not a number.
        Meaning::Single => text.parse().ok().filter(|number: &f32| !number.is_nan()).map(|number| Cell::Real(number.into())),
        Meaning::Double => text.parse().ok().filter(|number: &f64| !number.is_nan()).map(Cell::Real),
        Meaning::Bool => Some(Cell::Int(i64::from(text == "true"))),
        Meaning::Bytes => bytes(&text).map(Cell::Bytes),
        // In the formats in which Diesel writes them, since they are compared as texts.
        Meaning::Date => in_era(&text, |text| Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.format("%F").to_string())),
        Meaning::Time => NaiveTime::parse_from_str(&text, "%H:%M:%S%.f").ok().map(|time| Cell::Text(time.format("%T%.f").to_string())),
        Meaning::DateTime => {
            in_era(&text, |text| Some(NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?.format("%F %T%.f").to_string()))
        }
        Meaning::Moment => in_era(&text, |text| {
            let time = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z").ok()?;
            Some(time.with_timezone(&Utc).format("%F %T%.f%:z").to_string())
        }),
        Meaning::Json => Some(Cell::Text(without_spaces(&text))),
        Meaning::Uuid | Meaning::Other => Some(Cell::Text(text.clone())),
    };
    converted.ok_or_else(|| format!("SQLite cannot store {text} as {of_type}"))
}

/// Returns the text of PostgreSQL for an exact number, which SQLite has in units of its last place.
///
/// # Errors
/// Returns a message if it is not a whole number of units.
pub(super) fn units_to_postgres(cell: Cell, places: u32) -> Result<Cell, String> {
    match cell {
        Cell::Int(units) => Ok(Cell::Text(decimal_of_units(units, places))),
        other => to_postgres(other, "bigint"),
    }
}

/// Returns an exact number of PostgreSQL in units of its last place.
///
/// # Errors
/// Returns a message if it has more places, or more digits than SQLite can hold.
pub(super) fn units_to_sqlite(cell: Cell, places: u32) -> Result<Cell, String> {
    let Cell::Text(text) = cell else { return Ok(cell) };
    let number = units(&text, places).and_then(|units| i64::try_from(units).ok()).map(Cell::Int);
    number.ok_or_else(|| format!("SQLite cannot store {text} as a number with {places} decimal places"))
}

/// Parses a date of PostgreSQL, which may be before the year 1, and formats it.
fn in_era(text: &str, format: impl Fn(&str) -> Option<String>) -> Option<Cell> {
    let signed = match text.strip_suffix(" BC") {
        Some(before) => {
            let (year, rest) = before.split_once('-')?;
            let year = 1 - year.parse::<i64>().ok()?;
            format!("{}{:04}-{rest}", if year < 0 { "-" } else { "" }, year.abs())
        }
        // Chrono wants a sign before long years.
        None if text.find('-').is_some_and(|end| end > 4) => format!("+{text}"),
        None => text.to_owned(),
    };
    format(&signed).map(Cell::Text)
}

/// Returns a JSON document without the spaces that PostgreSQL writes between its parts. A parser would round its numbers.
fn without_spaces(json: &str) -> String {
    let (mut in_string, mut is_escaped) = (false, false);
    let is_kept = |c: &char| {
        let is_kept = in_string || !matches!(c, ' ' | '\t' | '\n' | '\r');
        in_string ^= *c == '"' && !is_escaped;
        is_escaped = in_string && *c == '\\' && !is_escaped;
        is_kept
    };
    json.chars().filter(is_kept).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?;
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn values_go_there_and_back() {
        for (sqlite, of_type, postgres) in [
            (Cell::Int(1), "boolean", "true"),
            (Cell::Int(-7), "bigint", "-7"),
            (Cell::Real(0.1), "double precision", "0.1"),
            (Cell::Real(0.1_f32.into()), "real", "0.1"),
            (Cell::Real(f64::NEG_INFINITY), "double precision", "-inf"),
            (Cell::Bytes(vec![0, 255]), "bytea", "\\x00ff"),
            (text("2026-02-28"), "date", "2026-02-28"),
            (text("+12026-02-28"), "date", "12026-02-28"),
            (text("-0001-02-28"), "date", "0002-02-28 BC"),
            (text("0000-02-28"), "date", "0001-02-28 BC"),
            (text("23:59:59.500"), "time without time zone", "23:59:59.500"),
            (text("2026-02-28 12:00:00.500"), "timestamp without time zone", "2026-02-28 12:00:00.500"),
            (text("2026-02-28 12:00:00.123456+00:00"), "timestamp with time zone", "2026-02-28 12:00:00.123456+00:00"),
            (text("{\"a\":[1,0.1]}"), "jsonb", "{\"a\":[1,0.1]}"),
            (text("9.950"), "numeric", "9.950"),
            (Cell::Null, "integer", ""),
        ] {
            let there = to_postgres(sqlite.clone(), of_type).unwrap();
            assert_eq!(there, if sqlite == Cell::Null { Cell::Null } else { text(postgres) });
            assert_eq!(to_sqlite(there, of_type).unwrap(), sqlite, "{of_type}");
        }
        // As PostgreSQL writes them.
        for (postgres, of_type, sqlite) in [
            ("2026-02-28 12:00:00.5+00", "timestamp with time zone", "2026-02-28 12:00:00.500+00:00"),
            ("2026-02-28 12:00:00", "timestamp without time zone", "2026-02-28 12:00:00"),
            ("{\"a\": [1, 0.1]}", "jsonb", "{\"a\":[1,0.1]}"),
            ("[12345678901234567890.50, \"a \\\\\", \" \\\" , \"]", "jsonb", "[12345678901234567890.50,\"a \\\\\",\" \\\" , \"]"),
        ] {
            assert_eq!(to_sqlite(text(postgres), of_type).unwrap(), text(sqlite));
        }
    }

    #[test]
    fn exact_numbers_are_units_on_sqlite_alone() {
        for (units, number) in [(995, "9.95"), (-5, "-0.05"), (i64::MIN, "-92233720368547758.08")] {
            assert_eq!(units_to_postgres(Cell::Int(units), 2).unwrap(), text(number));
            assert_eq!(units_to_sqlite(text(number), 2).unwrap(), Cell::Int(units));
        }
        assert_eq!((units_to_postgres(Cell::Null, 2), units_to_sqlite(Cell::Null, 2)), (Ok(Cell::Null), Ok(Cell::Null)));
        units_to_postgres(Cell::Real(9.95), 2).unwrap_err();
        for number in ["9.951", "NaN", "92233720368547758.08"] {
            units_to_sqlite(text(number), 2).unwrap_err();
        }
    }

    #[test]
    fn what_the_other_database_cannot_have_is_refused() {
        for (cell, of_type) in [
            (Cell::Int(2), "boolean"),
            (Cell::Real(0.5), "bigint"),
            (text("many"), "integer"),
            (text("today"), "date"),
            (text("2026-x"), "date"),
            (text("é-01"), "timestamp with time zone"),
            (Cell::Int(7), "timestamp with time zone"),
            (text("a\0b"), "text"),
            (Cell::Bytes(vec![1]), "text"),
        ] {
            to_postgres(cell.clone(), of_type).expect_err(&format!("{cell:?}"));
        }
        for (value, of_type) in [("NaN", "real"), ("infinity", "date"), ("x", "bytea")] {
            to_sqlite(text(value), of_type).unwrap_err();
        }
    }
}
