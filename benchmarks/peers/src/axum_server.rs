//! The routes of the servers with axum and tower-sessions, which differ only in the store.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use time::Duration;
use tokio::net::TcpListener;
use tower_sessions::session::Error;
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use crate::{Options, Result, SESSION_MINUTES};

/// Listens, prints that it does, and serves requests.
pub async fn serve(router: Router, options: &Options) -> Result {
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    println!("listening");
    Ok(axum::serve(listener, router).await?)
}

/// Returns the routes, with sessions in `store`.
///
/// By default, tower-sessions writes only sessions that a request has changed. `always_save` makes it write the session of
/// every request, which is the only way to extend the expiry in a request that only reads.
pub fn with_sessions(store: impl SessionStore + Clone, options: &Options) -> Router {
    let sessions = SessionManagerLayer::new(store)
        .with_secure(false)
        .with_expiry(Expiry::OnInactivity(Duration::minutes(SESSION_MINUTES)))
        .with_always_save(options.rolling);
    Router::new().route("/plain", get(plain)).route("/read", get(read)).route("/count", get(count)).layer(sessions)
}

pub async fn plain() -> &'static str {
    "Hello, World!"
}

async fn read(session: Session) -> std::result::Result<String, (StatusCode, String)> {
    Ok(current(&session).await.map_err(failed)?.to_string())
}

async fn count(session: Session) -> std::result::Result<String, (StatusCode, String)> {
    let count = current(&session).await.map_err(failed)? + 1;
    session.insert("count", count).await.map_err(failed)?;
    Ok(count.to_string())
}

async fn current(session: &Session) -> std::result::Result<u64, Error> {
    Ok(session.get("count").await?.unwrap_or(0))
}

fn failed(error: Error) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}
