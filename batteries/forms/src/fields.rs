//! What a struct tells of its form.

use lback_core::Result;

use crate::{Field, FormErrors, Values};

/// A struct that is a form: what [`#[derive(Form)]`](derive@crate::Form) writes.
pub trait FormFields: Sized {
    /// Its fields.
    fn fields() -> Vec<Field>;

    /// The struct of values that passed all rules.
    ///
    /// # Errors
    /// 500 where the values are not those of the fields.
    fn read(values: Values) -> Result<Self>;

    /// The values as the form shows them.
    fn write(&self) -> Vec<(&'static str, Vec<String>)>;

    /// Rules that look at several fields. An error that is added makes the form invalid.
    fn clean(&self, errors: &mut FormErrors) {
        let _ = errors;
    }
}

/// A form made by hand.
impl FormFields for Values {
    fn fields() -> Vec<Field> {
        Vec::new()
    }

    fn read(values: Values) -> Result<Self> {
        Ok(values)
    }

    fn write(&self) -> Vec<(&'static str, Vec<String>)> {
        Vec::new()
    }
}
