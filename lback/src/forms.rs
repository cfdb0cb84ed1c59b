//! Forms: fields with rules that render themselves, validate what a visitor has submitted, and report errors.

#[doc(hidden)]
pub use lback_forms::Result; // for the code that the derive writes
#[doc(inline)]
pub use lback_forms::{
    Asked, Bound, Choice, ChoiceSource, Entry, Field, FieldError, FieldKind, FieldRange, FieldType, Form, FormErrors, FormFields,
    InitialValue, Messages, Offered, Rule, Values, Widget,
};
