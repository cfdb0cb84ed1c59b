//! Seals the extension traits: other crates call their methods but cannot implement them, so methods can be added.

/// The supertrait of every sealed trait. Other crates cannot name it.
pub trait Sealed {}

impl Sealed for lback_app::App {}
impl Sealed for lback_core::Request {}
