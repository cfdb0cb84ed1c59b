//! The opening handshake (RFC 6455, 4.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lback_core::header::{self, HeaderName, HeaderValue};
use lback_core::{Error, Method, Middleware, Next, Request, Response, Result, Router, StatusCode, View};
use sha1_smol::Sha1;

use crate::sealed::Sealed;

/// The name of the protocol in the header `Upgrade`.
pub(super) const PROTOCOL: &str = "websocket";

const VERSION: HeaderValue = HeaderValue::from_static("13");

/// The constant that a server appends to the key of a client (RFC 6455, 1.3).
const ACCEPTS: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Length of the key of a client: 16 bytes in Base64.
const KEY_LENGTH: usize = 24;

/// Adds WebSockets to [`Router`].
pub trait RouterWebSockets: Sealed {
    /// Adds a view that accepts WebSockets with [`req.websocket(…)`](super::RequestWebSockets::websocket), which has an example.
    ///
    /// The route is one for GET. Everything that applies to other routes applies to it: names, middleware, guards such as
    /// `login_required()`.
    ///
    /// The view runs only if the request is a valid handshake from a page of this site, or from a client that is no browser. A browser
    /// that opens the address as a page gets a 426, and a page of another site a 403, unless `CSRF_TRUSTED_ORIGINS` names that site.
    fn ws<Kind>(self, pattern: &str, view: impl View<Kind>) -> Self;
}

impl RouterWebSockets for Router {
    #[track_caller]
    fn ws<Kind>(self, pattern: &str, view: impl View<Kind>) -> Self {
        self.get(pattern, view).option(WebSocketRoute).middleware(Handshake)
    }
}

/// Marks a route that accepts WebSockets.
#[derive(Clone, Copy, Debug)]
pub(super) struct WebSocketRoute;

/// Refuses requests that are no handshakes, and those from other sites.
#[derive(Debug)]
struct Handshake;

impl Middleware for Handshake {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        check(req)?;
        next.run(req).await
    }

    fn requires(&self) -> &'static [&'static str] {
        &["WebSockets"]
    }

    fn remedy(&self) -> Option<&'static str> {
        Some("App::new(urls).websockets()")
    }
}

fn check(req: &Request) -> Result<()> {
    if *req.method() != Method::GET || !req.asks_for_upgrade(PROTOCOL) {
        let message = "This is the address of a WebSocket, which a script opens with new WebSocket(…). If a script did so, a proxy \
                       between it and this server does not pass on the headers Connection and Upgrade.";
        let error = Error::new(StatusCode::UPGRADE_REQUIRED, message);
        let error = error.with_header(header::UPGRADE, HeaderValue::from_static(PROTOCOL));
        return Err(error.with_header(header::CONNECTION, HeaderValue::from_static("upgrade")));
    }
    if req.headers().get(header::SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
        let error = Error::new(StatusCode::UPGRADE_REQUIRED, "This server speaks version 13 of the WebSocket protocol.");
        return Err(error.with_header(header::SEC_WEBSOCKET_VERSION, VERSION));
    }
    key(req)?;
    req.require_same_origin()
}

/// Returns the client's key.
///
/// # Errors
/// Returns 400 if there is no valid one.
fn key(req: &Request) -> Result<&[u8]> {
    let mut keys = req.headers().get_all(header::SEC_WEBSOCKET_KEY).iter();
    let is_key = |key: &&[u8]| key.len() == KEY_LENGTH && key.ends_with(b"==") && key[..KEY_LENGTH - 2].iter().copied().all(is_base64);
    match (keys.next().map(HeaderValue::as_bytes).filter(is_key), keys.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(Error::bad_request("The header Sec-WebSocket-Key must have 16 bytes in Base64.")),
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/".contains(&byte)
}

/// Returns the headers that accept the handshake, besides those of every upgrade.
///
/// # Errors
/// Returns 400 if the client's key is invalid, and 500 if the name of the subprotocol is.
pub(super) fn accept(req: &Request, protocol: Option<&'static str>) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let hash = Sha1::from([key(req)?, ACCEPTS].concat()).digest().bytes();
    let key = HeaderValue::from_str(&STANDARD.encode(hash))?;
    let protocol = protocol.map(HeaderValue::from_str).transpose()?;
    let accepted = protocol.map(|protocol| (header::SEC_WEBSOCKET_PROTOCOL, protocol));
    Ok([(header::SEC_WEBSOCKET_ACCEPT, key)].into_iter().chain(accepted).collect())
}

/// Returns the first of `supported` that the client offers.
pub(super) fn choose_protocol(req: &Request, supported: &[&'static str]) -> Option<&'static str> {
    let lists = || req.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    let offers = |protocol: &str| {
        let mut offered = lists().flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
        offered.any(|offer| offer.trim_ascii() == protocol.as_bytes())
    };
    supported.iter().copied().find(|protocol| offers(protocol))
}
