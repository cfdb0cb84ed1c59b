//! Parts of pages that are cached.

use std::fs;
use std::time::Duration;

use lback::prelude::*;
use lback::testing::Client;

use super::{Meeting, computed, posts};
use crate::sql;

const PAGE: &str =
    r#"{{ fragment(template="sidebar.html", key=user, ttl=60) }}|{{ fragment(template="list.html", tables=["posts"]) }}|{{ name }}"#;

/// Returns the client of an application with these templates. The folder must outlive it.
fn client(templates: &[(&str, &str)]) -> (Client, Meeting, tempfile::TempDir) {
    let folder = tempfile::TempDir::with_prefix("lback-test-").unwrap();
    for (name, text) in templates {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let view = |req: &mut Request| -> Result<Response> {
        let (user, name): (i64, String) = (req.param("user")?, req.param("name")?);
        req.render("page.html", context! { user, name })
    };
    let meeting = Meeting::default();
    let app = App::new(Router::new().get("/{user:int}/{name}", view))
        .cache()
        .template_function("computed()", |req, _| computed(req))
        .state(meeting.clone());
    let settings = format!("{}\nTEMPLATES_DIR = '{}'", super::SETTINGS, folder.path().display());
    let client = Client::with_settings(app, &settings);
    sql(&client, "CREATE TABLE posts (id BIGINT, title TEXT NOT NULL)");
    (client, meeting, folder)
}

#[test]
fn a_part_is_rendered_once_for_its_key() {
    let (client, _, _folder) =
        client(&[("page.html", PAGE), ("sidebar.html", "<b>{{ name }}</b> {{ computed() }}"), ("list.html", "{{ computed() }}")]);
    let get = |path: &str| client.get(path).send().assert_status(200).text().to_owned();
    assert_eq!(get("/1/Ann"), "<b>Ann</b> 1|2|Ann");
    assert_eq!(get("/1/Eve"), "<b>Ann</b> 1|2|Eve");
    assert_eq!(get("/2/<Eve>".replace('<', "%3C").replace('>', "%3E").as_str()), "<b>&lt;Eve&gt;</b> 3|2|&lt;Eve&gt;");
    client.db(|db| diesel::insert_into(posts::table).values((posts::id.eq(1), posts::title.eq("x"))).execute(db));
    assert_eq!(get("/1/Ann"), "<b>Ann</b> 1|4|Ann");
    client.clock().advance(Duration::from_secs(60));
    assert_eq!(get("/1/Ann"), "<b>Ann</b> 5|4|Ann");
}

#[test]
fn a_part_with_a_token_is_not_shared() {
    let form = r"{{ csrf_input() }} {{ computed() }}";
    let (client, meeting, _folder) = client(&[
        // The page itself has a token, too.
        ("page.html", r#"{{ csrf_token() }} {{ fragment(template="form.html", ttl=60) }}"#),
        ("form.html", form),
    ]);
    client.get("/1/a").send().assert_status(200);
    client.fork().get("/1/a").send().assert_status(200);
    assert_eq!(meeting.count(), 2);
}

#[test]
fn a_part_needs_an_end() {
    let (client, _, _folder) = client(&[("page.html", r#"{{ fragment(template="a.html") }}"#), ("a.html", "a")]);
    client.get("/1/a").send().assert_status(500);
}
