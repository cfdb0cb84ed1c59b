//! What staff and developers see of the cache.

use lback::app::InfoPages;
use lback::cache::Cache;
use lback::middleware::Toolbar;
use lback::prelude::*;
use lback::serde_json::Value;
use lback::testing::Client;

use super::{SETTINGS, client_of};

#[test]
fn a_page_shows_the_entries_and_can_clear_them() {
    let (client, _) = client_of("", Router::new());
    let cache = client.app().state::<Cache>().unwrap();
    cache.set("a", &1).unwrap();
    cache.get::<i32>("a").unwrap();
    cache.get::<i32>("b").unwrap();
    let table = client.within(&[], |req| {
        let pages = req.app().clone();
        let page = pages.state::<InfoPages>().unwrap().iter().find(|page| page.name() == "cache").unwrap();
        let before = page.load(req)?;
        page.actions()[0].run(req, "all")?;
        Ok((before, page.load(req)?))
    });
    let (before, after) = table.unwrap();
    let cells = |table: &lback::app::InfoTable| table.rows[0].cells.clone();
    assert_eq!(cells(&before)[..2], ["memory", "1"]);
    assert_eq!(cells(&before)[3..], ["50.0 %", "1", "0", "1"]);
    assert_eq!(cells(&after)[1], "0");
}

#[test]
fn the_metrics_count_what_was_found() {
    let (client, _) = client_of("MONITORING_NETWORKS = ['loopback']", Router::new());
    let cache = client.app().state::<Cache>().unwrap();
    cache.set("a", &1).unwrap();
    for key in ["a", "b", "a"] {
        cache.get::<i32>(key).unwrap();
    }
    let page = client.get("/metrics").send();
    page.assert_contains("# TYPE lback_cache_requests_total counter\n");
    for (result, count) in [("hit", 2), ("stale", 0), ("miss", 1)] {
        page.assert_contains(&format!("lback_cache_requests_total{{result=\"{result}\"}} {count}\n"));
    }
}

#[test]
fn a_store_that_fails_is_a_warning() {
    // Nothing listens there.
    let (client, _) = client_of("CACHE_URL = 'redis://127.0.0.1:1/'\nMONITORING_NETWORKS = ['loopback']", Router::new());
    client.get("/readyz").send().assert_status(200).assert_contains("Cache: Warning");
}

#[test]
fn the_toolbar_shows_what_was_found() {
    let view = |req: &mut Request| -> Result<Response> {
        let value = req.cache()?.entry("greeting").get_or_set(|| Ok("hello".to_owned()))?;
        Ok(Response::html(format!("<html><body>{value}</body></html>")))
    };
    let app = App::new(Router::new().get("/", view)).cache().stack(|stack| {
        stack.wrap(Toolbar::new());
        Ok(())
    });
    let client = Client::with_settings(app, &format!("{SETTINGS}\nDEBUG = true"));
    let panel = || {
        let page = client.get("/").send().text().to_owned();
        let id = page.split("data-request=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        let shown: Value = client.get(&format!("/__lback/toolbar/requests/{id}")).send().assert_status(200).json();
        let panels = shown["panels"].as_array().unwrap().clone();
        panels.into_iter().find(|panel| panel["name"] == "cache").unwrap()["view"].clone()
    };
    let (first, second) = (panel(), panel());
    assert_eq!((&first["summary"], &second["summary"]), (&"0 of 1".into(), &"1 of 1".into()));
    assert_eq!((&second["rows"][0]["text"], &second["rows"][0]["note"]), (&"greeting".into(), &"found".into()));
    assert!(second["rows"][0]["place"].as_str().unwrap().starts_with(file!()), "{second}");
}
