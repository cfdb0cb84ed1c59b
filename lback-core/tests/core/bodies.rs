//! Forms, JSON, queries, and the limits on bodies.

use http_body_util::BodyExt;
use lback_core::testing::Client;
use lback_core::{Request, Result, Router};
use serde::Deserialize;
use serde_json::json;

use crate::{app, app_with, client};

#[derive(Deserialize)]
struct Person {
    name: String,
    age: u8,
    #[serde(default)]
    tag: Vec<String>,
}

impl Person {
    fn show(&self) -> String {
        format!("{} {} {:?}", self.name, self.age, self.tag)
    }
}

fn urls() -> Router {
    Router::new()
        .post("/form", |req: &mut Request| -> Result<String> { Ok(req.form::<Person>()?.show()) })
        .post("/json", |req: &mut Request| -> Result<String> { Ok(req.json::<Person>()?.show()) })
        .get("/query", |req: &mut Request| -> Result<String> { Ok(req.query::<Person>()?.show()) })
        .post("/length", |req: &mut Request| req.body().len().to_string())
        .post("/async", async |req: &mut Request| -> Result<String> { Ok(req.form::<Person>()?.show()) })
}

#[test]
fn forms_are_read_or_refused() {
    let client = client(urls());
    let form = [("name", "Zoë & co"), ("age", "42"), ("tag", "a=b"), ("tag", "c+d")];
    for path in ["/form", "/async"] {
        assert_eq!(client.post(path).form(&form).send().text(), "Zoë & co 42 [\"a=b\", \"c+d\"]");
    }
    client
        .post("/form")
        .header("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")
        .body("name=a&age=1")
        .send()
        .assert_status(200);
    for bad in ["name=a", "name=a&age=old", "name=a&age=256", "age=1", ""] {
        client.post("/form").header("content-type", "application/x-www-form-urlencoded").body(bad).send().assert_status(400);
    }
    client.post("/form").json(&json!({ "name": "a", "age": 1 })).send().assert_status(415);
    client.post("/form").body("name=a&age=1").send().assert_status(415);
    client.post("/form").send().assert_status(400);
}

#[test]
fn json_is_read_or_refused() {
    let client = client(urls());
    let value = json!({ "name": "a", "age": 1, "tag": ["x"] });
    assert_eq!(client.post("/json").json(&value).send().text(), "a 1 [\"x\"]");
    client.post("/json").header("content-type", "application/vnd.api+json").json(&value).send().assert_status(200);
    for bad in ["", "{", "[]", "{\"name\":\"a\"}", "{\"name\":\"a\",\"age\":-1}", "null", "\u{feff}{}"] {
        client.post("/json").header("content-type", "application/json; charset=utf-8").body(bad).send().assert_status(400);
    }
    for kind in ["text/plain", "text/json", "application/jsonp", "json"] {
        client.post("/json").header("content-type", kind).body(value.to_string()).send().assert_status(415);
    }
    client.post("/json").body(value.to_string()).send().assert_status(415);
    // Deep nesting must not end the process.
    client.post("/json").header("content-type", "application/json").body("[".repeat(100_000)).send().assert_status(400);
}

#[test]
fn queries_are_read_or_refused() {
    let client = client(urls());
    assert_eq!(client.get("/query").query(&[("name", "Zoë & co"), ("age", "7")]).send().text(), "Zoë & co 7 []");
    client.get("/query?name=a&age=1&tag=x&tag=y&other=z").send().assert_contains("[\"x\", \"y\"]");
    for bad in ["", "?", "?name=a", "?name=a&age=x", "?&&=&"] {
        client.get(&format!("/query{bad}")).send().assert_status(400);
    }
}

#[test]
fn a_body_above_the_limit_is_refused() {
    let urls = || {
        urls()
            .post("/small", |req: &mut Request| req.body().len().to_string())
            .body_limit(10)
            .post("/large", |req: &mut Request| req.body().len().to_string())
            .body_limit(100_000)
    };
    let app = app_with(urls(), "MAX_BODY_BYTES = 1000");
    for client in [Client::new(app.clone()), Client::over_socket(app.clone()).unwrap()] {
        for (path, limit) in [("/length", 1000), ("/small", 10), ("/large", 100_000)] {
            assert_eq!(client.post(path).body(vec![b'x'; limit]).send().text(), limit.to_string());
            client.post(path).body(vec![b'x'; limit + 1]).send().assert_status(413);
        }
        client.post("/form").form(&[("name", "x".repeat(2000))]).send().assert_status(413);
    }
}

#[test]
fn routes_inherit_the_limit_of_an_include_unless_they_set_their_own() {
    let length = |req: &mut Request| req.body().len().to_string();
    let inner = Router::new().post("/inherits", length).post("/own", length).body_limit(20);
    let client = client(Router::new().include("/in", inner).body_limit(10));
    client.post("/in/inherits").body(vec![0; 10]).send().assert_status(200);
    client.post("/in/inherits").body(vec![0; 11]).send().assert_status(413);
    client.post("/in/own").body(vec![0; 20]).send().assert_status(200);
    client.post("/in/own").body(vec![0; 21]).send().assert_status(413);
}

#[test]
fn a_streaming_route_reads_the_body_itself() {
    let count = async |req: &mut Request| -> Result<String> {
        let unread = req.body().len();
        let mut count = 0;
        while let Some(frame) = req.body_mut().frame().await {
            count += frame.map_err(|_| lback_core::Error::bad_request("the body is incomplete"))?.data_ref().map_or(0, |data| data.len());
        }
        Ok(format!("{unread} {count}"))
    };
    let app = app_with(Router::new().post("/", count).streaming(), "MAX_BODY_BYTES = 10");
    for client in [Client::new(app.clone()), Client::over_socket(app.clone()).unwrap()] {
        assert_eq!(client.post("/").body(vec![0; 300_000]).send().text(), "0 300000");
        assert_eq!(client.post("/").send().text(), "0 0");
    }
}

#[test]
fn the_body_of_a_request_without_a_route_is_not_read() {
    let client = Client::new(app(urls()));
    client.post("/nothing").body(vec![0; 10_000_000]).send().assert_status(404);
    client.put("/form").body(vec![0; 10_000_000]).send().assert_status(405);
}

#[test]
fn a_form_with_files_is_received_as_it_was_sent() {
    let show = |req: &mut Request| -> Result<String> {
        let form: Person = req.form()?;
        let file = req.multipart()?.take_file("photo").ok_or_else(|| lback_core::Error::bad_request("no photo"))?;
        Ok(format!("{} | {:?} {:?} {:?}", form.show(), file.file_name(), file.content_type(), file.bytes()?))
    };
    let app = app_with(Router::new().post("/", show).body_limit(100_000), "UPLOAD_MEMORY_BYTES = 10");
    for client in [Client::new(app.clone()), Client::over_socket(app.clone()).unwrap()] {
        for bytes in [&b"\r\n--\x00\xff"[..], b"", &[7; 1000]] {
            let form = || client.post("/").multipart().field("name", "Zo\u{eb}\r\n").field("age", "7").field("tag", "x").field("tag", "y");
            let response = form().file("photo", "caf\u{e9} 1.png", "image/png", bytes).send();
            let expected = format!("Zo\u{eb}\r\n 7 [\"x\", \"y\"] | Some(\"caf\u{e9} 1.png\") Some(\"image/png\") {bytes:?}");
            assert_eq!(response.text(), expected);
            form().send().assert_status(400);
        }
        client.post("/").multipart().file("photo", "a", "image/png", vec![0; 100_001]).send().assert_status(413);
        client.post("/").header("content-type", "multipart/form-data").body("x").send().assert_status(400);
        client.post("/").header("content-type", "multipart/form-data; boundary=b").body("--b\r\nno end").send().assert_status(400);
    }
}

#[test]
fn spaces_tabs_quotes_and_case_around_parameters_make_no_difference() {
    let show = |req: &mut Request| -> Result<String> {
        let form: Person = req.form()?;
        let file = req.multipart()?.file("photo").map(|file| format!("{:?}", file.file_name()));
        Ok(format!("{} {file:?}", form.show()))
    };
    let app = app(urls().post("/upload", show));
    for client in [Client::new(app.clone()), Client::over_socket(app.clone()).unwrap()] {
        for kind in [
            "multipart/form-data ; boundary=X",
            "multipart/form-data;\tboundary=X",
            "Multipart/Form-Data\t;\tBoundary=\"X\"",
            "multipart/form-data; charset=\"a;b\" ; boundary=\"\\X\";",
        ] {
            for disposition in ["form-data; name=\"NAME\"", "form-data ;\tName=NAME", "Form-Data;name = \"NAME\" "] {
                let part = |name: &str, rest: &str, value: &str| {
                    format!("--X\r\ncontent-disposition: {}{rest}\r\n\r\n{value}\r\n", disposition.replace("NAME", name))
                };
                let body =
                    [part("name", "", "a"), part("age", "", "7"), part("photo", " ;\tFileName=\"b.png\"", "x"), "--X--\r\n".to_owned()];
                let response = client.post("/upload").header("content-type", kind).body(body.concat()).send();
                assert_eq!(response.text(), "a 7 [] Some(\"Some(\\\"b.png\\\")\")", "{kind} {disposition}");
            }
        }
        for kind in ["Application/JSON\t;charset=utf-8", "application/json ; charset=\"utf-8\"", "application/problem+JSON;"] {
            client.post("/json").header("content-type", kind).body("{\"name\":\"a\",\"age\":1}").send().assert_status(200);
        }
        for kind in ["application/x-www-form-urlencoded\t; charset=UTF-8", "application/X-WWW-form-urlencoded ;"] {
            client.post("/form").header("content-type", kind).body("name=a&age=1").send().assert_status(200);
        }
    }
}
