//! A server for one test, and the connection to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::block_on;
use super::client::ReceivedResponse;
use crate::upgrade::Upgraded;
use crate::{Application, Result, server};

/// A running server, which stops when this is dropped.
pub(super) struct Socket {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<Result<()>>>,
}

impl Socket {
    pub(super) fn open(app: Arc<Application>) -> Result<Self> {
        block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let addr = listener.local_addr()?;
            let (stop, stopped) = oneshot::channel();
            let stopped = async move { drop(stopped.await) };
            let server = tokio::spawn(server::serve(app, listener, stopped));
            Ok(Socket { addr, stop: Some(stop), server: Some(server) })
        })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends one request on its own connection.
    pub(super) async fn exchange(&self, request: hyper::Request<Bytes>) -> Result<ReceivedResponse> {
        let stream = TcpStream::connect(self.addr).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection.with_upgrades());
        let mut response = sender.send_request(request.map(Full::new)).await?;
        let upgraded = match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => Some(Upgraded::in_test(TokioIo::new(hyper::upgrade::on(&mut response).await?))),
            _ => None,
        };
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(ReceivedResponse { status: parts.status, headers: parts.headers, body, failure: None, profile: None, upgraded })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(self.stop.take());
        // Wait for the end of the server, unless blocking is not allowed here or would hide the failure of the test.
        let may_wait = !std::thread::panicking() && tokio::runtime::Handle::try_current().is_err();
        if let Some(server) = self.server.take().filter(|_| may_wait) {
            drop(block_on(server));
        }
    }
}
