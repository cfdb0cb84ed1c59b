//! Accepts WebSockets in views.

use std::future::Future;

use lback_core::{Error, Request, Response, Result};

use super::handshake::{PROTOCOL, WebSocketRoute, accept, choose_protocol};
use super::serve::{Accepted, serve};
use super::{OpenSockets, WebSocket, WebSocketOptions};
use crate::open_connections::user_id;
use crate::sealed::Sealed;

/// Adds WebSockets to [`Request`].
pub trait RequestWebSockets: Sealed {
    /// Accepts a WebSocket: returns the response of the handshake, and calls `view` with the socket once that response has been sent.
    ///
    /// ```
    /// use lback::prelude::*;
    ///
    /// fn shout(req: &mut Request) -> Result<Response> {
    ///     let name: String = req.param("name")?;
    ///     req.websocket(async move |mut socket| {
    ///         while let Some(message) = socket.recv().await {
    ///             socket.send(format!("{name}: {}", message.text()?.to_uppercase())).await?;
    ///         }
    ///         Ok(())
    ///     })
    /// }
    ///
    /// let app = App::new(Router::new().ws("/shout/{name}", shout)).websockets();
    /// # let client = lback::testing::Client::with_settings(app, "SESSION_TIMEOUT_MINUTES = 30");
    /// let mut socket = client.websocket("/shout/alice");
    /// socket.send("hello");
    /// assert_eq!(socket.text(), "alice: HELLO");
    /// ```
    ///
    /// The code before this call is an ordinary view, plain or async: it checks the session, the user and their permissions, and can
    /// refuse the request with a 403 or a redirect. The request then ends, as always: its unit of work is committed, its session saved.
    /// So `view` has no request and no connection to the database; [`WebSocket::write`] and [`WebSocket::look`] do short work.
    ///
    /// The socket is closed with the code 1000 when `view` returns `Ok`, with 1008 and the message if it returns an error with a status
    /// below 500, and with 1011 if it returns another error or panics, which is logged. When the socket ends before the view,
    /// [`recv`](WebSocket::recv) returns `None` and [`send`](WebSocket::send) an error. A view that is told so has 10 seconds for its last
    /// steps; one that waits for something else is dropped at its `.await` after half a second.
    ///
    /// # Errors
    /// Returns 503 if the process has `WEBSOCKET_MAX_CONNECTIONS` open sockets, 429 if the visitor or their address has too many, and 500 if the
    /// route is not one of [`Router::ws`](super::RouterWebSockets::ws).
    fn websocket<F, Fut>(&mut self, view: F) -> Result<Response>
    where
        F: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static;

    /// Does the same with options.
    ///
    /// # Errors
    /// As [`websocket`](Self::websocket).
    fn websocket_with<F, Fut>(&mut self, options: WebSocketOptions, view: F) -> Result<Response>
    where
        F: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static;
}

impl RequestWebSockets for Request {
    #[track_caller]
    fn websocket<F, Fut>(&mut self, view: F) -> Result<Response>
    where
        F: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.websocket_with(WebSocketOptions::new(), view)
    }

    #[track_caller]
    fn websocket_with<F, Fut>(&mut self, options: WebSocketOptions, view: F) -> Result<Response>
    where
        F: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        // The middleware of the route has checked where the request comes from.
        if self.route().is_none_or(|route| route.option::<WebSocketRoute>().is_none()) {
            let path = self.route().map_or("/", |route| route.pattern());
            return Err(Error::internal(format!(
                "req.websocket(…) in a route that is not one for WebSockets: write .ws(\"{path}\", view)"
            )));
        }
        let sockets = self.state::<OpenSockets>()?;
        let (settings, open) = (sockets.settings().clone(), sockets.open(self)?);
        let protocol = choose_protocol(self, &options.protocols);
        let headers = accept(self, protocol)?;
        let accepted = Accepted {
            settings,
            _open: open,
            max_message_bytes: options.max_message_bytes,
            visitor: self.visitor(),
            user_id: user_id(self),
            protocol,
            path: self.logged_path().to_owned(),
        };
        let mut response = Response::upgrade(self, PROTOCOL, |connection| serve(connection, accepted, view))?;
        response.headers_mut().extend(headers);
        Ok(response)
    }
}
