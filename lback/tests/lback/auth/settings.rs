//! Settings that are not possible are told at the start, and how to mend them.

use super::*;

#[test]
fn settings_that_are_not_possible_are_told_at_the_start() {
    for (line, remedy) in [
        ("AUTH_VERIFY_HOURS = 4294967295", "AUTH_VERIFY_HOURS = 72"),
        ("AUTH_VERIFY_HOURS = 0", "AUTH_VERIFY_HOURS = 72"),
        ("AUTH_RESET_MINUTES = 4294967295", "AUTH_RESET_MINUTES = 60"),
        ("AUTH_RESET_MINUTES = 0", "AUTH_RESET_MINUTES = 60"),
        ("AUTH_REMEMBER_DAYS = 4294967295", "AUTH_REMEMBER_DAYS = 30"),
        ("AUTH_REMEMBER_DAYS = 0", "AUTH_REMEMBER_DAYS = 30"),
        ("AUTH_REMEMBER_DAYS = 2\nSESSION_ABSOLUTE_TIMEOUT_MINUTES = 1440", "SESSION_ABSOLUTE_TIMEOUT_MINUTES = 2880"),
        ("AUTH_FREE_ATTEMPTS = 4294967295", "AUTH_FREE_ATTEMPTS = 5"),
        ("LOGIN_URL = 'account/login'", "LOGIN_URL = \"/account/login\""),
        ("LOGIN_URL = 'account:lgoin'", "LOGIN_URL = \"account:lgoin\""),
        ("LOGIN_URL = ''", "LOGIN_URL = \"/account/login\""),
        ("LOGIN_REDIRECT_URL = 'dashboard'", "LOGIN_REDIRECT_URL = \"/\""),
        ("LOGIN_REDIRECT_URL = '//evil.example'", "LOGIN_REDIRECT_URL = \"/\""),
        ("LOGOUT_REDIRECT_URL = 'javascript:alert(1)'", "LOGOUT_REDIRECT_URL = \"/\""),
        ("AUTH_PASSWORD_MIN_LENGTH = 0", "AUTH_PASSWORD_MIN_LENGTH = 8"),
        ("AUTH_PASSWORD_MIN_LENGTH = 2000", "AUTH_PASSWORD_MIN_LENGTH = 8"),
        ("AUTH_MAX_DELAY_SECONDS = 4294967295", "AUTH_MAX_DELAY_SECONDS = 900"),
        ("SESSION_COOKIE_NAME = 'auth_device'", "SESSION_COOKIE_NAME = \"session_id\""),
        ("AUTH_SITE_URL = 'example.com'", "AUTH_SITE_URL = \"https://example.com\""),
        ("AUTH_SITE_URL = 'https://'", "AUTH_SITE_URL = \"https://example.com\""),
        ("AUTH_SITE_URL = 'https://user@example.com'", "AUTH_SITE_URL = \"https://example.com\""),
        ("AUTH_SITE_URL = 'https://example.com?x'", "AUTH_SITE_URL = \"https://example.com\""),
        ("AUTH_SITE_URL = 'https://exam ple.com'", "AUTH_SITE_URL = \"https://example.com\""),
    ] {
        let message = crate::start_error(app(), &format!("SESSION_TIMEOUT_MINUTES = 30\n{SETTINGS}\n{line}"));
        assert!(message.contains(line.split(" = ").next().unwrap_or_default()) && message.contains(remedy), "{line}: {message}");
    }
    for line in [
        "AUTH_SITE_URL = 'http://localhost:8000/'",
        "AUTH_SITE_URL = 'https://[::1]/shop'",
        "AUTH_VERIFY_HOURS = 8760",
        "LOGOUT_REDIRECT_URL = 'https://example.com/'",
        "SESSION_ABSOLUTE_TIMEOUT_MINUTES = 1440",
    ] {
        let client = Client::with_settings(app(), &format!("SESSION_TIMEOUT_MINUTES = 30\n{SETTINGS}\n{line}"));
        client.get("/untouched").send().assert_status(200);
    }
}
