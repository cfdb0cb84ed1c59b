//! What browsers say of where a request comes from.

use super::*;

/// A form with a good token, over HTTPS, at `https://example.com`.
fn secure<'a>(client: &'a Client, token: &str) -> RequestBuilder<'a> {
    with_token(client, "/do", token).header("host", "example.com").header("x-forwarded-proto", "https")
}

fn secure_token(client: &Client) -> String {
    let page = client.get("/form").header("host", "example.com").header("x-forwarded-proto", "https").send();
    token_in(page.assert_status(200))
}

#[test]
fn over_https_the_page_has_to_be_ours() {
    let client = client();
    let token = secure_token(&client);
    let status = |header: &str, value: &str| secure(&client, &token).header(header, value).send().status().as_u16();
    for ours in ["https://example.com", "https://EXAMPLE.com", "https://example.com:443"] {
        assert_eq!(status("origin", ours), 200, "{ours}");
    }
    let foreign = [
        "https://evil.example",
        "http://example.com",
        "https://example.com:8443",
        "https://sub.example.com",
        "https://example.com.evil.example",
        "https://evilexample.com",
        "https://example.com@evil.example",
        "https://evil.example/https://example.com",
        "null",
        "",
        "example.com",
        "file://",
        "https://",
        "chrome-extension://abcdef",
    ];
    for foreign in foreign {
        assert_eq!(status("origin", foreign), 403, "{foreign}");
    }
    assert_eq!(status("referer", "https://example.com/form?x=https://evil.example"), 200);
    assert_eq!(status("referer", "https://example.com"), 200);
    for foreign in ["https://evil.example/https://example.com/", "http://example.com/form", "https://example.com.evil.example/", "x", ""] {
        assert_eq!(status("referer", foreign), 403, "{foreign}");
    }
    secure(&client, &token).send().assert_status(403).assert_contains("did not say which page");
    // Of both, the origin counts.
    secure(&client, &token).header("origin", "null").header("referer", "https://example.com/").send().assert_status(403);
    let twice = secure(&client, &token).header("origin", "https://example.com").header("origin", "https://evil.example");
    twice.send().assert_status(403);
}

#[test]
fn over_http_an_origin_that_comes_counts() {
    let client = client();
    let token = token(&client);
    let status = |value: &str| with_token(&client, "/do", &token).header("origin", value).send().status().as_u16();
    assert_eq!(status("http://127.0.0.1"), 200);
    // A proxy that ends TLS, and that the settings do not name.
    assert_eq!(status("https://127.0.0.1"), 200);
    for foreign in ["http://127.0.0.1:3000", "http://localhost", "http://evil.example", "null"] {
        assert_eq!(status(foreign), 403, "{foreign}");
    }
    assert!(accepts(&client, &token), "an old browser sends none");
}

#[test]
fn a_browser_that_names_another_site_is_believed() {
    let client = client();
    let token = secure_token(&client);
    let status = |site: &str| secure(&client, &token).header("sec-fetch-site", site).send().status().as_u16();
    assert_eq!((status("same-origin"), status("none")), (200, 200));
    for other in ["cross-site", "same-site", "", "something-new"] {
        assert_eq!(status(other), 403, "{other}");
    }
    let both = secure(&client, &token).header("sec-fetch-site", "same-origin").header("sec-fetch-site", "cross-site");
    both.send().assert_status(403);
    // A page of ours with Referrer-Policy: no-referrer.
    secure(&client, &token).header("sec-fetch-site", "same-origin").header("origin", "null").send().assert_status(200);
    // Good words do not replace the token.
    let without = client.post("/do").header("host", "example.com").header("x-forwarded-proto", "https");
    without.header("sec-fetch-site", "same-origin").send().assert_status(403);
}

#[test]
fn trusted_origins_may_send_forms() {
    let client = app_with(&format!("{SETTINGS}\nCSRF_TRUSTED_ORIGINS = ['https://app.example.org', 'https://*.example.net']"), &[]);
    let token = secure_token(&client);
    for trusted in ["https://app.example.org", "https://a.b.example.net"] {
        secure(&client, &token).header("origin", trusted).send().assert_status(200);
        secure(&client, &token).header("origin", trusted).header("sec-fetch-site", "cross-site").send().assert_status(200);
        secure(&client, &token).header("referer", format!("{trusted}/page")).send().assert_status(200);
    }
    for other in ["http://app.example.org", "https://example.net", "https://other.example.org", "https://app.example.org:444"] {
        secure(&client, &token).header("origin", other).send().assert_status(403);
    }
    // Neither do they go without the token.
    let without = client.post("/do").header("host", "example.com").header("x-forwarded-proto", "https");
    without.header("origin", "https://app.example.org").send().assert_status(403);
}

#[test]
fn a_setting_that_is_no_origin_stops_the_start() {
    let error = crate::start_error(App::new(urls()), &format!("{SETTINGS}\nCSRF_TRUSTED_ORIGINS = ['example.org']"));
    assert!(error.contains("CSRF_TRUSTED_ORIGINS: \"example.org\" is not an origin") && error.contains("https://"), "{error}");
}

#[test]
fn other_hosts_of_the_application_are_other_sites() {
    let client = client();
    let token = secure_token(&client);
    secure(&client, &token).header("origin", "https://other.example.com").send().assert_status(403);
}
