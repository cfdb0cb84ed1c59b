//! The settings that core itself reads.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::settings::Secret;
use crate::{Error, Result};

/// The keys of `settings.toml` that core knows, with their defaults. Sessions and the database bring their own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct CoreSettings {
    /// Shows errors in the browser, applies migrations at start, re-reads templates. Never on a public server.
    pub debug: bool,
    /// The address to listen on.
    pub host: String,
    /// The port to listen on.
    pub port: u16,
    /// The hosts that are ours: `example.com`, `.example.com` with all below it, `*` for any.
    pub allowed_hosts: Vec<String>,
    /// Signs and encrypts cookies; 32 bytes or more.
    pub secret_key: Option<Secret>,
    /// Retired keys that still verify what they signed.
    pub secret_key_fallbacks: Vec<Secret>,
    /// Other sites whose pages may send forms here: `https://app.example.com`, `https://*.example.com`.
    pub csrf_trusted_origins: Vec<String>,
    /// Addresses of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Sends `Strict-Transport-Security` with this many seconds over HTTPS; 0 sends none.
    pub hsts_seconds: u64,
    /// The folder of templates, below the project's folder.
    pub templates_dir: PathBuf,
    /// The folder of static files, below the project's folder.
    pub static_dir: PathBuf,
    /// The path under which static files are served.
    pub static_url: String,
    /// Redirects `/about/` to `/about`, or the other way round, where only the other exists.
    pub redirect_slashes: bool,
    /// How long a view may take, in seconds; 0 means no limit.
    pub request_timeout_seconds: u64,
    /// The largest body, in bytes.
    pub max_body_bytes: u64,
    /// The largest multipart body, in bytes.
    pub max_upload_bytes: u64,
    /// How much of an uploaded file stays in memory, in bytes; a larger one goes to a temporary file.
    pub upload_memory_bytes: usize,
    /// The window, in seconds, within which a client has to send 1 KiB a second of a body, and to take as much of a response.
    pub body_timeout_seconds: u64,
    /// How long a client may take to send the headers of a request, and an idle connection is kept, in seconds, to within a
    /// quarter.
    pub header_timeout_seconds: u64,
    /// The most bytes of headers.
    pub max_header_bytes: usize,
    /// Maximum number of connections at once, as far as the limit of open files permits; more wait to be accepted.
    pub max_connections: usize,
    /// How long requests in flight may take to finish when the server stops, in seconds.
    pub shutdown_timeout_seconds: u64,
    /// The most plain (blocking) views that run at once; the others wait.
    pub max_blocking_views: usize,
    /// What the log shows: `info`, or by module: `info,lback=debug`.
    pub log: String,
}

impl CoreSettings {
    /// Checks what types cannot.
    pub(crate) fn check(&self) -> Result<()> {
        let url = &self.static_url;
        if url.trim_matches('/').is_empty() {
            return Err(Error::internal(format!(
                "STATIC_URL = \"{url}\" would hide every route: static files need a path of their own. Write STATIC_URL = \"/static/\""
            )));
        }
        for (key, seconds) in [
            ("REQUEST_TIMEOUT_SECONDS", self.request_timeout_seconds),
            ("BODY_TIMEOUT_SECONDS", self.body_timeout_seconds),
            ("HEADER_TIMEOUT_SECONDS", self.header_timeout_seconds),
            ("SHUTDOWN_TIMEOUT_SECONDS", self.shutdown_timeout_seconds),
        ] {
            if seconds > 31_536_000 {
                return Err(Error::internal(format!("{key} = {seconds} is more than a year. Write {key} = 30")));
            }
        }
        if !(1..=10_000).contains(&self.max_blocking_views) {
            return Err(Error::internal("MAX_BLOCKING_VIEWS must be between 1 and 10000. Write MAX_BLOCKING_VIEWS = 128"));
        }
        Ok(())
    }
}

impl Default for CoreSettings {
    fn default() -> Self {
        CoreSettings {
            debug: false,
            host: "127.0.0.1".to_owned(),
            port: 8000,
            allowed_hosts: Vec::new(),
            secret_key: None,
            secret_key_fallbacks: Vec::new(),
            csrf_trusted_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            hsts_seconds: 0,
            templates_dir: "templates".into(),
            static_dir: "static".into(),
            static_url: "/static/".to_owned(),
            redirect_slashes: true,
            request_timeout_seconds: 30,
            max_body_bytes: 2 * 1024 * 1024,
            max_upload_bytes: 32 * 1024 * 1024,
            upload_memory_bytes: 256 * 1024,
            body_timeout_seconds: 20,
            header_timeout_seconds: 30,
            max_header_bytes: 64 * 1024,
            max_connections: 10_000,
            shutdown_timeout_seconds: 30,
            max_blocking_views: 128,
            log: "info".to_owned(),
        }
    }
}
