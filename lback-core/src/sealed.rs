//! Seals the extension traits: other crates call their methods but cannot implement them, so methods can be added.

use hyper::header::HeaderName;

use crate::{Error, Result};

/// The supertrait of every sealed trait. Other crates cannot name it.
pub trait Sealed {}

/// The same, for traits with a `Kind` that the compiler infers.
pub trait SealedKind<Kind> {}

impl Sealed for () {}
impl Sealed for &str {}
impl Sealed for HeaderName {}
impl<T> Sealed for Option<T> {}
impl<T> Sealed for Result<T, Error> {}
