//! The test client, and what batteries add to it.

#[doc(inline)]
pub use lback_app::testing::{Client, MultipartBuilder, RequestBuilder, TestResponse, TestSettings, block_on};
#[cfg(feature = "auth")]
#[doc(inline)]
pub use lback_auth::ClientAuth;
#[doc(inline)]
pub use lback_core::testing::{CheckedResponse, ResponseCheck};
#[doc(inline)]
pub use lback_db::AssertQueries;
#[cfg(feature = "jobs")]
#[doc(inline)]
pub use lback_jobs::{ClientJobs, JobRun};
#[cfg(feature = "mail")]
#[doc(inline)]
pub use lback_mail::ClientMail;
#[cfg(feature = "models")]
#[doc(inline)]
pub use lback_models::ClientModels;
#[cfg(feature = "realtime")]
#[doc(inline)]
pub use lback_realtime::ClientChannels;
#[cfg(feature = "websockets")]
#[doc(inline)]
pub use lback_realtime::sockets::{ClientWebSockets, RequestBuilderWebSockets, TestWebSocket};
