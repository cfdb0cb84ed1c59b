//! The battery that adds WebSockets to an application.

use lback_app::{App, Battery, Setup};
use lback_core::middleware::Slot;
use lback_core::{Middleware, Next, ProgramResult, Request, Response, Result, Settings};

use super::{OpenSockets, WebSocketSettings, open_sockets};
use crate::sealed::Sealed;

/// Adds WebSockets to [`App`].
pub trait AppWebSockets: Sealed {
    /// Adds what routes with [`Router::ws`](super::RouterWebSockets::ws) need: the settings of WebSockets, and the count of open ones.
    fn websockets(self) -> Self;
}

impl AppWebSockets for App {
    fn websockets(mut self) -> Self {
        self.battery_mut::<WebSocketBattery>();
        self
    }
}

#[derive(Default)]
struct WebSocketBattery;

impl Battery for WebSocketBattery {
    fn name(&self) -> &'static str {
        "websockets"
    }

    fn settings(&self, settings: &mut Settings) {
        settings.declare::<WebSocketSettings>();
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let settings: WebSocketSettings = setup.settings().section()?;
        setup.state(OpenSockets::new(settings));
        setup.metrics(open_sockets::metrics);
        setup.middleware(Slot::App, WebSockets);
        Ok(())
    }
}

/// Stands in the stack of an application with WebSockets, so that a route that needs them is an error at the start of one without.
#[derive(Debug)]
struct WebSockets;

impl Middleware for WebSockets {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        next.run(req).await
    }

    fn skips(&self, _req: &Request) -> bool {
        true
    }
}
