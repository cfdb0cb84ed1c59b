//! Bodies, queries and headers of arbitrary bytes: each gets a response, and errors are client errors.

use lback_core::testing::Client;
use lback_core::{Request, Result, Router};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::client;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Form {
    name: String,
    age: Option<u8>,
    #[serde(default)]
    tags: Vec<String>,
}

fn urls() -> Router {
    Router::new()
        .post("/form", |req: &mut Request| -> Result<String> { Ok(serde_json::to_string(&req.form::<Form>()?)?) })
        .post("/json", |req: &mut Request| -> Result<String> { Ok(serde_json::to_string(&req.json::<Form>()?)?) })
        .get("/query", |req: &mut Request| -> Result<String> { Ok(serde_json::to_string(&req.query::<Form>()?)?) })
        .post("/upload", |req: &mut Request| -> Result<String> { Ok(req.multipart()?.fields().count().to_string()) })
}

const TYPES: [&str; 6] = [
    "application/x-www-form-urlencoded",
    "application/json",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain",
    "application/x-www-form-urlencoded; charset=\"",
];

fn form() -> impl Strategy<Value = Form> {
    (".{0,20}", any::<Option<u8>>(), proptest::collection::vec(".{1,8}", 0..4)).prop_map(|(name, age, tags)| Form { name, age, tags })
}

fn shared() -> &'static Client {
    static CLIENT: std::sync::LazyLock<Client> = std::sync::LazyLock::new(|| client(urls()));
    &CLIENT
}

proptest! {
    #[test]
    fn any_body_gets_a_response(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        path in prop::sample::select(&["/form", "/json", "/upload"][..]),
        kind in prop::sample::select(&TYPES[..]),
    ) {
        let response = shared().post(path).header("content-type", kind).body(body).send();
        prop_assert!([200, 400, 413, 415].contains(&response.status().as_u16()), "{}", response.status());
    }

    #[test]
    fn any_text_that_looks_like_a_form_gets_a_response(body in "[a-z=&%+0-9A-F\u{e9};\\[\\]]{0,80}", path in prop::sample::select(&["/form", "/query"][..])) {
        let response = match path {
            "/form" => shared().post(path).header("content-type", TYPES[0]).body(body).send(),
            _ => shared().get(&format!("/query?{body}")).send(),
        };
        prop_assert!([200, 400].contains(&response.status().as_u16()), "{}", response.status());
    }

    #[test]
    fn a_form_is_received_as_it_was_sent(form in form()) {
        let body = serde_json::to_value(&form).unwrap();
        prop_assert_eq!(shared().post("/json").json(&body).send().json::<Form>(), form.clone());
        let mut pairs = vec![("name", form.name.clone())];
        pairs.extend(form.age.map(|age| ("age", age.to_string())));
        pairs.extend(form.tags.iter().map(|tag| ("tags", tag.clone())));
        prop_assert_eq!(shared().post("/form").form(&pairs).send().json::<Form>(), form.clone());
        prop_assert_eq!(shared().get("/query").query(&pairs).send().json::<Form>(), form);
    }
}

#[test]
fn forms_that_are_not_text_are_refused() {
    for body in ["name=%ff%fe", "name=%c3", "na%ffme=x"] {
        shared().post("/form").header("content-type", TYPES[0]).body(body).send().assert_status(400).assert_contains("UTF-8");
        shared().get(&format!("/query?{body}")).send().assert_status(400).assert_contains("UTF-8");
    }
    shared().post("/form").header("content-type", TYPES[0]).body("name=%c3%a9").send().assert_status(200).assert_contains("é");
}
