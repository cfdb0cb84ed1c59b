//! A test client that sends requests to a whole application, in memory or over a real socket.
//!
//! All functions block, so use them in a plain `#[test] fn`. They run on one runtime that all tests of a process share. On failure
//! they panic with a message that shows the response.
//!
//! ```
//! use lback_core::testing::Client;
//! use lback::{Request, Router};
//! use lback::app::Assembly;
//! use lback::settings::Settings;
//!
//! fn greet(req: &mut Request) -> lback::Result<String> {
//!     Ok(format!("hello, {}", req.param::<String>("name")?))
//! }
//!
//! let settings = Settings::from_toml(".", "SECRET_KEY = 'only a test would use such a secret key'").unwrap();
//! let app = Assembly::new(Router::new().get("/hello/{name}", greet), settings).build().unwrap();
//!
//! let client = Client::new(app);
//! client.get("/hello/alice").send().assert_status(200).assert_contains("hello, alice");
//! ```

mod client;
mod csrf;
mod jar;
mod multipart;
mod page_text;
mod redirect;
mod request;
mod response;
mod response_check;
mod socket;

pub use client::Client;
pub use multipart::MultipartBuilder;
pub use request::RequestBuilder;
pub use response::TestResponse;
pub use response_check::{CheckedResponse, ResponseCheck};

use std::future::Future;
use std::sync::LazyLock;

use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).thread_name("lback-test").enable_all().build();
    runtime.unwrap_or_else(|error| panic!("cannot start a runtime for the tests: {error}"))
});

/// Runs `future` to completion on the runtime that all tests of this process share.
///
/// ```
/// use lback_core::testing::block_on;
///
/// assert_eq!(block_on(async { 1 + 1 }), 2);
/// ```
///
/// # Panics
/// Panics inside an async function, which must not block. Use `.await` there.
pub fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}
