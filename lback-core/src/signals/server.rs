//! The signals of a server.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};

use super::Signal;
use crate::application::Application;

/// `server.started`: the server accepts connections.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ServerStarted {
    /// The address that the server listens on.
    pub address: SocketAddr,
}

impl Signal for ServerStarted {
    const NAME: &'static str = "server.started";
}

/// `server.stopping`: the server no longer accepts connections. Requests in progress may finish.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ServerStopping {
    /// The address that the server listened on.
    pub address: SocketAddr,
}

impl Signal for ServerStopping {
    const NAME: &'static str = "server.stopping";
}

/// Sends the signals for the start and stop of a server. It uses threads on which listeners may block, because nothing may keep a
/// server from serving or from stopping.
pub(crate) struct Announcer {
    app: Arc<Application>,
    address: Option<SocketAddr>,
    deliveries: Vec<JoinHandle<()>>,
}

impl Announcer {
    pub(crate) fn started(app: &Arc<Application>, listener: &TcpListener) -> Self {
        let mut announcer = Announcer { app: app.clone(), address: listener.local_addr().ok(), deliveries: Vec::new() };
        announcer.send(|address| ServerStarted { address });
        announcer
    }

    pub(crate) fn stopping(&mut self) {
        self.send(|address| ServerStopping { address });
    }

    fn send<T: Signal>(&mut self, make: impl FnOnce(SocketAddr) -> T) {
        if let Some(address) = self.address.filter(|_| self.app.wants::<T>()) {
            let (app, signal) = (self.app.clone(), make(address));
            self.deliveries.push(spawn_blocking(move || app.send(signal)));
        }
    }

    /// Waits until all listeners have ended, including those of other signals.
    pub(crate) async fn finished(&mut self) {
        for delivery in &mut self.deliveries {
            let _ = delivery.await;
        }
        self.deliveries.clear();
        self.app.listeners().finished().await;
    }
}
