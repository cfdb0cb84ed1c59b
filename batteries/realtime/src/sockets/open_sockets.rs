//! The open sockets of a process.

use std::sync::Arc;

use lback_app::Metrics;
use lback_core::{Application, Request, Result};

use super::WebSocketSettings;
use crate::open_connections::{Limit, Limits, OpenConnection, OpenConnections, Owners};

/// The open sockets of a process, in the state of the application: `app.state::<OpenSockets>()`.
#[derive(Clone, Debug)]
pub struct OpenSockets {
    settings: Arc<WebSocketSettings>,
    open: OpenConnections,
}

impl OpenSockets {
    pub(super) fn new(settings: WebSocketSettings) -> Self {
        let open = OpenConnections::new(Limits {
            process: Limit { most: settings.websocket_max_connections, setting: "WEBSOCKET_MAX_CONNECTIONS" },
            visitor: Limit { most: settings.websocket_max_connections_per_visitor, setting: "WEBSOCKET_MAX_CONNECTIONS_PER_VISITOR" },
            address: Limit { most: settings.websocket_max_connections_per_address, setting: "WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS" },
        });
        OpenSockets { settings: Arc::new(settings), open }
    }

    /// Returns the number of open sockets.
    pub fn count(&self) -> usize {
        self.open.count()
    }

    pub(super) fn settings(&self) -> &Arc<WebSocketSettings> {
        &self.settings
    }

    /// Counts a socket until the returned value is dropped.
    #[track_caller]
    pub(super) fn open(&self, req: &Request) -> Result<OpenConnection> {
        self.open.open(Owners::of(req))
    }
}

/// Adds the number of open sockets to the metrics.
pub(super) fn metrics(app: &Application, metrics: &mut Metrics) -> Result<()> {
    let Some(sockets) = app.state::<OpenSockets>() else { return Ok(()) };
    sockets.open.measure(metrics, ("lback_websockets", "Open WebSockets."), "lback_websockets_max");
    Ok(())
}
