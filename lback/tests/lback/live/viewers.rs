//! Every viewer sees what the page would show them, and nothing of it is kept.

use super::*;
use crate::number;
use crate::unit_of_work::on_each_database;

on_each_database!(
    every_viewer_sees_what_they_may,
    a_logout_ends_what_is_shown,
    a_render_for_events_keeps_nothing,
    a_render_for_events_ends_no_session,
    few_pages_are_rendered_at_the_same_time,
    viewers_see_who_else_is_there,
);

/// A page that does a lot: it writes to the database and the session, sets a cookie and broadcasts.
pub fn busy(req: &mut Request) -> Result<Response> {
    if !req.is_rerender() {
        req.session().update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1)?;
    } else {
        req.session().insert("visits", 1000)?;
        req.cookies().add(("theme", "dark"));
    }
    insert(req, "written", false)?;
    req.broadcast("busy", "again")?;
    show(req, "tickets.html")
}

/// A page that ends the session.
pub fn leaving(req: &mut Request) -> Result<Response> {
    let response = show(req, "tickets.html")?;
    req.session().delete();
    Ok(response)
}

fn every_viewer_sees_what_they_may(on: &str) {
    let site = Site::new(on, "");
    let (staff, guest) = (site.client.fork(), site.client.fork());
    staff.post("/login/staff").send();
    guest.post("/login/guest").send();
    let (mut of_staff, mut of_guest) = (Viewer::open(&staff, "/tickets"), Viewer::open(&guest, "/tickets"));
    site.client.post("/tickets/private payroll").send();
    assert_eq!(of_staff.change(), "<p>staff sees 1</p><ul><li id=\"t1\">payroll</li></ul>");
    site.client.post("/tickets/public").send();
    assert_eq!(of_guest.change(), "<p>guest sees 1</p><ul><li id=\"t2\">public</li></ul>");
    assert_eq!(of_staff.change(), "<p>staff sees 2</p><ul><li id=\"t1\">payroll</li><li id=\"t2\">public</li></ul>");
    assert_eq!(of_guest.events.len(), 1, "the private ticket has changed nothing for the guest");
}

fn a_logout_ends_what_is_shown(on: &str) {
    let site = Site::new(on, "");
    let staff = site.client.fork();
    staff.post("/login/staff").send();
    let (mut viewer, mut member) = (Viewer::open(&staff, "/tickets"), Viewer::open(&staff, "/members"));
    staff.post("/logout").send();
    site.client.post("/tickets/private payroll").send();
    assert_eq!(viewer.change(), "<p>nobody sees 0</p><ul></ul>");
    assert!(member.is_told_to_reload(), "the page would redirect");
    assert_eq!(member.event(), None);
}

fn a_render_for_events_keeps_nothing(on: &str) {
    let site = Site::new(on, "");
    let client = &site.client;
    client.get("/busy").send().assert_status(200);
    let before = client.session().unwrap();
    client.clock().advance(Duration::from_secs(20 * 60));
    let have = fragments(client.get("/plain").send().text());
    assert!(have.is_empty());
    let have = [("live-queue-tickets".to_owned(), "x".to_owned())];
    let mut viewer = Viewer::connect(client, "/busy", &have, "");
    viewer.change();
    client.fork().post("/broadcast/tickets").send();
    client.fork().post("/tickets/more").send();
    viewer.change_to("more");
    assert_eq!(number(client, "SELECT count(*) FROM tickets"), 2);
    let after = client.session().unwrap();
    assert_eq!(after.expires_at, before.expires_at, "it does not keep the session alive");
    assert_eq!(after.data.get("visits").map(ToString::to_string), Some("1".to_owned()));
}

fn a_render_for_events_ends_no_session(on: &str) {
    let site = Site::new(on, "");
    site.client.post("/login/alice").send();
    let have = [("live-queue-tickets".to_owned(), "x".to_owned())];
    let mut viewer = Viewer::connect(&site.client, "/leaving", &have, "");
    assert!(viewer.change().contains("alice sees 0"));
    site.client.fork().post("/tickets/Printer").send();
    assert!(viewer.change().contains("alice sees 1"));
    assert!(site.client.session().is_some());
    site.client.get("/leaving").send();
    assert!(site.client.session().is_none(), "the page itself does");
}

fn viewers_see_who_else_is_there(on: &str) {
    let site = Site::new(on, "");
    let (alice, bob) = (site.client.fork(), site.client.fork());
    alice.post("/login/alice").send();
    bob.post("/login/bob").send();
    let mut of_alice = Viewer::open(&alice, "/room");
    assert_eq!(of_alice.change_to("alice"), "<b>alice</b>");
    let of_bob = Viewer::open(&bob, "/room");
    assert_eq!(of_alice.change_to("bob"), "<b>alice</b><b>bob</b>");
    drop(of_bob);
    assert_eq!(of_alice.change(), "<b>alice</b>");
}

fn few_pages_are_rendered_at_the_same_time(on: &str) {
    let site = Site::new(on, "LIVE_RENDERS = 2");
    let mut viewers: Vec<Viewer> = (0..20).map(|_| Viewer::open(&site.client, "/tickets")).collect();
    site.counts().most.store(0, Ordering::SeqCst);
    site.client.post("/tickets/Printer").send();
    for viewer in &mut viewers {
        viewer.change();
    }
    let most = site.counts().most.load(Ordering::SeqCst);
    assert!((1..=2).contains(&most), "{most}");
}
