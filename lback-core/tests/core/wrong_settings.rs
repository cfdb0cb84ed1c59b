//! Invalid settings are refused at startup. The message has their location and the line to write instead.

use std::fs;

use lback_core::settings::{Environment, Settings};
use lback_core::{CoreSettings, Router};

use crate::assemble;

fn refusal(toml: &str) -> Option<String> {
    assemble(Router::new(), toml, |stack| stack).err().map(|error| error.to_string())
}

#[test]
fn an_invalid_value_is_refused_with_the_line_to_write_instead() {
    for (line, remedy) in [
        ("HOST = ''", "Write HOST = \"0.0.0.0\""),
        ("HOST = '0.0.0.0:8000'", "HOST"),
        ("HOST = '[::]'", "HOST"),
        ("HOST = '*'", "HOST"),
        ("ALLOWED_HOSTS = ['a.example', 'https://example.com/']", "Write ALLOWED_HOSTS = [\"a.example\", \"example.com\"]"),
        ("ALLOWED_HOSTS = ['example.com:8000']", "Write ALLOWED_HOSTS = [\"example.com\"]"),
        ("ALLOWED_HOSTS = ['*.example.com']", "Write ALLOWED_HOSTS = [\".example.com\"]"),
        ("ALLOWED_HOSTS = ['::1']", "Write ALLOWED_HOSTS = [\"[::1]\"]"),
        ("ALLOWED_HOSTS = ['example.com.']", "Write ALLOWED_HOSTS = [\"example.com\"]"),
        ("ALLOWED_HOSTS = ['exämple.com']", "ALLOWED_HOSTS"),
        ("ALLOWED_HOSTS = [' example.com']", "Write ALLOWED_HOSTS = [\"example.com\"]"),
        ("ALLOWED_HOSTS = ['']", "ALLOWED_HOSTS"),
        ("SECRET_KEY = 'hunter2'", "openssl rand -base64 48"),
        ("SECRET_KEY_FALLBACKS = ['hunter2']", "SECRET_KEY_FALLBACKS"),
        ("CSRF_TRUSTED_ORIGINS = ['example.com']", "https://app.example.com"),
        ("TRUSTED_PROXIES = ['10.0.0.1', 'caddy']", "TRUSTED_PROXIES[1]"),
        ("TRUSTED_PROXIES = ['0.0.0.0/0']", "it would trust any visitor"),
        ("HSTS_SECONDS = 18446744073709551615", "Write HSTS_SECONDS = 31536000"),
        ("TEMPLATES_DIR = 'Cargo.toml'", "Write TEMPLATES_DIR = \"templates\""),
        ("TEMPLATES_DIR = ''", "Write TEMPLATES_DIR = \"templates\""),
        ("STATIC_DIR = './'", "Write STATIC_DIR = \"static\""),
        ("STATIC_DIR = '..'", "Write STATIC_DIR = \"static\""),
        ("STATIC_DIR = '/'", "Write STATIC_DIR = \"static\""),
        ("STATIC_DIR = 'src/..'", "Write STATIC_DIR = \"static\""),
        ("STATIC_DIR = '~/static'", "Write STATIC_DIR = \"static\""),
        ("MEDIA_DIR = ' /srv/media'", "Write MEDIA_DIR = \"media\""),
        ("MEDIA_DIR = '/srv/media\t'", "Write MEDIA_DIR = \"media\""),
        ("MEDIA_DIR = ' '", "Write MEDIA_DIR = \"media\""),
        ("MEDIA_DIR = \"a\\u0000b\"", "Write MEDIA_DIR = \"media\""),
        ("TRUSTED_PROXIES = ['::ffff:0:0/96']", "it would trust any visitor"),
        ("TRUSTED_PROXIES = ['0.0.0.0']", "write an address"),
        ("TIME_ZONE = 'Europe/Berln'", "write \"Europe/Berlin\""),
        ("TIME_ZONE = ''", "such as \"Europe/Berlin\""),
        ("STATIC_URL = '/'", "Write STATIC_URL = \"/static/\""),
        ("STATIC_URL = ''", "STATIC_URL"),
        ("STATIC_URL = '//'", "STATIC_URL"),
        ("STATIC_URL = 'static'", "STATIC_URL"),
        ("STATIC_URL = '/a/../static/'", "STATIC_URL"),
        ("STATIC_URL = '/static/?v=1'", "STATIC_URL"),
        ("STATIC_URL = 'https://'", "STATIC_URL"),
        ("REQUEST_TIMEOUT_SECONDS = 18446744073709551615", "Write REQUEST_TIMEOUT_SECONDS = 30"),
        ("MAX_BODY_BYTES = 0", "Write MAX_BODY_BYTES = 2097152"),
        ("MAX_UPLOAD_BYTES = 18446744073709551615", "Write MAX_UPLOAD_BYTES = 33554432"),
        ("BODY_TIMEOUT_SECONDS = 0", "Write BODY_TIMEOUT_SECONDS = 20"),
        ("HEADER_TIMEOUT_SECONDS = 0", "Write HEADER_TIMEOUT_SECONDS = 30"),
        ("MAX_HEADER_BYTES = 8191", "Write MAX_HEADER_BYTES = 65536"),
        ("MAX_CONNECTIONS = 18446744073709551615", "Write MAX_CONNECTIONS = 10000"),
        ("MAX_BLOCKING_VIEWS = 10001", "Write MAX_BLOCKING_VIEWS = 128"),
    ] {
        let message = refusal(line).unwrap_or_else(|| panic!("{line} should be refused"));
        let key = line.split(" = ").next().unwrap_or_default();
        assert!(message.contains("settings.toml:") && message.contains(key) && message.contains(remedy), "{line}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn valid_values_are_accepted() {
    for line in [
        "HOST = '::'",
        "HOST = 'localhost'",
        "PORT = 0",
        "ALLOWED_HOSTS = ['*', 'example.com', '.example.com', '127.0.0.1', '[::1]', 'my_host', 'xn--exmple-cua.com']",
        "TRUSTED_PROXIES = ['10.0.0.0/8', '::1', 'private', 'loopback', '2001:db8::/32']",
        "TIME_ZONE = 'utc'",
        "TIME_ZONE = 'America/Argentina/Buenos_Aires'",
        "STATIC_URL = '/s'",
        "STATIC_URL = '/a/b-1/'",
        "STATIC_URL = 'https://cdn.example.com:8443/s/'",
        "STATIC_DIR = 'not-yet-there'",
        "TEMPLATES_DIR = 'not-yet-there'",
        "REQUEST_TIMEOUT_SECONDS = 0",
        "SHUTDOWN_TIMEOUT_SECONDS = 0",
        "UPLOAD_MEMORY_BYTES = 0",
        "HSTS_SECONDS = 0",
        "MAX_HEADER_BYTES = 8192",
    ] {
        assert_eq!(refusal(line), None, "{line}");
    }
}

#[test]
fn all_invalid_values_are_reported_at_once_with_their_locations() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("settings.toml"), "MAX_CONNECTIONS = 0\nSTATIC_URL = '/'").unwrap();
    fs::write(folder.path().join(".env"), "\nSTATIC_URL=s\nALLOWED_HOSTS=https://a.example,b.example").unwrap();
    let environment = Environment::from([("HSTS_SECONDS", "99999999999"), ("HOST", "")]);
    let settings = Settings::load(folder.path(), &environment).unwrap();
    let message = settings.checked::<CoreSettings>().unwrap_err().to_string();
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines.len(), 5, "{message}");
    for (line, parts) in lines.iter().zip([
        ["the environment variable HOST should be", "Set HOST=0.0.0.0"],
        [".env:3: ALLOWED_HOSTS should contain", "Write ALLOWED_HOSTS=a.example,b.example"],
        ["the environment variable HSTS_SECONDS", "Set HSTS_SECONDS=31536000"],
        [".env:2: STATIC_URL should be", "Write STATIC_URL=/static/"],
        ["settings.toml:1: MAX_CONNECTIONS should be", "Write MAX_CONNECTIONS = 10000"],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)), "{parts:?}: {line}");
    }
}
