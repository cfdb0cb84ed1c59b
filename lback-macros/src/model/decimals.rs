//! Exact numbers: `Decimal` with `max_digits` and `decimal_places`.

use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, ExprUnary, Lit, LitInt, LitStr, Result, UnOp};

use super::parse::Field;
use crate::types::last_name;

/// The digits of a field.
pub(super) struct Digits {
    pub(super) max_digits: u32,
    pub(super) decimal_places: u32,
}

/// A number as it is written, `-9.95`: with two places, it is -995 units.
pub(super) struct Number {
    pub(super) text: String,
    pub(super) units: i64,
    pub(super) places: u32,
}

/// The most digits that an integer of 64 bits holds, in which SQLite keeps them.
const MOST_DIGITS: u32 = 18;

fn is_decimal(field: &Field<'_>) -> bool {
    field.options.sql_type.is_none() && last_name(field.inner).is_some_and(|name| name == "Decimal")
}

/// Returns the digits of a field that is a decimal. `check` has found them.
pub(super) fn digits(field: &Field<'_>) -> Option<Digits> {
    let number = |value: &Option<LitInt>| value.as_ref()?.base10_parse().ok();
    let (max_digits, decimal_places) = (number(&field.options.max_digits)?, number(&field.options.decimal_places)?);
    is_decimal(field).then_some(Digits { max_digits, decimal_places })
}

/// Returns the number that is written for a field that is a decimal.
pub(super) fn literal(field: &Field<'_>, value: &Expr) -> Option<Number> {
    if is_decimal(field) { written(value) } else { None }
}

fn written(value: &Expr) -> Option<Number> {
    let digits = match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if number.suffix().is_empty() => number.base10_digits(),
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) if number.suffix().is_empty() => number.base10_digits(),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => {
            let Number { text, units, places } = written(expr)?;
            return Some(Number { text: format!("-{text}"), units: units.checked_neg()?, places });
        }
        _ => return None,
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let units = format!("{whole}{fraction}").parse().ok()?;
    Some(Number { text: digits.strip_suffix('.').unwrap_or(digits).to_owned(), units, places: u32::try_from(fraction.len()).ok()? })
}

/// Checks the attributes of a field.
pub(super) fn check(field: &Field<'_>) -> Result<()> {
    let options = &field.options;
    let error = |message: &str| Err(Error::new(field.ty.span(), message));
    if !is_decimal(field) {
        return match options.max_digits.as_ref().or(options.decimal_places.as_ref()) {
            Some(digits) => Err(Error::new(digits.span(), "`max_digits` and `decimal_places` are for a `Decimal`")),
            None => Ok(()),
        };
    }
    if !cfg!(feature = "decimal") {
        return error("a Decimal requires the feature `decimal`: lback = { …, features = [\"decimal\"] } in Cargo.toml");
    }
    let Some(Digits { max_digits, decimal_places }) = digits(field) else {
        return error("a Decimal needs its digits: #[model(max_digits = 10, decimal_places = 2)]");
    };
    if !(1..=MOST_DIGITS).contains(&max_digits) || decimal_places > max_digits {
        return error("a Decimal has 1 to 18 digits, and no more places than digits");
    }
    for value in [&options.default, &options.min, &options.max].into_iter().flatten() {
        let is_literal = matches!(value, Expr::Lit(_) | Expr::Unary(_));
        let most = 10_u64.pow(max_digits);
        match written(value) {
            Some(number) => {
                let scaled = 10_u64.checked_pow(decimal_places.saturating_sub(number.places));
                let units = scaled.and_then(|scale| number.units.unsigned_abs().checked_mul(scale));
                if number.places > decimal_places || units.is_none_or(|units| units >= most) {
                    let message =
                        format!("{} does not fit {max_digits} digits, {decimal_places} of them after the decimal point", number.text);
                    return Err(Error::new_spanned(value, message));
                }
            }
            None if is_literal => return Err(Error::new_spanned(value, "write a number such as 9.95")),
            // The default may be computed.
            None if options.default.as_ref().is_some_and(|default| std::ptr::eq(default, value)) => {}
            None => return Err(Error::new_spanned(value, "the `min` and `max` of a Decimal are numbers such as 9.95")),
        }
    }
    Ok(())
}

/// Refuses a condition that has a decimal and a number: SQLite has the units of its last place there.
pub(super) fn check_condition(fields: &[Field<'_>], condition: &LitStr) -> Result<()> {
    let text = condition.value();
    let words: Vec<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).collect();
    let Some(field) = fields.iter().find(|field| is_decimal(field) && words.contains(&field.column.as_str())) else { return Ok(()) };
    let is_number = |word: &&&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().any(|c| !matches!(c, '0' | '.'));
    match words.iter().find(is_number) {
        Some(number) => Err(Error::new(
            condition.span(),
            format!(
                "a condition with a Decimal cannot contain the number {number}: SQLite stores `{}` in units of its last place. Use `min` and `max` \
                 of the field, or compare it with another field",
                field.name
            ),
        )),
        None => Ok(()),
    }
}
