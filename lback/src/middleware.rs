//! Middleware: the trait, the stack, and the middleware that every application has.
//!
//! The middleware of a battery is in the module of the battery, such as [`session::SessionMiddleware`](crate::session::SessionMiddleware).

#[doc(inline)]
pub use lback_core::StaticNames;
#[doc(inline)]
pub use lback_core::middleware::{
    AllowedHosts, BodyReader, CorsMiddleware, CsrfMiddleware, Errors, IntoMiddleware, Layer, LiveReload, Middleware, MiddlewareFn, Next,
    RequestLog, SecurityHeaders, Slot, Stack, StaticFiles, Timeout, Toolbar,
};
#[cfg(feature = "compression")]
#[doc(inline)]
pub use lback_core::middleware::{Compression, Uncompressed};
