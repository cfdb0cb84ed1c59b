//! Opens the session store that the settings name.

use std::path::Path;

use lback_core::{Clock, Keys, ProgramError, ProgramResult};
use lback_db::Database;
use lback_session::{CookieStore, DatabaseStore, MemoryStore, SessionConfig, SessionManager, SessionSettings, StoreName};

/// Returns the manager for the store that `SESSION_STORE` names. Paths in the settings are relative to `root`.
pub(crate) fn of_settings(
    settings: &SessionSettings,
    root: &Path,
    database: Option<&Database>,
    config: SessionConfig,
    keys: Keys,
    clock: Clock,
) -> ProgramResult<SessionManager> {
    match settings.session_store {
        StoreName::Memory => Ok(SessionManager::new(MemoryStore::new(), config, keys, clock)),
        StoreName::Cookie => Ok(SessionManager::new(CookieStore, config, keys, clock)),
        StoreName::Redis => in_redis(settings, root, config, keys, clock),
        StoreName::Database => match database {
            Some(database) => {
                Ok(SessionManager::new(DatabaseStore::new(database.clone(), settings.session_durability)?, config, keys, clock))
            }
            None => Err(ProgramError::new(
                "sessions are stored in the database, but this application has none. Write SESSION_STORE = \"memory\" in \
                 settings.toml, or call App::without_sessions()",
            )),
        },
        other => Err(ProgramError::new(format!("the session store {other:?} is not supported"))),
    }
}

#[cfg(feature = "redis")]
fn in_redis(settings: &SessionSettings, root: &Path, config: SessionConfig, keys: Keys, clock: Clock) -> ProgramResult<SessionManager> {
    let (url, prefix) = (settings.redis_url.expose(), &settings.redis_prefix);
    let timeout = std::time::Duration::from_millis(settings.redis_timeout_ms);
    let store = match &settings.redis_ca_file {
        None => lback_session::RedisStore::open(url, prefix, timeout)?,
        #[cfg(feature = "redis-tls")]
        Some(file) => {
            let file = root.join(file);
            let pem = std::fs::read(&file)
                .map_err(|error| ProgramError::new(format!("REDIS_CA_FILE: {} cannot be read", file.display())).with_source(error))?;
            if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
                let what = "contains no PEM certificate. Name a file that does, or remove REDIS_CA_FILE";
                return Err(ProgramError::new(format!("REDIS_CA_FILE: {} {what}", file.display())));
            }
            lback_session::RedisStore::open_trusting(url, pem, prefix, timeout)?
        }
        #[cfg(not(feature = "redis-tls"))]
        Some(file) => {
            let file = root.join(file);
            return Err(ProgramError::new(format!(
                "REDIS_CA_FILE = {} needs the feature redis-tls of lback. Write lback = {{ …, features = [\"redis-tls\"] }} in Cargo.toml",
                file.display()
            )));
        }
    };
    Ok(SessionManager::new(store, config, keys, clock))
}

#[cfg(not(feature = "redis"))]
fn in_redis(_: &SessionSettings, _: &Path, _: SessionConfig, _: Keys, _: Clock) -> ProgramResult<SessionManager> {
    Err(ProgramError::new(
        "SESSION_STORE = \"redis\" needs the feature redis of lback. Write lback = { …, features = [\"redis\"] } in Cargo.toml",
    ))
}
