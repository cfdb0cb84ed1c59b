//! Content Security Policy: sent with every response, with nonces that work.

use std::fs;

use lback_core::middleware::{AllowedHosts, BodyReader, Errors, LiveReload, SecurityHeaders, StaticFiles};
use lback_core::testing::{Client, TestResponse};
use lback_core::{Assembly, Error, Next, Request, Response, Result, Router, Settings, StatusCode, WithHeader, context};
use tempfile::TempDir;

use crate::SECRET;

const STRICT: &str = "CONTENT_SECURITY_POLICY = \"default-src 'none'; script-src {nonce}; style-src {nonce}\"\n";

const PAGE: &str = "<body><script nonce=\"{{ csp_nonce() }}\">1</script><style nonce=\"{{ csp_nonce() }}\"></style></body>";

fn urls() -> Router {
    Router::new()
        .get("/", |_: &mut Request| "hello")
        .get("/page", |req: &mut Request| req.render("page.html", context! {}))
        .get("/fails", |_: &mut Request| Err::<(), _>(Error::internal("broken")))
        .get("/panics", |req: &mut Request| assert!(req.path().is_empty(), "on purpose"))
        .get("/gone", |_: &mut Request| Err::<(), _>(Error::not_found("gone")))
        .get("/away", |_: &mut Request| Err::<(), _>(Error::redirect("/")))
        .get("/kept", |_: &mut Request| StatusCode::NOT_MODIFIED)
        .get("/own", |req: &mut Request| {
            let nonce = req.csp_nonce()?;
            Response::html("<body></body>").with_header("content-security-policy", format!("script-src 'nonce-{nonce}'"))
        })
        .post("/form", |_: &mut Request| "posted")
}

struct Site {
    client: Client,
    _folder: TempDir,
}

impl std::ops::Deref for Site {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// Builds an application with these templates and the framework's usual middleware order.
fn site(toml: &str, templates: &[(&str, &str)], change: impl FnOnce(&mut Assembly)) -> Site {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("templates")).unwrap();
    fs::create_dir(folder.path().join("static")).unwrap();
    fs::write(folder.path().join("static/icon.svg"), "<svg></svg>").unwrap();
    for (name, text) in templates {
        fs::write(folder.path().join("templates").join(name), text).unwrap();
    }
    let settings = format!("SECRET_KEY = '{SECRET}'\nMAX_BODY_BYTES = 10\nALLOWED_HOSTS = ['127.0.0.1']\n{toml}");
    let mut assembly = Assembly::new(urls(), Settings::from_toml(folder.path(), &settings).unwrap());
    assembly.stack_mut().push(SecurityHeaders).push(Errors).push(AllowedHosts).push(StaticFiles::new()).push(BodyReader);
    change(&mut assembly);
    Site { client: Client::new(assembly.build().unwrap()), _folder: folder }
}

#[track_caller]
fn policy(response: &TestResponse) -> &str {
    let policies = response.headers_all("content-security-policy");
    assert_eq!(policies.len(), 1, "{response:?}");
    policies[0]
}

/// Returns the nonces in the page and asserts that the policy names each of them.
#[track_caller]
fn nonces(page: &TestResponse) -> Vec<&str> {
    let nonces: Vec<&str> = page.text().split("nonce=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(nonces.iter().all(|nonce| nonce.len() >= 22 && policy(page).contains(&format!("'nonce-{nonce}'"))), "{page:?}");
    nonces
}

#[test]
fn every_response_carries_the_policy() {
    let site = site("CONTENT_SECURITY_POLICY = \"default-src 'self'; style-src 'self' 'unsafe-hashes'\"", &[("page.html", PAGE)], |_| {});
    let refused_host = site.get("/").header("host", "evil.example").send();
    let too_large = site.post("/form").body("more than ten bytes").send();
    let mut responses: Vec<TestResponse> =
        ["/", "/page", "/fails", "/panics", "/gone", "/nowhere", "/away", "/static/icon.svg", "/static/none"]
            .map(|path| site.get(path).send())
            .into();
    responses.extend([site.head("/").send(), site.delete("/").send(), refused_host, too_large]);
    let mut statuses: Vec<u16> = responses.iter().map(|response| response.status().as_u16()).collect();
    for response in &responses {
        assert!(policy(response).starts_with("default-src 'self'; style-src 'self' 'unsafe-hashes'"), "{response:?}");
    }
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [200, 303, 400, 404, 405, 413, 500]);
}

#[test]
fn each_page_has_one_nonce_of_its_own() {
    let site = site(STRICT, &[("page.html", PAGE), ("404.html", PAGE), ("500.html", PAGE)], |_| {});
    let mut seen = Vec::new();
    for path in ["/page", "/page", "/nowhere", "/gone", "/fails", "/static/none"] {
        let page = site.get(path).send();
        let nonces = nonces(&page);
        assert!(nonces.len() == 2 && nonces[0] == nonces[1], "{page:?}");
        assert_eq!(policy(&page), format!("default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'", nonces[0]));
        seen.push(nonces[0].to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 6);
    // The policy of a page without a nonce allows none.
    assert_eq!(policy(&site.get("/").send()), "default-src 'none'; script-src ; style-src ");
}

#[test]
fn the_frameworks_own_pages_are_styled_under_any_policy() {
    for debug in ["", "DEBUG = true\n"] {
        for csp in
            ["default-src 'none'", "default-src 'self'; style-src 'self'", "style-src-elem 'none'", "default-src 'none'; style-src {nonce}"]
        {
            let site = site(&format!("{debug}CONTENT_SECURITY_POLICY = \"{csp}\""), &[], |_| {});
            for path in ["/nowhere", "/fails", "/static/none"] {
                let page = site.get(path).send();
                assert_eq!(nonces(&page).len(), 1, "{page:?}");
                assert!(!policy(&page).contains("'none' 'nonce"), "{page:?}");
            }
            assert!(!policy(&site.get("/").send()).contains("nonce"), "the policy of other pages stays as strict");
        }
    }
}

#[test]
fn a_policy_can_be_report_only() {
    let toml = "CONTENT_SECURITY_POLICY_REPORT_ONLY = \"script-src {nonce}; report-uri /csp\"\n";
    let site = site(toml, &[("page.html", PAGE)], |_| {});
    let page = site.get("/page").send();
    let nonce = page.text().split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(page.header("content-security-policy-report-only"), Some(format!("script-src 'nonce-{nonce}'; report-uri /csp").as_str()));
    assert_eq!(page.header("content-security-policy"), None);
    // Both policies at the same time, to try out a stricter one.
    let both = crate::csp::site(&format!("{toml}{STRICT}"), &[("page.html", PAGE)], |_| {});
    let page = both.get("/page").send();
    assert!(page.header("content-security-policy-report-only").unwrap().contains("report-uri") && policy(&page).contains("'none'"));
}

#[test]
fn a_views_policy_takes_precedence_and_a_304_has_none() {
    let site = site(STRICT, &[], |_| {});
    let own = site.get("/own").send();
    assert!(policy(&own).starts_with("script-src 'nonce-") && !policy(&own).contains("default-src"), "{own:?}");
    // The page in the browser's cache keeps the policy that has its nonce.
    assert_eq!(site.get("/kept").send().assert_status(304).header("content-security-policy"), None);
}

#[test]
fn without_the_setting_there_is_no_policy() {
    let site = site("", &[("page.html", PAGE)], |_| {});
    for path in ["/", "/page", "/nowhere", "/fails"] {
        assert_eq!(site.get(path).send().header("content-security-policy"), None);
    }
    // Templates can still write the nonce.
    site.get("/page").send().assert_contains("<script nonce=\"\">");
}

#[test]
fn an_invalid_policy_fails_the_startup() {
    let settings = Settings::from_toml(".", &format!("SECRET_KEY = '{SECRET}'\nCONTENT_SECURITY_POLICY = \"defualt-src 'self'\"")).unwrap();
    let error = Assembly::new(Router::new(), settings).build().err().unwrap().to_string();
    assert!(error.contains("CONTENT_SECURITY_POLICY") && error.contains("did you mean default-src?"), "{error}");
}

#[test]
fn the_live_reload_script_runs_under_any_policy() {
    let page = |csp: &str| {
        let toml = format!("DEBUG = true\nCONTENT_SECURITY_POLICY = \"{csp}\"");
        let site = site(&toml, &[("page.html", PAGE)], |assembly| {
            assembly.stack_mut().insert_before("SecurityHeaders", LiveReload::new()).unwrap();
        });
        let page = site.get("/page").send();
        nonces_of_script(&page, policy(&page)).to_owned()
    };
    fn nonces_of_script<'a>(page: &TestResponse, policy: &'a str) -> &'a str {
        let tag = page.text().split("<script src=\"/__lback/reload.js\"").nth(1).unwrap().split('>').next().unwrap();
        assert!(tag.contains(" nonce=\""), "{tag}");
        policy
    }
    let strict = page("default-src 'none'; script-src {nonce}");
    assert!(strict.contains("script-src 'nonce-") && strict.contains("connect-src 'self'"), "{strict}");
    let plain = page("default-src 'none'");
    assert!(plain.contains("; script-src 'nonce-") && plain.contains("connect-src 'self'"), "{plain}");
    let inline = page("default-src 'self'; script-src 'unsafe-inline'");
    assert!(inline.contains("script-src 'unsafe-inline' 'self'") && !inline.contains("connect-src 'self' 'self'"), "{inline}");
    let dynamic = page("script-src 'strict-dynamic' {nonce}; connect-src https://api.example");
    assert!(dynamic.contains("'strict-dynamic' 'nonce-") && dynamic.contains("connect-src https://api.example 'self'"), "{dynamic}");
}

#[test]
fn with_header_on_a_result_applies_to_errors_too() {
    async fn powered_by(req: &mut Request, next: Next<'_>) -> Result<Response> {
        next.run(req).await.with_header("x-powered-by", "Lback")
    }
    async fn broken(req: &mut Request, next: Next<'_>) -> Result<Response> {
        next.run(req).await.with_header("x-powered-by", "line\nbreak")
    }
    let good = site("", &[], |assembly| {
        assembly.stack_mut().insert_after("Errors", powered_by).unwrap();
    });
    for path in ["/", "/nowhere", "/fails", "/panics", "/away", "/static/none"] {
        let response = good.get(path).send();
        assert_eq!(response.headers_all("x-powered-by"), ["Lback"], "{response:?}");
    }
    let bad = site("", &[], |assembly| {
        assembly.stack_mut().insert_after("Errors", broken).unwrap();
    });
    bad.get("/").send().assert_status(500);
}
