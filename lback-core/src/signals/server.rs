//! The signals of a server.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};

use super::Signal;
use crate::application::Application;

/// `server.started`: connections are accepted.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ServerStarted {
    /// Where the server listens.
    pub address: SocketAddr,
}

impl Signal for ServerStarted {
    const NAME: &'static str = "server.started";
}

/// `server.stopping`: no connection is accepted any more, and requests in flight may finish.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ServerStopping {
    /// Where the server listened.
    pub address: SocketAddr,
}

impl Signal for ServerStopping {
    const NAME: &'static str = "server.stopping";
}

/// Tells of a server's start and stop: on threads where listeners may block, for nothing may keep a server from serving
/// or from stopping.
pub(crate) struct Announcer {
    app: Arc<Application>,
    address: Option<SocketAddr>,
    told: Vec<JoinHandle<()>>,
}

impl Announcer {
    pub(crate) fn started(app: &Arc<Application>, listener: &TcpListener) -> Self {
        let mut announcer = Announcer { app: app.clone(), address: listener.local_addr().ok(), told: Vec::new() };
        announcer.tell(|address| ServerStarted { address });
        announcer
    }

    pub(crate) fn stopping(&mut self) {
        self.tell(|address| ServerStopping { address });
    }

    fn tell<T: Signal>(&mut self, make: impl FnOnce(SocketAddr) -> T) {
        if let Some(address) = self.address.filter(|_| self.app.wants::<T>()) {
            let (app, signal) = (self.app.clone(), make(address));
            self.told.push(spawn_blocking(move || app.send(signal)));
        }
    }

    /// Waits until every listener has ended, those of other signals too.
    pub(crate) async fn finished(&mut self) {
        for told in &mut self.told {
            let _ = told.await;
        }
        self.told.clear();
        self.app.listeners().finished().await;
    }
}
