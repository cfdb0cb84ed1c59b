//! The address of Redis, and its certificates.

use ::redis::{Client, RedisError};
use lback_core::{Error, Result};

/// Returns a client for the server at `url`.
pub(super) fn client(url: &str) -> Result<Client> {
    check(url)?;
    Client::open(url).map_err(|error| wrong(&error))
}

/// Returns a client for the server at `url`, which trusts these certificate authorities.
#[cfg(feature = "redis-tls")]
pub(super) fn client_trusting(url: &str, pem: Vec<u8>) -> Result<Client> {
    check(url)?;
    let certificates = ::redis::TlsCertificates { client_tls: None, root_cert: Some(pem) };
    Client::build_with_tls(url, certificates).map_err(|error| wrong(&error))
}

#[cfg(feature = "redis-tls")]
fn check(_: &str) -> Result<()> {
    // Fails if the application has already chosen a provider, which is used then.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(())
}

#[cfg(not(feature = "redis-tls"))]
fn check(url: &str) -> Result<()> {
    match url.starts_with("rediss:") {
        false => Ok(()),
        true => Err(Error::internal(
            "a REDIS_URL that begins with rediss:// needs the feature redis-tls of lback. Write lback = { …, features = [\"redis-tls\"] } in \
             Cargo.toml",
        )),
    }
}

fn wrong(error: &RedisError) -> Error {
    Error::internal(format!(
        "REDIS_URL is not the address of a Redis server ({error}). Write REDIS_URL = \"redis://127.0.0.1:6379/0\" in settings.toml, or \
         REDIS_URL=redis://:password@host:6379/0 in .env"
    ))
}
