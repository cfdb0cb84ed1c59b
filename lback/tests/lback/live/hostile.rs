//! Requests for events that no page of this site sends.

use super::*;

fn have() -> [(String, String); 1] {
    [("live-queue-tickets".to_owned(), "0".to_owned())]
}

#[test]
fn only_pages_of_this_site_can_be_rendered() {
    let site = Site::new("", "");
    for (page, status) in [
        ("", 400),
        ("tickets", 400),
        ("http://127.0.0.1/tickets", 400),
        ("https://example.com/tickets", 400),
        ("//example.com/tickets", 400),
        ("/\\example.com", 400),
        ("/tickets#top", 400),
        ("/tickets\r\nX-Evil: 1", 400),
        ("/tickets with spaces", 400),
        (&format!("/tickets?{}", "x".repeat(5000)), 400),
        ("/missing", 404),
        // Posted only.
        ("/add", 404),
        ("/login/staff", 404),
        ("/static/site.css", 404),
    ] {
        let viewer = Viewer::connect(&site.client, page, &have(), "");
        assert_eq!(viewer.status, status, "{page}");
    }
    let nothing = site.client.get("/__lback/live").send();
    nothing.assert_status(400);
}

#[test]
fn a_page_without_the_fragments_is_loaded_again() {
    let site = Site::new("", "");
    let streams = format!("{}&x=", stream_path("/tickets", &have()));
    for page in ["/plain", "/members", "/__lback/live.js", "/two", "/__lback/live", &streams] {
        let mut viewer = Viewer::connect(&site.client, page, &have(), "");
        assert_eq!(viewer.status, 200, "{page}");
        assert!(viewer.is_told_to_reload(), "{page}");
        assert_eq!(viewer.event(), None);
    }
    let too_many: Vec<(String, String)> = (0..1000).map(|n| (format!("live-{n}"), String::new())).collect();
    assert!(Viewer::connect(&site.client, "/tickets", &too_many, "").is_told_to_reload());
}

#[test]
fn other_sites_cannot_listen() {
    let site = Site::new("", "");
    for other in ["cross-site", "same-site"] {
        assert_eq!(Viewer::connect(&site.client, "/tickets", &have(), &format!("Sec-Fetch-Site: {other}\r\n")).status, 403);
    }
    assert_eq!(Viewer::connect(&site.client, "/tickets", &have(), "Sec-Fetch-Site: same-origin\r\n").status, 200);
}

#[test]
fn the_number_of_streams_is_limited() {
    let site = Site::new("", "CHANNEL_MAX_STREAMS_PER_ADDRESS = 2");
    let open = [Viewer::open(&site.client, "/tickets"), Viewer::open(&site.client, "/tickets")];
    assert_eq!(Viewer::open(&site.client, "/tickets").status, 429);
    drop(open);
    eventually("a stream can be opened again", || Viewer::open(&site.client, "/tickets").status == 200);
}
