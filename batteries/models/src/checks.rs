//! Types that exist only for a valid model. The derive names them before all other code, so that the first error of a mistake is at its
//! place and says what to write.

use std::marker::PhantomData;

use crate::{FieldType, Model};

/// A check that has passed, as `T` exists.
#[derive(Debug)]
pub struct Check<T>(PhantomData<fn() -> T>);

impl<T> Check<T> {
    /// The only value.
    pub const PASSED: Self = Check(PhantomData);
}

/// Exists if a model can be cloned.
#[derive(Debug)]
pub struct CloneOf<T: Clone>(PhantomData<fn() -> T>);

/// Exists if a field can be of the type.
#[derive(Debug)]
pub struct FieldOfType<T: FieldType>(PhantomData<fn() -> T>);

/// Exists if a new row can start with the default of the type.
#[derive(Debug)]
pub struct StartingWith<T: Start>(PhantomData<fn() -> T>);

/// Exists if a field can refer to the type.
#[derive(Debug)]
pub struct ReferenceTo<M: Model>(PhantomData<fn() -> M>);

/// Exists if a field of the type `K` can refer to the model `M`.
#[derive(Debug)]
pub struct KeyTo<M: Model, K: IsKey<M::Key>>(PhantomData<fn() -> (M, K)>);

/// A type with a default.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no default value for the field of a new row",
    note = "write `#[default]` at a variant of the enum, and derive or implement Default; or name a value: #[model(default = …)]"
)]
pub trait Start {}

#[diagnostic::do_not_recommend]
impl<T: Default> Start for T {}

/// A type that is the primary key `Key`.
#[diagnostic::on_unimplemented(
    message = "this field is a `{Self}`, but the primary key of the other model is a `{Key}`",
    note = "a field that refers to a row has the type of its primary key, which must be a single field"
)]
pub trait IsKey<Key> {}

impl<Key> IsKey<Key> for Key {}
