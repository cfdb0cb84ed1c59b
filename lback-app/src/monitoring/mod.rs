//! Pages for the machines that watch an application: `/healthz`, `/readyz` and `/metrics`.

mod metrics;
mod page;
mod process;
mod requests;

use std::time::Instant;

use lback_core::settings::{Check, Section};
use lback_core::{Application, Middleware, Network, Next, ProgramResult, Request, Response, Result, Settings};
use lback_db::Database;
use serde::Deserialize;

use self::page::Page;
use self::requests::Requests;
use crate::{Battery, Setup};

pub(crate) use self::metrics::Collectors;
pub use self::metrics::{MetricKind, Metrics};

/// The settings of the pages for monitoring in `settings.toml`, with their defaults.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct MonitoringSettings {
    /// The machines that may read `/healthz`, `/readyz` and `/metrics`. For all others, and by default, these pages do not exist.
    pub monitoring_networks: Vec<Network>,
}

impl Section for MonitoringSettings {
    fn check(&self, _: &mut Check<'_>) {}
}

/// The battery that every application has, and that does nothing while `MONITORING_NETWORKS` is empty.
pub(crate) struct Monitoring;

impl Battery for Monitoring {
    fn name(&self) -> &'static str {
        "monitoring"
    }

    fn settings(&self, settings: &mut Settings) {
        settings.declare::<MonitoringSettings>();
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let MonitoringSettings { monitoring_networks: networks } = setup.settings().section()?;
        if networks.is_empty() {
            return Ok(());
        }
        setup.stack_mut().wrap(MonitoringMiddleware { networks, requests: Requests::default() });
        setup.metrics(process::collect);
        setup.metrics(pool);
        Ok(())
    }
}

/// Counts requests, and answers the pages for monitoring. It is the outermost middleware, so that these pages are not logged, and are
/// answered under any host name.
#[derive(Debug)]
struct MonitoringMiddleware {
    networks: Vec<Network>,
    requests: Requests,
}

impl Middleware for MonitoringMiddleware {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        if let Some(page) = Page::of(req).filter(|_| self.admits(req)) {
            return page.answer(req.app().clone(), &self.requests).await;
        }
        let (begin, _running) = (Instant::now(), self.requests.begin());
        let result = next.run(req).await;
        let status = result.as_ref().map_or_else(|error| error.status(), Response::status);
        self.requests.end(req, status, begin.elapsed());
        result
    }
}

impl MonitoringMiddleware {
    /// Returns whether the client may read the pages. If a proxy that is not trusted has forwarded the request, its client is unknown.
    fn admits(&self, req: &Request) -> bool {
        let Some(client) = req.client_addr() else { return false };
        let is_forwarded = req.header("x-forwarded-for").is_some() || req.header("forwarded").is_some();
        let is_peer = req.peer_addr().is_some_and(|peer| peer.ip().to_canonical() == client);
        !(is_forwarded && is_peer) && self.networks.iter().any(|network| network.contains(client))
    }
}

/// Measures the pool of connections.
fn pool(app: &Application, metrics: &mut Metrics) -> Result<()> {
    let Some(database) = app.state::<Database>() else { return Ok(()) };
    let stats = database.pool_stats();
    let mut connections = metrics.family("lback_database_connections", MetricKind::Gauge, "Connections of the pool, by their use.");
    connections.sample(&[("state", "idle")], stats.idle);
    connections.sample(&[("state", "in_use")], stats.in_use);
    let mut most = metrics.family("lback_database_connections_max", MetricKind::Gauge, "The size of the pool: DATABASE_POOL_SIZE.");
    most.sample(&[], stats.max);
    Ok(())
}
