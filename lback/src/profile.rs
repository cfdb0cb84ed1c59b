//! What happens during one request, for the developer toolbar and for tests.

#[doc(inline)]
pub use lback_core::profile::{Limited, Panel, PanelRow, PanelView, Profile, milliseconds, place, shortened};
