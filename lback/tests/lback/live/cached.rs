//! Live pages and the cache.

use lback::cache::{Cached, RouterCache};

use super::*;

fn cached_app() -> App {
    let for_an_hour = || Cached::for_time(Duration::from_secs(3600));
    let urls = urls()
        .get("/cached", |req: &mut Request| req.render("nonce.html", context! {}))
        .cached(for_an_hour())
        .get("/cached/tickets", |req: &mut Request| list(req, "shared.html"))
        .cached(for_an_hour())
        .get("/cached/part", |req: &mut Request| list(req, "part.html"));
    App::new(urls).realtime().cache().state(Counts::default())
}

/// A page that is the same for everyone.
fn list(req: &mut Request, template: &str) -> Result<Response> {
    let tickets: Vec<String> = tickets::table.order(tickets::id).select(tickets::title).load(req.db()?)?;
    req.render(template, context! { tickets })
}

const CACHED_TEMPLATES: [(&str, &str); 5] = [
    ("nonce.html", "<script nonce=\"{{ csp_nonce() }}\">window.x = 1</script>"),
    ("shared.html", "<body>{{ live(template=\"list.html\", on=\"tickets\") }}</body>"),
    ("list.html", "{% for ticket in tickets %}<p>{{ ticket }}</p>{% endfor %}"),
    ("part.html", "<body>{{ fragment(template=\"inner.html\", ttl=3600) }}</body>"),
    ("inner.html", "{{ live(template=\"list.html\", on=\"tickets\") }}"),
];

fn site(policy: &str) -> Site {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in TEMPLATES.into_iter().chain(CACHED_TEMPLATES) {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let settings = format!("SESSION_TIMEOUT_MINUTES = 30\n{policy}\nTEMPLATES_DIR = '{}'", folder.path().display());
    let client = Client::over_socket_with_settings(cached_app(), &settings);
    sql(&client, "CREATE TABLE tickets (id INTEGER PRIMARY KEY, title TEXT NOT NULL, is_private BOOLEAN NOT NULL)");
    Site { client, folder }
}

#[test]
fn a_render_for_events_is_not_cached() {
    let site = site("CONTENT_SECURITY_POLICY = \"script-src {nonce}\"");
    assert!(Viewer::connect(&site.client, "/cached", &[("live-x".to_owned(), String::new())], "").is_told_to_reload());
    site.client.get("/cached").send().assert_not_contains("nonce=\"\"");
}

#[test]
fn a_page_with_fragments_is_rendered_for_each_viewer() {
    let site = site("");
    for page in ["/cached/tickets", "/cached/part"] {
        for _ in 0..2 {
            site.client.get(page).send().assert_contains("live.js");
            let mut viewer = Viewer::open(&site.client, page);
            site.client.post("/tickets/New").send();
            assert!(viewer.change().contains("<p>New</p>"));
            site.client.get(page).send().assert_contains("<p>New</p>");
        }
    }
}
