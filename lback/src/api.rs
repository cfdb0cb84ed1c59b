//! An HTTP API: models as resources for programs, with an OpenAPI document.

#[doc(inline)]
pub use lback_api::{Api, AppApi, Operation, Resource, RouterApi};
