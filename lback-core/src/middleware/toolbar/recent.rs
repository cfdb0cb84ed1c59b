//! The recent requests.

use std::collections::VecDeque;
use std::sync::Arc;

use hyper::header;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error_page::shown_path;
use crate::profile::{Profile, milliseconds};
use crate::{Application, Request, Response, Result};

/// Number of requests that are remembered.
const MAX: usize = 50;

#[derive(Default)]
pub(super) struct Recent(VecDeque<Arc<Entry>>);

impl Recent {
    pub(super) fn add(&mut self, entry: Entry) {
        if self.0.len() >= MAX {
            self.0.pop_back();
        }
        self.0.push_front(Arc::new(entry));
    }

    /// Returns the entries, newest first.
    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        self.0.iter().cloned().collect()
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Entry>> {
        self.0.iter().find(|entry| entry.id == id).cloned()
    }
}

/// A request, and what was recorded about it.
#[derive(Serialize)]
pub(super) struct Entry {
    pub(super) id: String,
    method: String,
    /// The path and the query, with secrets masked.
    path: String,
    status: u16,
    content_type: Option<String>,
    location: Option<String>,
    route: Option<String>,
    /// The place at which the route was added.
    place: Option<String>,
    at: String,
    milliseconds: f64,
    /// The memory of the process, in KiB, and its change during the request.
    memory: Option<u64>,
    memory_change: Option<i64>,
    #[serde(skip)]
    pub(super) profile: Profile,
}

impl Entry {
    pub(super) fn of(req: &Request, result: &Result<Response>, profile: Profile, memory_before: Option<u64>) -> Self {
        let (status, headers) = match result {
            Ok(response) => (response.status(), response.headers()),
            Err(error) => (error.status(), error.headers()),
        };
        let header = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (route, memory) = (req.route(), memory());
        Entry {
            id: req.id().to_string(),
            method: req.method().to_string(),
            path: shown_path(req),
            status: status.as_u16(),
            content_type: header(header::CONTENT_TYPE),
            location: header(header::LOCATION),
            route: route.map(|route| route.pattern().to_owned()),
            place: route.map(crate::Route::place),
            at: chrono::Local::now().format("%H:%M:%S").to_string(),
            milliseconds: milliseconds(profile.elapsed()),
            memory,
            memory_change: memory.zip(memory_before).map(|(now, before)| now.cast_signed() - before.cast_signed()),
            profile,
        }
    }

    /// Returns what the application's panels show in the bar.
    pub(super) fn summaries(&self, app: &Application) -> Vec<Value> {
        let views = app.panels().iter().filter_map(|panel| panel.show(&self.profile));
        views.map(|view| json!({ "title": view.title, "summary": view.summary, "warnings": view.warnings })).collect()
    }
}

/// Returns the memory that this process occupies, in KiB, if the system tells.
pub(super) fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
