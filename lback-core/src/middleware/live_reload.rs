//! Reloads pages in the browser during development.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::SystemTime;

use hyper::Method;
use hyper::header::HeaderValue;

use super::allowed_hosts::is_allowed;
use super::page_script;
use crate::templates::Files;
use crate::{Middleware, Next, Request, Response, Result};

/// The path that returns the current version of the site's pages.
const VERSION: &str = "/__lback/reload";

/// The path of the script that polls for a new version.
const SCRIPT: &str = "/__lback/reload.js";

/// Makes every page reload in the browser when the program, a template or a static file has changed.
///
/// It adds a small script to HTML pages that answer GET and contain `</body>`. While its page is visible, the script checks
/// every half second for a newer version. Only `lback runserver` adds this middleware, as the outermost one. It does nothing
/// unless `DEBUG` is on.
#[derive(Clone, Debug)]
pub struct LiveReload {
    program: u64,
}

impl Default for LiveReload {
    fn default() -> Self {
        Self::new()
    }
}

impl LiveReload {
    /// The paths that this middleware answers itself.
    pub(crate) const PATHS: [&str; 2] = [VERSION, SCRIPT];

    /// Creates the middleware for this run of the program; pages from any other run are out of date.
    pub fn new() -> Self {
        LiveReload { program: hash(&(std::process::id(), SystemTime::now())) }
    }

    /// Returns a version that changes whenever a page may have changed.
    async fn version(&self, req: &mut Request) -> String {
        let app = req.app();
        let folders = [app.root().join(&app.config().templates_dir), app.static_dir()];
        // Ignored if it cannot be listed: the code that needs the folder reports the error.
        let list = move || hash(&folders.map(|folder| Files::list(&folder).ok()));
        let files = tokio::task::spawn_blocking(list).await.unwrap_or_default();
        format!("{:x}-{files:x}", self.program)
    }
}

impl Middleware for LiveReload {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        if !req.app().config().debug || req.is_rerender() || !is_allowed(req) {
            return next.run(req).await;
        }
        match req.path() {
            VERSION => return Response::text(self.version(req).await).with_header("cache-control", "no-store"),
            SCRIPT => {
                return Response::of_type(HeaderValue::from_static("text/javascript"), include_str!("live_reload.js"))
                    .with_header("cache-control", "no-store");
            }
            _ => {}
        }
        if *req.method() != Method::GET {
            return next.run(req).await;
        }
        // Taken before the page is made, so that a change in the meantime counts as newer.
        let version = self.version(req).await;
        let mut response = next.run(req).await?;
        page_script::add(req, &mut response, SCRIPT, ("version", &version));
        Ok(response)
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
