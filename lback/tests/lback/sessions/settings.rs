//! What the start refuses (rule 17 and the table of settings), and says.

use lback::prelude::*;

use super::urls;
use crate::start_error;

/// The start fails, and its message holds each of `parts`.
#[track_caller]
fn assert_refused(settings: &str, parts: &[&str]) {
    let message = start_error(App::new(urls()), settings);
    for part in parts {
        assert!(message.contains(part), "with {settings:?} the start should mention {part:?}: {message}");
    }
}

#[test]
fn the_timeout_is_required_and_has_one_name() {
    assert_refused("", &["SESSION_TIMEOUT_MINUTES = 30", "settings.toml"]);
    assert_refused("SESSION_TIMEOUT_MINUTES = 30\nSESSION_EXPIRY_SECONDS = 60", &["SESSION_TIMEOUT_MINUTES", "SESSION_EXPIRY_SECONDS"]);
    for value in ["0", "-1", "-9223372036854775808", "9223372036854775807"] {
        assert_refused(&format!("SESSION_TIMEOUT_MINUTES = {value}"), &["SESSION_TIMEOUT_MINUTES", value]);
        assert_refused(&format!("SESSION_EXPIRY_SECONDS = {value}"), &["SESSION_EXPIRY_SECONDS", value]);
        let absolute = format!("SESSION_TIMEOUT_MINUTES = 30\nSESSION_ABSOLUTE_TIMEOUT_MINUTES = {value}");
        assert_refused(&absolute, &["SESSION_ABSOLUTE_TIMEOUT_MINUTES", value]);
    }
    assert_refused("SESSION_TIMEOUT_MINUTES = 'half an hour'", &["SESSION_TIMEOUT_MINUTES"]);
}

#[test]
fn an_application_without_sessions_needs_no_timeout() {
    let client = lback::testing::Client::with_settings(App::new(urls()).without_sessions(), "ALLOWED_HOSTS = ['*']");
    client.get("/untouched").send().assert_status(200);
    client.post("/set/a/1").send().assert_status(500);
}

#[test]
fn rule_17_combinations_that_browsers_refuse_are_refused_at_start() {
    let with = |settings: &str| format!("SESSION_TIMEOUT_MINUTES = 30\n{settings}");
    for (settings, part) in [
        ("SESSION_COOKIE_SAMESITE = 'None'\nSESSION_COOKIE_SECURE = false", "SESSION_COOKIE_SECURE = true"),
        ("SESSION_COOKIE_SAMESITE = 'None'\nDEBUG = true", "SESSION_COOKIE_SECURE = true"),
        ("SESSION_COOKIE_NAME = '__Host-id'\nSESSION_COOKIE_SECURE = false", "__Host-id"),
        ("SESSION_COOKIE_NAME = '__Host-id'\nSESSION_COOKIE_DOMAIN = 'example.com'", "__Host-id"),
        ("SESSION_COOKIE_NAME = '__Host-id'\nSESSION_COOKIE_PATH = '/shop'", "__Host-id"),
        ("SESSION_COOKIE_NAME = '__host-id'\nSESSION_COOKIE_PATH = '/shop'", "__host-id"),
        ("SESSION_COOKIE_NAME = '__Secure-id'\nSESSION_COOKIE_SECURE = false", "__Secure-id"),
        ("SESSION_COOKIE_NAME = ''", "SESSION_COOKIE_NAME"),
        ("SESSION_COOKIE_NAME = 'a b'", "SESSION_COOKIE_NAME"),
        ("SESSION_COOKIE_NAME = 'a;b'", "SESSION_COOKIE_NAME"),
        ("SESSION_COOKIE_NAME = 'ä'", "SESSION_COOKIE_NAME"),
        ("SESSION_COOKIE_PATH = 'shop'", "SESSION_COOKIE_PATH"),
        ("SESSION_COOKIE_PATH = '/; Domain=evil.example'", "SESSION_COOKIE_PATH"),
        ("SESSION_COOKIE_DOMAIN = 'example.com; Path=/x'", "SESSION_COOKIE_DOMAIN"),
        ("SESSION_COOKIE_DOMAIN = 'exämple.com'", "SESSION_COOKIE_DOMAIN"),
        ("SESSION_COOKIE_PATH = '/käse'", "SESSION_COOKIE_PATH"),
        ("SESSION_COOKIE_SAMESITE = 'Sometimes'", "SESSION_COOKIE_SAMESITE"),
        ("SESSION_COOKIE_NAME = 'csrf'", "SESSION_COOKIE_NAME = \"session_id\""),
        ("SESSION_COOKIE_DOMAIN = 'example.com:8000'", "SESSION_COOKIE_DOMAIN"),
        ("SESSION_COOKIE_DOMAIN = '*.example.com'", "SESSION_COOKIE_DOMAIN"),
        ("ALLOWED_HOSTS = ['shop.test']\nSESSION_COOKIE_DOMAIN = 'example.com'", "fits none of the ALLOWED_HOSTS"),
        ("ALLOWED_HOSTS = ['notexample.com']\nSESSION_COOKIE_DOMAIN = 'example.com'", "fits none of the ALLOWED_HOSTS"),
        ("SESSION_ABSOLUTE_TIMEOUT_MINUTES = 29", "SESSION_ABSOLUTE_TIMEOUT_MINUTES = 30"),
        ("SESSION_MAX_BYTES = 0", "SESSION_MAX_BYTES = 65536"),
        ("SESSION_CLEANUP_MINUTES = 18446744073709551615", "SESSION_CLEANUP_MINUTES = 10"),
        ("REDIS_URL = 'http://localhost'", "REDIS_URL = \"redis://127.0.0.1:6379/0\""),
        ("REDIS_TIMEOUT_MS = 0", "REDIS_TIMEOUT_MS = 2000"),
        ("REDIS_CA_FILE = 'Cargo.toml'", "rediss://"),
        ("SESSION_STORE = 'paper'", "SESSION_STORE"),
        ("SESSION_CREATE = 'never'", "SESSION_CREATE"),
        ("SESSION_MAX_BYTES = -1", "SESSION_MAX_BYTES"),
        ("SESSION_COOKIE_HTTP_ONLY = true", "SESSION_COOKIE_HTTPONLY"),
    ] {
        assert_refused(&with(settings), &[part]);
    }
    #[cfg(feature = "redis-tls")]
    assert_refused(
        &with("SESSION_STORE = 'redis'\nREDIS_URL = 'rediss://127.0.0.1'\nREDIS_CA_FILE = 'Cargo.toml'"),
        &["REDIS_CA_FILE", "no PEM certificate"],
    );
    for (key, begin, length) in [("SESSION_COOKIE_NAME", "n", 256), ("SESSION_COOKIE_PATH", "/", 1024)] {
        let too_long = format!("{key} = '{begin}{}'", "x".repeat(length));
        assert_refused(&with(&too_long), &[key, "more than"]);
    }
}

#[test]
fn sessions_in_the_database_need_one() {
    let message = start_error(App::new(urls()).without_database(), "SESSION_TIMEOUT_MINUTES = 30");
    assert!(message.contains("SESSION_STORE = \"memory\"") && message.contains("without_sessions"), "{message}");
    let settings = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30\nSESSION_STORE = 'memory'";
    let client = lback::testing::Client::with_settings(App::new(urls()).without_database(), settings);
    client.post("/set/a/1").send().assert_status(204);
    client.get("/get/a").send().assert_contains("1");
}

#[test]
fn sessions_stand_inside_the_database() {
    let app = App::new(urls()).stack(|stack| stack.remove("DbSessionMiddleware").map(drop));
    let message = start_error(app, "SESSION_TIMEOUT_MINUTES = 30");
    assert!(message.contains("SessionMiddleware") && message.contains("DbSessionMiddleware"), "{message}");
}

#[test]
#[cfg(not(feature = "redis"))]
fn sessions_in_redis_need_the_feature() {
    assert_refused("SESSION_TIMEOUT_MINUTES = 30\nSESSION_STORE = 'redis'", &["feature redis", "features = [\"redis\"]", "Cargo.toml"]);
}
