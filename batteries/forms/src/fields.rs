//! [`FormFields`], the trait of structs that are forms.

use lback_core::Result;

use crate::{Field, FormErrors, Values};

/// A struct that is a form. [`#[derive(Form)]`](derive@crate::Form) implements this trait.
pub trait FormFields: Sized {
    /// Returns the fields of the form.
    fn fields() -> Vec<Field>;

    /// Creates the struct from valid values.
    ///
    /// # Errors
    /// Returns 500 if the values do not match the fields.
    fn read(values: Values) -> Result<Self>;

    /// Returns the values as the form displays them.
    fn write(&self) -> Vec<(&'static str, Vec<String>)>;

    /// Validates the form as a whole, for rules that involve several fields. Adding an error makes the form invalid.
    fn clean(&self, errors: &mut FormErrors) {
        let _ = errors;
    }
}

/// A form that was built at run time.
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
