//! Values in SQL.

use super::Dialect;
use crate::meta::Kind;
use crate::migrate::{Column, DefaultValue};

/// Returns a text as SQL. Both databases take a backslash as it is.
pub(crate) fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Returns texts as SQL, separated by commas.
pub(super) fn text_list(texts: &[String]) -> String {
    texts.iter().map(|text| text_literal(text)).collect::<Vec<_>>().join(", ")
}

/// Returns a value of the column as SQL.
pub(crate) fn literal(value: &DefaultValue, column: &Column, dialect: Dialect) -> String {
    if let (Kind::Decimal, Some(digits)) = (column.kind, column.digits) {
        let text = number_text(value);
        return match dialect {
            Dialect::Sqlite => units(&text, digits.decimal_places).map_or_else(|| text_literal(&text), |units| units.to_string()),
            Dialect::Postgres if units(&text, 18).is_some() => text,
            Dialect::Postgres => text_literal(&text),
        };
    }
    match value {
        DefaultValue::Bool(true) => "TRUE".to_owned(),
        DefaultValue::Bool(false) => "FALSE".to_owned(),
        DefaultValue::Int(number) => match column.kind {
            // PostgreSQL has no cast from a number to these in a default.
            Kind::Text | Kind::Json => text_literal(&number.to_string()),
            _ => number.to_string(),
        },
        DefaultValue::Real(number) if number.is_finite() => format!("{number:?}"),
        DefaultValue::Real(number) => text_literal(&number.to_string()),
        DefaultValue::Text(text) if column.kind == Kind::Bytes => {
            let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            match dialect {
                Dialect::Sqlite => format!("X'{digits}'"),
                Dialect::Postgres => format!("'\\x{digits}'"),
            }
        }
        DefaultValue::Text(text) => text_literal(text),
    }
}

/// Returns the digits of a number.
fn number_text(value: &DefaultValue) -> String {
    match value {
        DefaultValue::Int(number) => number.to_string(),
        DefaultValue::Real(number) => number.to_string(),
        DefaultValue::Bool(value) => value.to_string(),
        DefaultValue::Text(text) => text.clone(),
    }
}

/// Returns a number such as `9.95` in units of its last place, 995 with two places. `None` if it has more places, or is no such number.
pub(crate) fn units(text: &str, places: u32) -> Option<i128> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let places = usize::try_from(places).ok()?;
    let all = format!("{whole}{fraction:0<places$}");
    let is_number = !whole.is_empty() && all.len() <= 36 && all.bytes().all(|byte| byte.is_ascii_digit());
    let number: i128 = all.parse().ok().filter(|_| is_number && fraction.len() <= places)?;
    Some(if is_negative { -number } else { number })
}

/// Returns the number that is so many units of its last place.
pub(crate) fn decimal_of_units(units: i64, places: u32) -> String {
    let width = usize::try_from(places).unwrap_or_default() + 1;
    let digits = format!("{:0>width$}", units.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() + 1 - width);
    let sign = if units < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_numbers_of_units() {
        for (text, places, number) in [("9.95", 2, 995), ("-0.5", 3, -500), ("7", 2, 700), ("1.10", 1, 11), ("0", 0, 0), ("-0.01", 2, -1)] {
            assert_eq!(units(text, places), Some(number), "{text}");
        }
        for text in ["9.951", "", "-", ".5", "1e3", "1.x", "NaN", "+1", "1.2.3", &"9".repeat(40)] {
            assert_eq!(units(text, 2), None, "{text}");
        }
        let texts = [(995, 2), (-5, 2), (0, 2), (7, 0), (-7, 1)].map(|(units, places)| decimal_of_units(units, places));
        assert_eq!(texts, ["9.95", "-0.05", "0.00", "7", "-0.7"]);
    }
}
