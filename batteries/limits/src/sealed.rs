//! Seals the extension traits: other crates call their methods but cannot implement them, so methods can be added.

use lback_app::App;
use lback_core::Router;

/// The supertrait of every sealed trait. Other crates cannot name it.
pub trait Sealed {}

impl Sealed for App {}
impl Sealed for Router {}
