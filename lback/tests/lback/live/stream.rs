//! The page, and the events that keep it up to date.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_message_sends_the_difference,
    nothing_is_sent_if_nothing_has_changed,
    many_messages_are_answered_together,
    a_browser_that_connects_again_gets_what_it_has_missed,
    messages_of_another_process_are_heard,
    a_page_that_fails_is_sent_when_it_works_again,
    large_fragments_arrive_in_pieces,
);

#[test]
fn a_page_contains_its_fragments_and_one_script() {
    let site = Site::new("", "");
    site.client.post("/tickets/Printer").send();
    let page = site.client.get("/tickets").send();
    page.assert_contains("<p>nobody sees 1</p><ul><li id=\"t1\">Printer</li></ul></div><script src=\"/__lback/live.js?");
    let nonce = page.text().split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    let policy = format!("default-src 'none'; script-src 'nonce-{nonce}'; connect-src 'self'");
    assert_eq!(page.header("content-security-policy"), Some(&*policy));
    assert_eq!(fragments(page.text())[0].0, "live-queue-tickets");

    let two = site.client.get("/two").send();
    two.assert_contains("<table><tbody id=\"live-rows-tickets-people\"")
        .assert_contains("<p>1: nobody</p>")
        .assert_contains("<p>2: nobody</p>");
    assert_eq!(two.text().matches("<script").count(), 1);
    let ids: Vec<String> = fragments(two.text()).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["live-rows-tickets-people", "live-one-1", "live-one-2"]);

    let same: Vec<String> = fragments(site.client.get("/same").send().text()).into_iter().map(|(id, _)| id).collect();
    assert_eq!(same, ["live-rows-tickets", "live-rows-tickets--2"]);
    // The inner one is rendered first.
    let mut nested = Viewer::open(&site.client, "/nested");
    site.client.post("/tickets/Scanner").send();
    assert!(nested.change_to("<b>2</b>").contains("<tr><td>Scanner</td></tr>"));

    // Nothing can be rendered again at this address.
    site.client.get("/missing").send().assert_status(404).assert_contains("data-live").assert_not_contains("<script");
    // Only a page with a form needs the script of forms.
    assert_eq!(site.client.get("/form").send().text().matches("<script").count(), 2);
}

#[test]
fn the_script_is_small_and_can_be_kept() {
    let site = Site::new("", "");
    let script = site.client.get("/__lback/live.js").send();
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(script.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert!(script.text().len() < 3000, "{}", script.text().len());
    let forms = site.client.get("/__lback/live_forms.js").send();
    assert!(forms.text().len() < 1400, "{}", forms.text().len());
}

#[test]
fn templates_that_cannot_be_live_fail_with_the_reason() {
    let start = |page: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("page.html"), page).unwrap();
        std::fs::write(folder.path().join("part.html"), "{{ x }}").unwrap();
        let settings = format!("DEBUG = true\nSESSION_TIMEOUT_MINUTES = 30\nTEMPLATES_DIR = '{}'", folder.path().display());
        let app = App::new(Router::new().get("/", |req: &mut Request| req.render("page.html", context! {}))).realtime();
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| Client::with_settings(app, &settings)))
            .map(|client| client.get("/").send().text().replace("&quot;", "\""))
            .unwrap_or_else(|panic| panic.downcast_ref::<String>().unwrap().clone())
    };
    for (page, why) in [
        ("{{ live(template='prat.html', on='a') }}", "there is no template \"prat.html\"; did you mean \"part.html\"?"),
        (
            "{{ live(template='part.html', onn='a') }}",
            "live passes the variable \"onn\", which the template \"part.html\" does not use; did you mean \"on\"?",
        ),
        ("{{ live(template='part.html', x=1) }}", "live needs the argument on"),
        ("{{ live(template='part.html', x=1, on='') }}", "the name of the channel \"\" is invalid"),
        ("{{ live(template='part.html', x=1, on=[]) }}", "live needs the name of at least one channel"),
        ("{{ live(template='part.html', x=1, on='a', tag='a b') }}", "the tag should be the name of an element"),
        ("{% for n in range(end=65) %}{{ live(template='part.html', x=n, on='a' ~ n) }}{% endfor %}", "at most 64 channels"),
        ("{% for n in range(end=101) %}{{ live(template='part.html', x=n, on='a') }}{% endfor %}", "at most 100 live fragments"),
    ] {
        let said = start(page);
        assert!(said.contains(why), "{page}: {said}");
    }
}

fn a_message_sends_the_difference(on: &str) {
    let site = Site::new(on, "");
    let mut viewer = Viewer::open(&site.client, "/tickets");
    assert_eq!(viewer.status, 200);
    site.client.post("/tickets/Prïnter").send().assert_status(204);
    assert_eq!(viewer.change_to("nter"), "<p>nobody sees 1</p><ul><li id=\"t1\">Prïnter</li></ul>");
    assert!(viewer.events[0]["start"].is_null(), "the browser has no text yet");
    site.client.post("/rename/Prïnters").send();
    assert_eq!(viewer.change_to("nters"), "<p>nobody sees 1</p><ul><li id=\"t1\">Prïnters</li></ul>");
    let event = viewer.events.last().unwrap();
    assert_eq!((&event["html"], &event["start"], &event["end"]), (&"s".into(), &43.into(), &10.into()));
}

fn nothing_is_sent_if_nothing_has_changed(on: &str) {
    let site = Site::new(on, "");
    let mut viewer = Viewer::open(&site.client, "/form");
    // The token of the form differs from that of the page, and then stays.
    viewer.change();
    for _ in 0..3 {
        let rendered = site.rendered();
        site.client.post("/broadcast/tickets").send();
        eventually("the page is rendered again", || site.rendered() > rendered);
    }
    site.client.post("/tickets/Printer").send();
    assert!(viewer.change().contains("Printer"));
    assert_eq!(viewer.events.len(), 2);
    // The token is valid.
    let token = viewer.html["live-with_form-tickets"].split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    site.client.enforce_csrf();
    site.client.post("/add").form(&[("title", "Phone"), ("csrf_token", &token)]).send().assert_redirect("/form");
    site.client.post("/add").form(&[("title", "Phone"), ("csrf_token", "x")]).send().assert_status(403);
}

fn many_messages_are_answered_together(on: &str) {
    let site = Site::new(on, "");
    let mut viewer = Viewer::open(&site.client, "/tickets");
    let before = site.rendered();
    site.client.post("/broadcast/tickets").send();
    site.client.post("/tickets/Last").send();
    viewer.change_to("Last");
    let renders = site.rendered() - before;
    assert!((1..=8).contains(&renders), "{renders} renders for 51 messages");
}

fn a_browser_that_connects_again_gets_what_it_has_missed(on: &str) {
    let site = Site::new(on, "");
    let page = site.client.get("/tickets").send();
    let have = fragments(page.text());
    site.client.post("/tickets/Missed").send();
    let mut viewer = Viewer::connect(&site.client, "/tickets", &have, "Last-Event-ID: 0\r\nIf-None-Match: *\r\n");
    assert!(viewer.change().contains("Missed"));
    let hash = viewer.events[0]["hash"].as_str().unwrap().to_owned();
    let mut again = Viewer::connect(&site.client, "/tickets", &[(have[0].0.clone(), hash)], "");
    site.client.post("/tickets/New").send();
    assert!(again.change().contains("New"), "what the browser has is not sent");
    assert_eq!(again.events.len(), 1);
    assert!(viewer.change_to("New").contains("Missed"));
}

fn messages_of_another_process_are_heard(on: &str) {
    let site = Site::new(on, "");
    let other = site.client.restart(app());
    let mut viewer = Viewer::open(&site.client, "/two");
    other.post("/tickets/Elsewhere").send().assert_status(204);
    assert!(viewer.change_to("Elsewhere").contains("<tr><td>Elsewhere</td></tr>"));
    drop(site.folder);
}

fn a_page_that_fails_is_sent_when_it_works_again(on: &str) {
    let site = Site::new(on, "");
    site.client.post("/tickets/fine").send();
    let page = site.client.get("/tickets").send();
    let have = fragments(page.text());
    let mut viewer = Viewer::connect(&site.client, "/tickets", &have, "");
    site.client.post("/rename/unspeakable").send();
    assert_eq!(viewer.event(), None, "the stream ends, so that the browser tries again later");
    assert_eq!(Viewer::connect(&site.client, "/tickets", &have, "").status, 503);
    site.client.post("/rename/better").send();
    assert!(Viewer::connect(&site.client, "/tickets", &have, "").change().contains("better"));
}

fn large_fragments_arrive_in_pieces(on: &str) {
    let site = Site::new(on, "");
    let mut viewer = Viewer::open(&site.client, "/tickets");
    sql(&site.client, &format!("INSERT INTO tickets (title, is_private) VALUES ('{}', FALSE)", "é\"😀<".repeat(20_000)));
    site.client.post("/broadcast/tickets").send();
    let html = viewer.change();
    assert!(html.len() > 200_000 && html.contains("é&quot;😀&lt;é"), "{}", html.len());
    assert!(viewer.events.len() > 10);
}
