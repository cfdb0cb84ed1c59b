//! Rule 21: flash messages.

use std::sync::Barrier;
use std::thread;

use lback::prelude::*;

use super::interruption::while_in_flight;
use super::{Store, held, holding, suite, urls};

suite!(
    rule_21_messages_are_shown_in_order_and_once,
    rule_21_a_message_outlives_a_redirect,
    rule_21_a_message_outlives_a_rotation,
    rule_21_an_error_page_leaves_messages_to_the_next_page,
    rule_21_a_head_shows_the_messages_and_leaves_them,
    rule_21_a_page_that_is_fetched_ahead_leaves_the_messages,
    rule_21_a_page_that_nobody_sees_leaves_the_messages;
    server:
    rule_21_messages_left_at_once_all_survive,
    rule_21_taking_messages_leaves_those_that_come_meanwhile,
    rule_21_taking_and_leaving_in_one_request,
);

fn rule_21_messages_are_shown_in_order_and_once(store: &Store) {
    let client = store.client(urls());
    for message in ["one", "two", "two", "three"] {
        client.post(&format!("/flash/{message}")).send();
    }
    assert_eq!(client.get("/flashes").send().text(), "info:one,info:two,info:two,info:three");
    assert_eq!(client.get("/flashes").send().text(), "");
    assert!(client.session().unwrap().data.is_empty());
}

fn rule_21_a_message_outlives_a_redirect(store: &Store) {
    let client = store.client(
        urls()
            .post("/saved", |req: &mut Request| {
                req.session().flash("success", "saved");
                Response::redirect("/flashes")
            })
            .post("/refused", |req: &mut Request| -> Result<()> {
                req.session().flash("error", "refused");
                Err(Error::redirect("/flashes"))
            }),
    );
    assert_eq!(client.post("/saved").follow().send().text(), "success:saved");
    assert_eq!(client.post("/refused").follow().send().text(), "error:refused");
}

fn rule_21_a_message_outlives_a_rotation(store: &Store) {
    let client = store.client(urls());
    client.post("/flash/before").send();
    client.post("/login/7").send();
    client.post("/flash/between").send();
    client.post("/login/8").send();
    assert_eq!(client.get("/flashes").send().text(), "info:before,info:between");
}

fn rule_21_an_error_page_leaves_messages_to_the_next_page(store: &Store) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("404.html"), "lost{% for flash in flashes %} {{ flash.message }}{% endfor %}").unwrap();
    let client = store.client_with(urls(), &format!("TEMPLATES_DIR = '{}'", folder.path().display()));
    client.post("/flash/one").send();
    for _ in 0..2 {
        assert_eq!(client.get("/nowhere").send().assert_status(404).text(), "lost");
    }
    assert_eq!(client.get("/flashes").send().text(), "info:one");
    assert_eq!(client.get("/flashes").send().text(), "");
}

fn rule_21_messages_left_at_once_all_survive(store: &Store) {
    const THREADS: usize = 12;
    let client = store.client(urls());
    client.post("/flash/first").send();
    let (cookie, start) = (held(&client), Barrier::new(THREADS));
    thread::scope(|scope| {
        for n in 0..THREADS {
            let (browser, start) = (holding(&client, &cookie), &start);
            scope.spawn(move || {
                start.wait();
                browser.post(&format!("/flash/{n}a")).send().assert_status(204);
                browser.post(&format!("/flash/{n}b")).send().assert_status(204);
            });
        }
    });
    let shown = client.get("/flashes").send().text().to_owned();
    let shown: Vec<&str> = shown.split(',').collect();
    assert_eq!(shown.len(), 1 + 2 * THREADS);
    assert_eq!(shown[0], "info:first");
    for n in 0..THREADS {
        let at = |message: String| shown.iter().position(|flash| **flash == message).expect("the message");
        assert!(at(format!("info:{n}a")) < at(format!("info:{n}b")));
    }
}

fn rule_21_taking_messages_leaves_those_that_come_meanwhile(store: &Store) {
    let take = |req: &mut Request| {
        assert_eq!(req.session().take_flashes().len(), 2);
        Ok(())
    };
    let prepare = |client: &lback::testing::Client| {
        client.post("/flash/seen").send();
        client.post("/flash/again").send();
    };
    let (client, _) = while_in_flight(store, take, prepare, |client| {
        // The same text as one that is being shown: it is another message.
        client.post("/flash/again").send();
        client.post("/flash/new").send();
    });
    assert_eq!(client.get("/flashes").send().text(), "info:again,info:new");
}

fn rule_21_taking_and_leaving_in_one_request(store: &Store) {
    let work = |req: &mut Request| {
        let session = req.session();
        session.flash("info", "mine");
        assert_eq!(session.take_flashes().len(), 2);
        session.flash("info", "next");
        Ok(())
    };
    let prepare = |client: &lback::testing::Client| drop(client.post("/flash/seen").send());
    let (client, _) = while_in_flight(store, work, prepare, |client| drop(client.post("/flash/other").send()));
    assert_eq!(client.get("/flashes").send().text(), "info:other,info:next");
}

/// The messages that are left, in order. They are taken by that.
fn left(client: &lback::testing::Client) -> String {
    client.get("/flashes").send().text().to_owned()
}

fn rule_21_a_head_shows_the_messages_and_leaves_them(store: &Store) {
    let client = store.client(urls());
    client.post("/flash/one").send();
    let head = client.head("/flashes").send();
    assert_eq!((head.text(), head.header("content-length")), ("", Some("8")), "as long as the page");
    let page = client.get("/flashes").send();
    assert_eq!((page.text(), page.header("content-length").is_none_or(|length| length == "8")), ("info:one", true));
    assert_eq!(client.head("/flashes").send().header("content-length").unwrap_or("0"), "0");
}

fn rule_21_a_page_that_is_fetched_ahead_leaves_the_messages(store: &Store) {
    let client = store.client(urls());
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("Sec-Purpose", "Prefetch; Prerender"),
        ("sec-purpose", "prefetch;anonymous-client-ip"),
        ("purpose", "prefetch"),
        ("purpose", "prefetch;prerender"),
        ("x-purpose", "preview"),
        ("x-moz", "prefetch"),
    ] {
        client.post("/flash/one").send();
        let ahead = client.get("/flashes").header(name, value).send();
        assert_eq!((ahead.assert_status(200).text(), left(&client).as_str()), ("", "info:one"), "{name}: {value}");
    }
    // What is no purpose, or another one, is a page that somebody wants to see.
    for (name, value) in [("sec-purpose", "prefetched"), ("purpose", ""), ("x-own", "prefetch"), ("sec-purpose", "x=prefetch")] {
        client.post("/flash/one").send();
        assert_eq!(client.get("/flashes").header(name, value).send().text(), "info:one", "{name}: {value}");
        assert_eq!(left(&client), "");
    }
}

fn rule_21_a_page_that_nobody_sees_leaves_the_messages(store: &Store) {
    fn page(req: &mut Request) -> Result<Response> {
        let shown = super::flashes(req);
        assert_eq!(shown, "info:one,info:two");
        match req.param::<u16>("status")? {
            303 => Ok(Response::redirect("/")),
            1404 => Err(Error::not_found("gone")),
            1303 => Err(Error::redirect("/")),
            1500 => Err(Error::internal("broken")),
            status => Ok(Response::text(shown).with_status(StatusCode::from_u16(status)?)),
        }
    }
    let added = |req: &mut Request| {
        let shown = super::flashes(req);
        req.session().flash("info", "three");
        req.session().insert("a", shown)?;
        Err::<(), _>(Error::redirect("/"))
    };
    let client = store.client(urls().get("/page/{status}", page).get("/added", added));
    let leave = || ["one", "two"].map(|message| client.post(&format!("/flash/{message}")).send());
    for status in [304, 303, 502, 1404, 1303, 1500] {
        leave();
        client.get(&format!("/page/{status}")).send();
        assert_eq!(left(&client), "info:one,info:two", "{status}");
    }
    for status in [200, 404, 422] {
        leave();
        client.get(&format!("/page/{status}")).send();
        assert_eq!(left(&client), "", "{status}");
    }
    // What else the request did stays.
    leave();
    client.get("/added").send();
    assert_eq!(client.session().unwrap().data["a"], "info:one,info:two");
    assert_eq!(left(&client), "info:one,info:two,info:three");
}
