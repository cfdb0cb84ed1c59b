//! The error page for developers, shown while `DEBUG` is on.

use hyper::StatusCode;
use serde::Serialize;

use super::source::{self, Line};
use super::stack::{self, Part};
use super::{DebugSection, pages, plain, reason, run_blocking, secrets};
use crate::profile::{PanelView, Profile};
use crate::{Application, Error, Request, Response, Route, csp};

#[derive(Serialize)]
struct Page {
    status: u16,
    reason: &'static str,
    message: String,
    is_panic: bool,
    is_server_error: bool,
    causes: Vec<String>,
    location: Option<String>,
    lines: Vec<Line>,
    stack: Vec<Part>,
    method: String,
    address: String,
    client: Option<String>,
    request_id: String,
    headers: Vec<(String, String)>,
    params: Vec<(String, String)>,
    route: Option<RouteRow>,
    middleware: Vec<&'static str>,
    sections: Vec<DebugSection>,
    panels: Vec<PanelView>,
    nonce: Option<String>,
    settings: Vec<SettingRow>,
    routes: Vec<RouteRow>,
}

#[derive(Serialize)]
struct RouteRow {
    methods: String,
    pattern: String,
    name: String,
    added_at: String,
}

#[derive(Serialize)]
struct SettingRow {
    key: String,
    shown: String,
    origin: String,
}

/// Returns the debug page for `error`, or the plain page if the debug page fails.
pub(super) fn page(req: &mut Request, error: &Error, status: StatusCode) -> Response {
    let context = run_blocking(|| {
        let page = Page::of(req, error, status);
        tera::Context::from_serialize(&page)
    });
    let failure = match context {
        Ok(Ok(context)) => return pages::render("debug.html", &context, status),
        Ok(Err(failure)) => Error::from(failure),
        Err(failure) => failure,
    };
    tracing::error!(target: "lback::error", id = %req.id(), %failure, "the debug page failed");
    plain::page(req, error, status)
}

impl Page {
    fn of(req: &mut Request, error: &Error, status: StatusCode) -> Self {
        let app = req.app().clone();
        let is_server_error = status.is_server_error();
        let is_not_found = status == StatusCode::NOT_FOUND;
        // If no route matches, the location is inside the framework, which does not help the developer.
        let location = error.location().filter(|_| is_server_error || req.route().is_some()).map(str::to_owned);
        let lines = location.as_deref().map(|location| source::excerpt(location, app.root())).unwrap_or_default();
        let panels = if is_server_error { panels(&app) } else { Vec::new() };
        // Not recorded: the page itself would appear among what the request has done.
        let sections = if is_server_error { Profile::within(None, || sections(req)) } else { Vec::new() };
        let route = req.route();
        Page {
            status: status.as_u16(),
            reason: reason(status),
            message: error.message().to_owned(),
            is_panic: error.is_panic(),
            is_server_error,
            causes: causes(error),
            location,
            lines,
            stack: error.stack().filter(|_| is_server_error).map(|stack| stack::parts(&stack.to_string(), app.root())).unwrap_or_default(),
            method: req.method().to_string(),
            address: super::shown_path(req),
            client: req.client_addr().map(|address| address.to_string()),
            request_id: req.id().to_string(),
            headers: secrets::headers(req.headers()),
            params: req.params().map(|(name, value)| (name.to_owned(), secrets::value(name, value).to_owned())).collect(),
            route: route.map(RouteRow::of),
            middleware: app.middleware().chain(route.into_iter().flat_map(Route::middleware)).collect(),
            sections,
            panels,
            nonce: csp::nonce_for_style(req),
            settings: req.settings().entries().into_iter().map(SettingRow::of).collect(),
            routes: if is_not_found { app.routes().iter().map(|route| RouteRow::of(route)).collect() } else { Vec::new() },
        }
    }
}

/// Returns the causes, without those that only repeat the end of the line above them.
pub(super) fn causes(error: &Error) -> Vec<String> {
    let mut last = error.message().to_owned();
    let mut shown = Vec::new();
    for cause in error.causes() {
        let text = cause.to_string();
        if !text.is_empty() && !last.ends_with(&text) {
            shown.push(text.clone());
        }
        last = text;
    }
    shown
}

fn sections(req: &mut Request) -> Vec<DebugSection> {
    let app = req.app().clone();
    let mut shown = Vec::new();
    for section in app.debug_sections() {
        match run_blocking(|| section(req)) {
            Ok(section) => shown.extend(section),
            Err(failure) => tracing::error!(target: "lback::error", %failure, "a section of the debug page failed"),
        }
    }
    shown
}

/// Returns the panels of the toolbar that may explain the error, if the request is recorded.
fn panels(app: &Application) -> Vec<PanelView> {
    let Some(profile) = Profile::current() else { return Vec::new() };
    let explaining = app.panels().iter().filter(|panel| panel.explains_errors());
    explaining.filter_map(|panel| panel.show(&profile)).filter(|view| !view.rows.is_empty()).collect()
}

impl RouteRow {
    fn of(route: &Route) -> Self {
        let methods: Vec<&str> = route.methods().iter().map(|method| method.as_str()).collect();
        RouteRow {
            methods: if methods.is_empty() { "any".to_owned() } else { methods.join(", ") },
            pattern: route.pattern().to_owned(),
            name: route.name().unwrap_or_default().to_owned(),
            added_at: route.place(),
        }
    }
}

impl SettingRow {
    fn of(entry: crate::settings::SettingEntry) -> Self {
        SettingRow { key: entry.key, shown: entry.shown, origin: entry.origin }
    }
}
