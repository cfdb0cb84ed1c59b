//! Values in SQL.

use lback_db::units;

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
