//! The table of a model, for joins between crates.

/// The table of a model.
///
/// `Asking` is a table of the crate that asks. By it the compiler knows that no other crate can implement the join.
#[doc(hidden)]
#[diagnostic::on_unimplemented(message = "`{Self}` is not a model, so no field can refer to it", note = "derive it: #[derive(Model)]")]
pub trait TableFor<Asking> {
    /// The table.
    type Table: diesel::Table + Default;
}
