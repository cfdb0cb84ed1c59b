//! What pages with tokens, and refusals, look like.

use super::*;

#[test]
fn the_cookie_is_the_sites_alone() {
    let client = client();
    let page = client.get("/form").send();
    let cookie = page.headers_all("set-cookie").concat();
    for part in ["csrf=", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=31536000"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    let page = client.get("/form").header("host", "example.com").header("x-forwarded-proto", "https").send();
    let cookie = page.headers_all("set-cookie").concat();
    assert!(cookie.starts_with("__Host-csrf=") && cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
}

#[test]
fn it_is_set_once_and_only_by_a_page_that_asks() {
    let client = client();
    let page = client.get("/plain").send();
    assert!(page.header("set-cookie").is_none() && page.header("vary").is_none() && page.header("cache-control").is_none());
    assert!(client.get("/form").send().header("set-cookie").is_some());
    let page = client.get("/form").send();
    assert!(page.header("set-cookie").is_none());
    assert_eq!((page.header("vary"), page.header("cache-control")), (Some("Cookie"), Some("private, no-cache")));
}

#[test]
fn a_page_with_a_token_stays_out_of_shared_caches() {
    let page = |control: &'static str| {
        let view =
            move |req: &mut Request| Response::text(req.csrf_token()?).with_header("cache-control", control)?.with_header("vary", "accept");
        let client = Client::with_settings(App::new(Router::new().get("/", view)), SETTINGS);
        let page = client.get("/").send();
        (page.header("cache-control").unwrap().to_owned(), page.headers_all("vary").join(", "))
    };
    assert_eq!(page("public, max-age=60"), ("private, max-age=60".to_owned(), "accept, Cookie".to_owned()));
    assert_eq!(page("max-age=60").0, "private, max-age=60");
    assert_eq!(page("no-store").0, "no-store");
    assert_eq!(page("Private").0, "Private");
}

#[test]
fn the_field_is_html_and_the_token_is_text() {
    let client = app_with(SETTINGS, &[("form.html", "{{ csrf_input() }}|{% if false %}{{ csrf_token() }}{% endif %}")]);
    let page = client.get("/form").send();
    assert!(page.text().starts_with("<input type=\"hidden\" name=\"csrf_token\" value=\"") && page.text().ends_with("\">|"), "{page:?}");
    let client = app_with(SETTINGS, &[("form.html", "{% if false %}{{ csrf_token() }}{% endif %}")]);
    assert!(client.get("/form").send().header("set-cookie").is_none(), "what is not shown costs nothing");
}

#[test]
fn tokens_reach_includes_parents_blocks_and_components() {
    let base = "{% block content %}{% endblock %}{% include \"part.html\" %}{{ <Delete /> }}";
    let part = "{% component Delete() %}{{ csrf_input() }}{% endcomponent Delete %}";
    let child = "{% extends \"base.html\" %}{% block content %}{{ csrf_input() }}{% endblock %}";
    let files = [("base.html", base), ("part.html", "{{ csrf_input() }}"), ("parts.html", part), ("form.html", child)];
    let client = app_with(SETTINGS, &files);
    let page = client.get("/form").send();
    let tokens: Vec<&str> = page.text().split("value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(tokens.len(), 3);
    assert!(tokens.iter().all(|token| accepts(&client, token)));
}

#[test]
fn the_form_on_an_error_page_works() {
    let client = app_with(SETTINGS, &[("404.html", FORM), ("403.html", FORM)]);
    for page in [client.get("/nowhere").send(), client.post("/do").send()] {
        assert!(accepts(&client, &token_in(&page)));
        assert!(page.headers_all("vary").contains(&"Cookie"));
    }
}

#[test]
fn a_visitor_is_told_what_to_do() {
    let client = client();
    let page = client.post("/do").send();
    page.assert_contains("reload the page").assert_contains("nothing was done");
    for inside in ["csrf", "CSRF", "token", "Origin"] {
        assert!(!page.text().contains(inside), "{page:?}");
    }
    let token = token(&client);
    client.clear_cookies();
    with_token(&client, "/do", &token).send().assert_contains("Allow cookies");
    let json = client.post("/do").header("accept", "application/json").send();
    assert!(json.text().contains("reload the page") && !json.text().contains("csrf_input"), "{json:?}");
}

#[test]
fn a_developer_is_told_which_check_failed_and_the_line_to_write() {
    let client = app_with(&format!("DEBUG = true\n{SETTINGS}"), &[]);
    let token = token(&client);
    let shown =
        |response: TestResponse| response.assert_status(403).text().replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    let page = shown(client.post("/do").send());
    assert!(page.contains("the request has no token") && page.contains("{{ csrf_input() }} inside the <form method=\"post\">"), "{page}");
    assert!(page.contains("X-CSRF-Token") && page.contains(".csrf_exempt()"), "{page}");
    assert!(shown(client.post("/stream").send()).contains("only the header counts"));
    let page = shown(with_token(&client, "/do", &token).header("origin", "http://evil.example").send());
    assert!(page.contains("Origin is not this site: http://evil.example") && page.contains("CSRF_TRUSTED_ORIGINS = ["), "{page}");
    assert!(shown(with_token(&client, "/do", "x").send()).contains("token is malformed"));
    let page = shown(with_token(&client.fork(), "/do", &token).send());
    assert!(page.contains("no cookie that belongs to it") && page.contains("TRUSTED_PROXIES"), "{page}");
    // Neither the token nor the cookie that came is shown.
    let page = shown(with_token(&client, "/login/1", &token).header("x-csrf-token", token.replace(&token[..2], "AA")).send());
    assert!(!page.contains(&token[4..]) && !page.contains(&client.cookie("csrf").unwrap()), "{page}");
}

#[test]
fn a_refusal_runs_neither_view_nor_transaction() {
    let client = client();
    client.post("/login/1").send().assert_status(403);
    assert!(client.session().is_none());
}
