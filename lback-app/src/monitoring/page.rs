//! The pages.

use std::sync::Arc;

use lback_core::{Application, Method, Request, Response, Result, StatusCode, blocking};

use super::metrics::{Collectors, Metrics};
use super::requests::Requests;
use crate::health::{HealthChecks, HealthState};

/// The type of the text format of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page for monitoring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// The process answers.
    Alive,
    /// The checks of health have not failed.
    Ready,
    Metrics,
}

impl Page {
    /// Returns the page that is requested, unless the application has a route of its own at this path.
    pub(super) fn of(req: &Request) -> Option<Self> {
        let page = match req.path() {
            "/healthz" => Page::Alive,
            "/readyz" => Page::Ready,
            "/metrics" => Page::Metrics,
            _ => return None,
        };
        (req.route().is_none() && matches!(*req.method(), Method::GET | Method::HEAD)).then_some(page)
    }

    pub(super) async fn answer(self, app: Arc<Application>, requests: &Requests) -> Result<Response> {
        let response = match self {
            Page::Alive => Response::text("ok\n"),
            Page::Ready => blocking::on_thread(move || ready(&app)).await?,
            Page::Metrics => {
                let mut metrics = Metrics::default();
                requests.write(&mut metrics);
                let text = blocking::on_thread(move || {
                    Collectors::run(&app, &mut metrics);
                    metrics.into_text()
                });
                Response::text(text.await?).with_header("content-type", METRICS)?
            }
        };
        response.with_header("cache-control", "no-store")
    }
}

/// Runs the checks of health. A warning, such as a failed job, does not make the application unready.
fn ready(app: &Arc<Application>) -> Response {
    let results = app.state::<HealthChecks>().map(|checks| checks.run(app)).unwrap_or_default();
    let is_ready = results.iter().all(|(_, health)| health.state() != HealthState::Failed);
    let text: String = results.iter().map(|(name, health)| format!("{name}: {}\n", health.state().name())).collect();
    Response::text(text).with_status(if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE })
}
