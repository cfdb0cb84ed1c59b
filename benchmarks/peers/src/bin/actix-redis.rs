//! actix-web with actix-session on Redis.

use actix_session::config::{PersistentSession, TtlExtensionPolicy};
use actix_session::storage::RedisSessionStore;
use actix_session::{Session, SessionGetError, SessionMiddleware};
use actix_web::cookie::{Key, time::Duration};
use actix_web::{App, HttpServer, rt, web};
use lback_benchmark_peers::{Options, Result, SESSION_MINUTES};

fn main() -> Result {
    rt::System::new().block_on(serve(Options::of_command_line()?))
}

async fn serve(options: Options) -> Result {
    let store = RedisSessionStore::new(&options.database).await?;
    let key = Key::generate();
    // By default, a session's expiry is extended only when the session changes.
    let policy = if options.rolling { TtlExtensionPolicy::OnEveryRequest } else { TtlExtensionPolicy::OnStateChanges };
    let server = HttpServer::new(move || {
        let lifecycle =
            PersistentSession::default().session_ttl(Duration::minutes(SESSION_MINUTES)).session_ttl_extension_policy(policy.clone());
        let sessions = SessionMiddleware::builder(store.clone(), key.clone()).cookie_secure(false).session_lifecycle(lifecycle).build();
        App::new()
            .wrap(sessions)
            .route("/plain", web::get().to(plain))
            .route("/read", web::get().to(read))
            .route("/count", web::get().to(count))
    });
    let server = server.workers(options.threads).bind(("127.0.0.1", options.port))?;
    println!("listening");
    Ok(server.run().await?)
}

async fn plain() -> &'static str {
    "Hello, World!"
}

async fn read(session: Session) -> actix_web::Result<String> {
    Ok(current(&session)?.to_string())
}

async fn count(session: Session) -> actix_web::Result<String> {
    let count = current(&session)? + 1;
    session.insert("count", count)?;
    Ok(count.to_string())
}

fn current(session: &Session) -> std::result::Result<u64, SessionGetError> {
    Ok(session.get("count")?.unwrap_or(0))
}
