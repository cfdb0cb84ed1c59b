//! The core settings.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use serde::Deserialize;

use crate::Network;
use crate::csrf::TrustedOrigins;
use crate::request::Budgets;
use crate::settings::{Check, Example, Secret, Section, check_fallbacks, check_length};
use crate::time_zone::TimeZone;

/// The formats of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogFormat {
    /// One line per event, for people.
    Text,
    /// One JSON object per line, for programs.
    Json,
}

/// The settings that the core reads from `settings.toml`, with their defaults. Sessions and the database define their own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
pub struct CoreSettings {
    /// Shows errors in the browser, applies migrations at start-up and reloads templates when they change. Must be off on a
    /// public server.
    pub debug: bool,
    /// Adds the developer toolbar to HTML pages while `DEBUG` is on.
    pub debug_toolbar: bool,
    /// The address to listen on.
    pub host: String,
    /// The port to listen on.
    pub port: u16,
    /// The hosts that this server answers for: `example.com`, `.example.com` for it and every host below it, `*` for any host.
    pub allowed_hosts: Vec<String>,
    /// Signs and encrypts cookies. At least 32 bytes.
    pub secret_key: Option<Secret>,
    /// Retired keys, which still verify what was signed with them.
    pub secret_key_fallbacks: Vec<Secret>,
    /// Other sites whose pages may submit forms to this site: `https://app.example.com`, `https://*.example.com`.
    pub csrf_trusted_origins: Vec<String>,
    /// Addresses and networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted.
    pub trusted_proxies: Vec<Network>,
    /// The `max-age` of `Strict-Transport-Security` over HTTPS, in seconds; 0 sends no such header.
    pub hsts_seconds: u64,
    /// The `Content-Security-Policy` of every response: `default-src 'self'; script-src 'self' {nonce}`.
    pub content_security_policy: String,
    /// The `Content-Security-Policy-Report-Only` of every response, whose violations browsers report but do not block.
    pub content_security_policy_report_only: String,
    /// The folder of templates, relative to the project's folder.
    pub templates_dir: PathBuf,
    /// The folder of static files, relative to the project's folder.
    pub static_dir: PathBuf,
    /// The folder in which the application stores files, relative to the project's folder.
    pub media_dir: PathBuf,
    /// The URL path under which static files are served.
    pub static_url: String,
    /// Redirects `/about/` to `/about`, or the other way round, if only the other path has a route.
    pub redirect_slashes: bool,
    /// Maximum time that a view may take, in seconds; 0 means no limit.
    pub request_timeout_seconds: u64,
    /// Maximum size of a body, in bytes.
    pub max_body_bytes: u64,
    /// Maximum size of a multipart body, in bytes.
    pub max_upload_bytes: u64,
    /// Maximum number of bytes of a request's uploaded files that stay in memory; the rest goes to a temporary file.
    pub upload_memory_bytes: usize,
    /// Maximum number of fields in a form or a query string, including files.
    pub max_form_fields: usize,
    /// Maximum memory for the bodies of all requests in a process, in bytes.
    pub body_memory_bytes: u64,
    /// Maximum size of the temporary files of all uploads in a process, in bytes.
    pub upload_disk_bytes: u64,
    /// Maximum number of uploads in a process that have a temporary file at the same time.
    pub max_uploads: u64,
    /// The window, in seconds, over which a client must send a body, or receive a response, at 1 KiB a second or more.
    pub body_timeout_seconds: u64,
    /// Maximum time that a client may take to send a request's headers, and that an idle connection is kept open, in seconds;
    /// accurate to within a quarter.
    pub header_timeout_seconds: u64,
    /// Maximum size of a request's headers, in bytes.
    pub max_header_bytes: usize,
    /// Maximum number of simultaneous connections, as far as the limit on open files permits; further ones wait to be accepted.
    pub max_connections: usize,
    /// Maximum time that requests in flight may take to finish when the server stops, in seconds.
    pub shutdown_timeout_seconds: u64,
    /// Maximum number of plain (blocking) views that run at the same time; the others wait.
    pub max_blocking_views: usize,
    /// The time zone in which templates show times and forms read them, unless a request has another one.
    pub time_zone: TimeZone,
    /// The log filter: `info`, or per module: `info,lback=debug`.
    pub log: String,
    /// The format of the log.
    pub log_format: LogFormat,
}

/// One year, in seconds.
const YEAR: u64 = 31_536_000;
/// One tebibyte, the upper bound for the sizes of bodies and uploads.
const TEBIBYTE: u64 = 1 << 40;

impl Section for CoreSettings {
    fn check(&self, check: &mut Check<'_>) {
        let defaults = CoreSettings::default();
        check.require("HOST", is_bindable(&self.host), "an address or a host name, without a scheme or port", "0.0.0.0");
        let (host, hosts) = ("hosts without a scheme or port", &self.allowed_hosts);
        let corrected: Vec<String> =
            hosts.iter().map(|host| if is_host_pattern(host) { host.clone() } else { suggested_host(host) }).collect();
        let corrected: Vec<&str> = corrected.iter().map(String::as_str).collect();
        check.require_each("ALLOWED_HOSTS", hosts, is_host_pattern, host, corrected.as_slice());
        check.accept("SECRET_KEY", self.secret_key.iter().try_for_each(check_length));
        check.accept("SECRET_KEY_FALLBACKS", check_fallbacks(&self.secret_key_fallbacks));
        check.accept("CSRF_TRUSTED_ORIGINS", TrustedOrigins::of_settings(&self.csrf_trusted_origins));
        check.range("HSTS_SECONDS", self.hsts_seconds, 0..=100 * YEAR, YEAR);
        check.require_folder("TEMPLATES_DIR", &self.templates_dir, "templates");
        check.require_folder("STATIC_DIR", &self.static_dir, "static");
        check.require_folder("MEDIA_DIR", &self.media_dir, "media");
        let path = "a path that starts with a slash and has a name after it, or the https://… address of another server";
        check.require("STATIC_URL", is_static_url(&self.static_url), path, "/static/");
        check.range("REQUEST_TIMEOUT_SECONDS", self.request_timeout_seconds, 0..=YEAR, defaults.request_timeout_seconds);
        check.range("MAX_BODY_BYTES", self.max_body_bytes, 1..=TEBIBYTE, defaults.max_body_bytes);
        check.range("MAX_UPLOAD_BYTES", self.max_upload_bytes, 1..=TEBIBYTE, defaults.max_upload_bytes);
        check.range("UPLOAD_MEMORY_BYTES", self.upload_memory_bytes as u64, 0..=TEBIBYTE, defaults.upload_memory_bytes as u64);
        check.range("BODY_TIMEOUT_SECONDS", self.body_timeout_seconds, 1..=YEAR, defaults.body_timeout_seconds);
        check.range("HEADER_TIMEOUT_SECONDS", self.header_timeout_seconds, 1..=YEAR, defaults.header_timeout_seconds);
        // hyper needs at least 8 KiB. Each connection may use as much memory as this value.
        check.range("MAX_HEADER_BYTES", self.max_header_bytes, 8 * 1024..=16 * 1024 * 1024, defaults.max_header_bytes);
        check.range("MAX_CONNECTIONS", self.max_connections, 1..=1_000_000, defaults.max_connections);
        check.range("SHUTDOWN_TIMEOUT_SECONDS", self.shutdown_timeout_seconds, 0..=YEAR, defaults.shutdown_timeout_seconds);
        check.range("MAX_BLOCKING_VIEWS", self.max_blocking_views, 1..=10_000, defaults.max_blocking_views);
        let fields = defaults.max_form_fields;
        check.range("MAX_FORM_FIELDS", self.max_form_fields, 1..=1_000_000, fields);
        check.range("MAX_UPLOADS", self.max_uploads, 1..=1_000_000, defaults.max_uploads);
        for (all, room, one, most) in [
            ("BODY_MEMORY_BYTES", Budgets::for_large(self.body_memory_bytes), "MAX_BODY_BYTES", self.max_body_bytes),
            ("BODY_MEMORY_BYTES", Budgets::for_large(self.body_memory_bytes), "UPLOAD_MEMORY_BYTES", self.upload_memory_bytes as u64),
            ("UPLOAD_DISK_BYTES", self.upload_disk_bytes, "MAX_UPLOAD_BYTES", self.max_upload_bytes),
        ] {
            let expected = format!("large enough for one request (it leaves {room} bytes, but {one} = {most})");
            check.require(all, room >= most, &expected, Example::plain(most.saturating_mul(8)));
        }
    }
}

fn is_bindable(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || is_name(host)
}

/// Returns whether `text` is a host name: labels of ASCII letters, digits, `-` and `_`, separated by dots.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    text.split('.').all(is_label)
}

/// Returns whether `AllowedHosts` can match `text`: `*`, a name, `.name`, or an address, with IPv6 addresses in brackets.
fn is_host_pattern(text: &str) -> bool {
    let in_brackets = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    text == "*" || is_name(text.strip_prefix('.').unwrap_or(text)) || in_brackets.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// Returns the host to suggest in place of an invalid one: `.example.com` for `https://*.example.com:8000/`.
fn suggested_host(text: &str) -> String {
    let text = text.trim();
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if rest.parse::<Ipv6Addr>().is_ok() {
        return format!("[{rest}]");
    }
    let host = rest.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())).map_or(rest, |(host, _)| host);
    let host = host.strip_prefix('*').filter(|host| host.starts_with('.')).unwrap_or(host).trim_end_matches('.');
    if is_host_pattern(host) { host.to_owned() } else { "example.com".to_owned() }
}

/// Returns whether `url` is a path on this site or the address of another server that has the files.
fn is_static_url(url: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte);
    let elsewhere = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let segments = elsewhere.or_else(|| url.strip_prefix('/')).map(|path| path.strip_suffix('/').unwrap_or(path));
    segments.is_some_and(|path| path.bytes().all(is_plain) && path.split('/').all(|segment| !["", ".", ".."].contains(&segment)))
}

impl Default for CoreSettings {
    fn default() -> Self {
        CoreSettings {
            debug: false,
            debug_toolbar: true,
            host: "127.0.0.1".to_owned(),
            port: 8000,
            allowed_hosts: Vec::new(),
            secret_key: None,
            secret_key_fallbacks: Vec::new(),
            csrf_trusted_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            hsts_seconds: 0,
            content_security_policy: String::new(),
            content_security_policy_report_only: String::new(),
            templates_dir: "templates".into(),
            static_dir: "static".into(),
            media_dir: "media".into(),
            static_url: "/static/".to_owned(),
            redirect_slashes: true,
            request_timeout_seconds: 30,
            max_body_bytes: 2 * 1024 * 1024,
            max_upload_bytes: 32 * 1024 * 1024,
            upload_memory_bytes: 256 * 1024,
            max_form_fields: 1_000,
            body_memory_bytes: 96 * 1024 * 1024,
            upload_disk_bytes: 1024 * 1024 * 1024,
            max_uploads: 128,
            body_timeout_seconds: 20,
            header_timeout_seconds: 30,
            max_header_bytes: 64 * 1024,
            max_connections: 10_000,
            shutdown_timeout_seconds: 30,
            max_blocking_views: 128,
            time_zone: TimeZone::UTC,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
        }
    }
}
