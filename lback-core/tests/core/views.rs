//! The forms of views, and their return values.

use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};

use lback_core::testing::Client;
use lback_core::{Assembly, Error, Request, Response, Result, Router, StatusCode};
use serde_json::json;

use crate::{client, settings};

fn plain(_: &mut Request) -> &'static str {
    "plain"
}

fn plain_result(req: &mut Request) -> Result<Response> {
    Ok(Response::text(req.path().to_owned()))
}

async fn later(req: &mut Request) -> Result<String> {
    tokio::task::yield_now().await;
    Ok(format!("later {}", req.path()))
}

async fn later_text(_: &mut Request) -> &'static str {
    "later text"
}

#[test]
fn plain_and_async_functions_and_closures_are_views() {
    let prefix = String::from("captured");
    let urls = Router::new()
        .get("/plain", plain)
        .get("/plain_result", plain_result)
        .get("/later", later)
        .get("/later_text", later_text)
        .get("/closure", move |req: &mut Request| format!("{prefix} {}", req.path()))
        .get("/async_closure", async |req: &mut Request| {
            tokio::task::yield_now().await;
            format!("async {}", req.path())
        })
        .get("/async_result", async |req: &mut Request| Ok::<_, Error>(req.path().len().to_string()));
    let client = client(urls);
    let expected = [
        ("/plain", "plain"),
        ("/plain_result", "/plain_result"),
        ("/later", "later /later"),
        ("/later_text", "later text"),
        ("/closure", "captured /closure"),
        ("/async_closure", "async /async_closure"),
        ("/async_result", "13"),
    ];
    for (path, text) in expected {
        assert_eq!(client.get(path).send().assert_status(200).text(), text);
    }
}

#[test]
fn a_view_can_return_many_types() {
    fn parse(_: &mut Request) -> Result<String, std::num::ParseIntError> {
        "seven".parse::<i32>().map(|number| number.to_string())
    }
    fn question_mark(_: &mut Request) -> Result<String> {
        Ok("seven".parse::<i32>()?.to_string())
    }
    let urls = Router::new()
        .get("/str", |_: &mut Request| "text")
        .get("/string", |_: &mut Request| String::from("text"))
        .get("/status", |_: &mut Request| StatusCode::IM_A_TEAPOT)
        .get("/tuple", |_: &mut Request| (StatusCode::CREATED, "made"))
        .get("/json", |_: &mut Request| json!({ "a": [1, 2] }))
        .get("/json_tuple", |_: &mut Request| (StatusCode::ACCEPTED, json!(null)))
        .get("/bytes", |_: &mut Request| vec![0_u8, 159])
        .get("/unit", |_: &mut Request| ())
        .get("/foreign", parse)
        .get("/question_mark", question_mark)
        .get("/result_tuple", |_: &mut Request| Ok::<_, Error>((StatusCode::CREATED, String::from("made"))))
        .get("/redirect", |_: &mut Request| -> Result<()> { Err(Error::redirect("/login")) });
    let client = client(urls);
    let response = client.get("/str").send();
    assert_eq!((response.text(), response.header("content-type")), ("text", Some("text/plain; charset=utf-8")));
    client.get("/string").send().assert_contains("text");
    client.get("/status").send().assert_status(418);
    client.get("/tuple").send().assert_status(201).assert_contains("made");
    let response = client.get("/json").send();
    assert_eq!(response.json::<serde_json::Value>(), json!({ "a": [1, 2] }));
    assert_eq!(response.header("content-type"), Some("application/json"));
    client.get("/json_tuple").send().assert_status(202).assert_contains("null");
    assert_eq!(&client.get("/bytes").send().bytes()[..], [0, 159]);
    assert!(client.get("/unit").send().assert_status(204).bytes().is_empty());
    for path in ["/foreign", "/question_mark"] {
        let response = client.get(path).send();
        assert!(!response.assert_status(500).text().contains("invalid digit"), "the cause is for the log only");
    }
    client.get("/result_tuple").send().assert_status(201);
    client.get("/redirect").send().assert_status(303).assert_redirect("/login");
}

#[test]
fn state_and_extensions_reach_the_view() {
    struct Counter(Mutex<u32>);
    let count = |req: &mut Request| -> Result<String> {
        req.extensions_mut().insert(String::from("noted"));
        let mut counter = req.state::<Counter>()?.0.lock().unwrap();
        *counter += 1;
        Ok(format!("{} {}", *counter, req.extensions().get::<String>().unwrap()))
    };
    let absent = |req: &mut Request| -> Result<String> { Ok(req.state::<u64>()?.to_string()) };
    let mut assembly = Assembly::new(Router::new().get("/", count).get("/absent", absent), settings(""));
    assembly.state(Counter(Mutex::new(40)));
    let client = Client::new(assembly.build().unwrap());
    client.get("/").send().assert_contains("41 noted");
    client.get("/").send().assert_contains("42 noted");
    client.get("/absent").send().assert_status(500);
}

#[test]
fn a_blocking_view_does_not_stall_the_others() {
    // There are more blocking views than the runtime has workers. Each waits for all others, and an async view runs meanwhile.
    const VIEWS: usize = 8;
    let barrier = Arc::new(Barrier::new(VIEWS + 1));
    let (entered, entries) = mpsc::channel();
    let inside = barrier.clone();
    let block = move |_: &mut Request| {
        entered.send(()).unwrap();
        inside.wait();
        "released"
    };
    let client = client(Router::new().get("/block", block).get("/quick", later).get("/plain", plain));
    std::thread::scope(|scope| {
        let blocked: Vec<_> = (0..VIEWS).map(|_| scope.spawn(|| client.get("/block").send())).collect();
        (0..VIEWS).for_each(|_| entries.recv().unwrap());
        client.get("/quick").send().assert_contains("later");
        client.get("/plain").send().assert_contains("plain");
        barrier.wait();
        for response in blocked {
            response.join().unwrap().assert_contains("released");
        }
    });
}

#[test]
fn a_streamed_body_arrives_complete() {
    let urls = Router::new().get("/lines", |_: &mut Request| Response::stream((0..3).map(|n| Ok::<_, std::io::Error>(format!("{n}\n")))));
    let client = client(urls);
    assert_eq!(client.get("/lines").send().text(), "0\n1\n2\n");
}

#[test]
fn the_request_matches_what_the_client_sent() {
    let show = |req: &mut Request| {
        let header = req.header("x-a").unwrap_or("-").to_owned();
        format!("{} {} {header} {:?} {:?}", req.method(), req.path_and_query(), req.host(), req.content_type())
    };
    let client = client(Router::new().any("/{x}", show));
    let response = client.put("/p?q=1").header("X-A", "b").header("content-type", "Text/Plain; charset=utf-8").send();
    assert_eq!(response.text(), "PUT /p?q=1 b Some(\"127.0.0.1\") Some(\"text/plain\")");
}
