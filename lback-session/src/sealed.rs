//! Seals the extension traits: other crates call their methods but cannot implement them, so methods can be added.

use lback_core::{Request, Route, Router};

/// The supertrait of every sealed trait. Other crates cannot name it.
pub trait Sealed {}

impl Sealed for Request {}
impl Sealed for Router {}
impl Sealed for Route {}
