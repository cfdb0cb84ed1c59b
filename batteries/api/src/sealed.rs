//! Seals the extension traits, so that methods can be added to them.

use lback_app::App;
use lback_core::Router;

/// The supertrait. Other crates cannot name it.
pub trait Sealed {}

impl Sealed for App {}
impl Sealed for Router {}
