//! A sibling, `evil.example.com`, plants its own cookie into the browser of a visitor of `example.com`.

use super::*;

/// The token and the cookie that an attacker got for itself.
fn of_attacker(client: &Client, proto: &str) -> (String, String) {
    let attacker = client.fork();
    let page = attacker.get("/form").header("host", "example.com").header("x-forwarded-proto", proto).send();
    let cookie = page.cookies().into_iter().find(|cookie| cookie.name().ends_with("csrf")).unwrap();
    (token_in(&page), cookie.value().to_owned())
}

#[test]
fn it_gets_nobody_into_the_session_of_a_user() {
    let client = client();
    log_in(&client, 1);
    let (token, cookie) = of_attacker(&client, "http");
    // The attacker's comes first, as browsers send longer paths first.
    with_token(&client, "/do", &token).cookie("csrf", &cookie).send().assert_status(403);
    client.set_cookie("csrf", &cookie);
    with_token(&client, "/do", &token).send().assert_status(403);
    // Nor does the attacker's session beside it.
    let attacker = client.fork();
    log_in(&attacker, 2);
    let token = super::token(&attacker);
    with_token(&client, "/do", &token).cookie("csrf", &attacker.cookie("csrf").unwrap()).send().assert_status(403);
}

#[test]
fn it_does_not_keep_the_visitor_from_sending_forms() {
    let client = client();
    let token = super::token(&client);
    let (_, cookie) = of_attacker(&client, "http");
    with_token(&client, "/do", &token).cookie("csrf", &cookie).send().assert_status(200);
    with_token(&client, "/do", &token).cookie("csrf", "nonsense").send().assert_status(200);
}

#[test]
fn a_stranger_is_protected_by_what_the_browser_says() {
    let client = client();
    let (token, cookie) = of_attacker(&client, "http");
    let planted = || with_token(&client, "/do", &token).header("host", "example.com").cookie("csrf", &cookie);
    planted().header("origin", "http://evil.example.com").send().assert_status(403);
    planted().header("sec-fetch-site", "same-site").send().assert_status(403);
}

#[test]
fn over_https_only_the_cookie_counts_that_no_sibling_can_plant() {
    let client = client();
    let (token, cookie) = of_attacker(&client, "https");
    let send = |name: &str| {
        let request = with_token(&client, "/do", &token).header("host", "example.com").header("x-forwarded-proto", "https");
        request.header("origin", "https://example.com").cookie(name, &cookie).send().status().as_u16()
    };
    assert_eq!(send("csrf"), 403);
    assert_eq!(send("__%48ost-csrf"), 403);
    assert_eq!(send("__Host-csrf"), 200, "which only the site itself can set");
}

#[test]
fn forged_cookies_do_not_hide_the_sites_own() {
    let client = client();
    let token = super::token(&client);
    let cookie = client.cookie("csrf").unwrap();
    let others: String = (0..180).map(|n| format!("other{n}=x; ")).collect();
    let planted = format!("{others}{}csrf={cookie}", "csrf=planted; ".repeat(200));
    with_token(&client.fork(), "/do", &token).header("cookie", planted).send().assert_status(200);
}

/// The session cookie of a session that has ended.
fn dead_session(client: &Client) -> String {
    let browser = client.fork();
    browser.get("/visits").send();
    let cookie = browser.cookie("session_id").unwrap();
    client.sessions().delete(browser.session().unwrap().id).unwrap();
    cookie
}

#[test]
fn a_token_fits_the_session_that_counts() {
    let client = client();
    log_in(&client, 1);
    let (session, csrf) = (client.cookie("session_id").unwrap(), client.cookie("csrf").unwrap());
    let header = format!("csrf={csrf}; session_id={}; session_id={session}", dead_session(&client));
    let browser = client.fork();
    // Pages that load the session, and those that do not.
    let page = browser.get("/form").header("cookie", &header).send();
    with_token(&browser, "/do", &token_in(&page)).header("cookie", &header).send().assert_status(200);
    let page = browser.get("/visits-and-token").header("cookie", &header).send();
    with_token(&browser, "/do", page.text()).header("cookie", &header).send().assert_status(200);
    with_token(&browser, "/do", &super::token(&client)).header("cookie", &header).send().assert_status(200);
}

#[test]
fn a_session_planted_behind_that_of_a_user_does_not_count() {
    let client = client();
    log_in(&client, 1);
    let attacker = client.fork();
    log_in(&attacker, 2);
    let token = super::token(&attacker);
    let planted = format!("csrf={}; session_id={}", attacker.cookie("csrf").unwrap(), attacker.cookie("session_id").unwrap());
    let victim = format!("session_id={}; csrf={}", client.cookie("session_id").unwrap(), client.cookie("csrf").unwrap());
    with_token(&client.fork(), "/do", &token).header("cookie", format!("{victim}; {planted}")).send().assert_status(403);
    let dead = dead_session(&client);
    let header = format!("session_id={dead}; {victim}; {planted}");
    with_token(&client.fork(), "/do", &token).header("cookie", header).send().assert_status(403);
}
