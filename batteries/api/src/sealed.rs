//! Seals the extension trait, so that methods can be added to it.

/// The supertrait. Other crates cannot name it.
pub trait Sealed {}

impl Sealed for lback_app::App {}
