//! Which session store the settings ask for.

use lback_core::{Clock, Error, Keys, Result};
use lback_db::Database;
use lback_session::{CookieStore, DatabaseStore, MemoryStore, SessionConfig, SessionManager, SessionSettings, StoreName};

/// The manager of sessions in the store that `SESSION_STORE` names.
pub(crate) fn of_settings(
    settings: &SessionSettings,
    database: Option<&Database>,
    config: SessionConfig,
    keys: Keys,
    clock: Clock,
) -> Result<SessionManager> {
    match settings.session_store {
        StoreName::Memory => Ok(SessionManager::new(MemoryStore::new(), config, keys, clock)),
        StoreName::Cookie => Ok(SessionManager::new(CookieStore, config, keys, clock)),
        StoreName::Redis => in_redis(settings, config, keys, clock),
        StoreName::Database => match database {
            Some(database) => Ok(SessionManager::new(DatabaseStore::new(database.clone())?, config, keys, clock)),
            None => Err(Error::internal(
                "sessions are kept in the database, and the application has none. Write SESSION_STORE = \"memory\" in \
                 settings.toml, or call App::without_sessions()",
            )),
        },
    }
}

#[cfg(feature = "redis")]
fn in_redis(settings: &SessionSettings, config: SessionConfig, keys: Keys, clock: Clock) -> Result<SessionManager> {
    let patience = std::time::Duration::from_millis(settings.redis_timeout_ms);
    let store = lback_session::RedisStore::open(settings.redis_url.expose(), &settings.redis_prefix, patience)?;
    Ok(SessionManager::new(store, config, keys, clock))
}

#[cfg(not(feature = "redis"))]
fn in_redis(_: &SessionSettings, _: SessionConfig, _: Keys, _: Clock) -> Result<SessionManager> {
    Err(Error::internal(
        "SESSION_STORE = \"redis\" needs the feature redis of lback. Write lback = { …, features = [\"redis\"] } in Cargo.toml",
    ))
}
