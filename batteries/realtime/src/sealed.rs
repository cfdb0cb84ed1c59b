//! Seals the extension traits: other crates call their methods but cannot implement them, so methods can be added.

use lback_app::App;
use lback_app::testing::Client;
use lback_core::Request;

/// The supertrait of every sealed trait. Other crates cannot name it.
pub trait Sealed {}

impl Sealed for App {}
impl Sealed for Client {}
impl Sealed for Request {}
#[cfg(feature = "websockets")]
impl Sealed for lback_app::testing::RequestBuilder<'_> {}
#[cfg(feature = "websockets")]
impl Sealed for lback_core::Router {}
