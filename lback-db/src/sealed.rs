//! Seals the extension traits: other crates call their methods but cannot implement them, so methods can be added.

use diesel::QueryResult;
use lback_core::Request;

/// The supertrait of every sealed trait. Other crates cannot name it.
pub trait Sealed {}

impl Sealed for Request {}
impl<T> Sealed for QueryResult<T> {}
