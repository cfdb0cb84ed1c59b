//! Rate limits: how often routes may be called.

#[doc(inline)]
pub use lback_limits::{AppLimits, Limit, LimitSettings, RouterLimits};
