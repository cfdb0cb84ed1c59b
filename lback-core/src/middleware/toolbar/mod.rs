//! The developer toolbar.

mod recent;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::Method;
use hyper::header::HeaderValue;
use serde_json::json;

use self::recent::{Entry, Recent};
use super::allowed_hosts::is_allowed;
use super::page_script;
use crate::profile::{PARTS, Panel, Profile};
use crate::{Application, Error, Middleware, Next, Request, Response, Result, blocking};

/// Shows what happened during a request in a small bar in the corner of HTML pages: the statements sent to the database, templates,
/// the session, signals, mails and middleware, with their times.
///
/// It remembers the last 50 requests in memory, including redirects and those that did not return a page, and lists them at
/// `/__lback/toolbar`. Requests for static files are left out. The application adds this middleware as the outermost one when it
/// serves requests while `DEBUG` is on, unless `DEBUG_TOOLBAR` is off. It does nothing without `DEBUG`, or for a host that is not
/// allowed.
#[derive(Default)]
pub struct Toolbar {
    recent: Mutex<Recent>,
}

impl fmt::Debug for Toolbar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Toolbar").finish_non_exhaustive()
    }
}

/// The path of the script that shows the toolbar.
const SCRIPT: &str = "/__lback/toolbar/toolbar.js";

/// The page with the recent requests. The toolbar's own script fills it.
const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>Recent requests</title>
</head>
<body>
<script src=\"/__lback/toolbar/toolbar.js\" data-page=\"requests\"></script>
</body>
</html>
";

impl Toolbar {
    /// The path below which this middleware answers requests itself.
    pub(crate) const PATH: &str = "/__lback/toolbar";

    /// Creates the middleware, with no requests to show.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a request for the toolbar itself. `path` is the rest of the path.
    async fn answer(&self, app: Arc<Application>, path: &str) -> Result<Response> {
        let response = match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
            [] => {
                Response::html(PAGE).with_header("content-security-policy", "default-src 'none'; script-src 'self'; connect-src 'self'")?
            }
            ["toolbar.js"] => Response::of_type(HeaderValue::from_static("text/javascript; charset=utf-8"), include_str!("toolbar.js")),
            ["requests"] => {
                let entries = self.recent().all();
                Response::json(
                    &entries.iter().map(|entry| json!({ "request": **entry, "panels": entry.summaries(&app) })).collect::<Vec<_>>(),
                )?
            }
            ["requests", id] => {
                let entry = self.entry(id)?;
                let shown: Vec<_> =
                    panels(&app).filter_map(|panel| Some(json!({ "name": panel.name(), "view": panel.show(&entry.profile)? }))).collect();
                Response::json(&json!({ "request": *entry, "panels": shown }))?
            }
            ["requests", id, panel, row] => {
                let (entry, panel, row) = (self.entry(id)?, (*panel).to_owned(), row.parse::<usize>().map_err(|_| missing())?);
                let detail = move || match panels(&app).find(|other| other.name() == panel) {
                    Some(panel) => panel.detail(&app, &entry.profile, row),
                    None => Err(missing()),
                };
                // The message is for the developer, whatever the status.
                Response::text(blocking::on_thread(detail).await?.unwrap_or_else(|error| error.to_string()))
            }
            _ => return Err(missing()),
        };
        response.with_header("cache-control", "no-store")
    }

    fn entry(&self, id: &str) -> Result<Arc<Entry>> {
        self.recent().find(id).ok_or_else(|| Error::not_found("This request is not among the last ones."))
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the panels of the application, and those of the core.
fn panels(app: &Application) -> impl Iterator<Item = &dyn Panel> {
    app.panels().iter().map(AsRef::as_ref).chain(PARTS)
}

fn missing() -> Error {
    Error::not_found("There is no such page of the toolbar.")
}

impl Middleware for Toolbar {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        if self.skips(req) || !is_allowed(req) {
            return next.run(req).await;
        }
        if let Some(path) = req.path().strip_prefix(Self::PATH)
            && (path.is_empty() || path.starts_with('/'))
            && *req.method() == Method::GET
        {
            let (app, path) = (req.app().clone(), path.to_owned());
            return match self.answer(app, &path).await {
                Ok(response) => Ok(response),
                // There may be no middleware around this one to make a page of it.
                Err(error) => {
                    Response::text(error.message().to_owned()).with_status(error.status()).with_header("cache-control", "no-store")
                }
            };
        }
        if req.path().starts_with("/__lback/") || req.path().starts_with(&req.app().config().static_url) {
            return next.run(req).await;
        }
        let profile = Profile::current().unwrap_or_default();
        let memory_before = recent::memory();
        let mut result = profile.clone().follow(next.run(req)).await;
        let entry = Entry::of(req, &result, profile, memory_before);
        let id = entry.id.clone();
        self.recent().add(entry);
        if let Ok(response) = &mut result {
            page_script::add(req, response, SCRIPT, ("request", &id));
        }
        result
    }

    fn skips(&self, req: &Request) -> bool {
        !req.app().config().debug || req.is_rerender()
    }
}
