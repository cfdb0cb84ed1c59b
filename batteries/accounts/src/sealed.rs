//! Seals the extension trait: other crates call its methods but cannot implement it, so methods can be added.

use lback_app::App;

/// The supertrait of the sealed trait. Other crates cannot name it.
pub trait Sealed {}

impl Sealed for App {}
