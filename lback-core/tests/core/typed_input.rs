//! Queries, forms and path parameters as types: empty values, lists, `#[serde(flatten)]`, and the responses to mistakes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use chrono::{NaiveDate, NaiveDateTime};
use lback_core::testing::Client;
use lback_core::{Request, Result, Router, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::client;

/// Returns a client of an application that answers with the query or the form as a `T`, or with the error.
fn reader<T: DeserializeOwned + Debug + 'static>() -> Client {
    fn show<T: Debug>(read: Result<T>) -> (StatusCode, String) {
        match read {
            Ok(value) => (StatusCode::OK, format!("{value:?}")),
            Err(error) => (error.status(), error.message().to_owned()),
        }
    }
    let urls = Router::new().get("/", |req: &mut Request| show(req.query::<T>())).post("/", |req: &mut Request| show(req.form::<T>()));
    client(urls)
}

/// Returns the result of `encoded` as a query, as a form and as a multipart form, which must all agree.
fn read<T: DeserializeOwned + Debug + 'static>(encoded: &str) -> (u16, String) {
    let client = reader::<T>();
    let query = client.get(&format!("/?{encoded}")).send();
    let form = client.post("/").header("content-type", "application/x-www-form-urlencoded").body(encoded.to_owned()).send();
    let pairs = encoded.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let multipart = pairs.fold(client.post("/").multipart(), |form, (name, value)| form.field(name, value)).send();
    let said = |text: &str| text.replace("The query string", "The form");
    assert_eq!(said(query.text()), said(form.text()), "{encoded}");
    assert_eq!(said(form.text()), said(multipart.text()), "{encoded}");
    (query.status().as_u16(), said(query.text()))
}

#[track_caller]
fn fits<T: DeserializeOwned + Debug + 'static>(encoded: &str, expected: &str) {
    assert_eq!(read::<T>(encoded), (200, expected.to_owned()), "{encoded}");
}

#[track_caller]
fn refused<T: DeserializeOwned + Debug + 'static>(encoded: &str, expected: &str) {
    let (status, text) = read::<T>(encoded);
    assert_eq!(status, 400, "{encoded}: {text}");
    assert!(text.contains(expected), "{encoded}: {expected} is missing in {text}");
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum Sort {
    #[default]
    Newest,
    Oldest,
}

fn ten() -> u32 {
    10
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "they are shown")]
struct Optional {
    day: Option<NaiveDate>,
    sort: Option<Sort>,
    open: Option<bool>,
    id: Option<Uuid>,
    price: Option<f64>,
    text: Option<String>,
    tag: Vec<String>,
    #[serde(default)]
    page: u32,
    #[serde(default = "ten")]
    size: u32,
    #[serde(default)]
    order: Sort,
}

#[test]
fn an_empty_value_counts_as_absent() {
    let absent =
        "Optional { day: None, sort: None, open: None, id: None, price: None, text: None, tag: [], page: 0, size: 10, order: Newest }";
    fits::<Optional>("", absent);
    fits::<Optional>("day=&sort=&open=&id=&price=&text=&tag=&page=&size=&order=", absent);
    fits::<Optional>("tag=&tag=&unknown=", absent);
    fits::<Optional>(
        "day=2026-11-21&sort=oldest&open=true&price=1.5&text=x&tag=a&tag=b&page=2&size=3&order=oldest",
        "Optional { day: Some(2026-11-21), sort: Some(Oldest), open: Some(true), id: None, price: Some(1.5), text: Some(\"x\"), \
         tag: [\"a\", \"b\"], page: 2, size: 3, order: Oldest }",
    );
}

#[test]
fn a_struct_with_defaults_uses_them_for_empty_values() {
    #[derive(Debug, Deserialize)]
    #[serde(default)]
    struct Paging {
        page: u32,
        size: u8,
        title: String,
    }
    impl Default for Paging {
        fn default() -> Self {
            Paging { page: 1, size: 20, title: "All".to_owned() }
        }
    }
    fits::<Paging>("page=&size=&title=", "Paging { page: 1, size: 20, title: \"All\" }");
    fits::<Option<Paging>>("page=5&size=", "Some(Paging { page: 5, size: 20, title: \"All\" })");
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "they are shown")]
struct Required {
    title: String,
    day: NaiveDate,
    count: i16,
}

#[test]
fn a_required_text_may_be_empty_and_any_other_type_is_named() {
    fits::<Required>("title=&day=2026-11-21&count=-3", "Required { title: \"\", day: 2026-11-21, count: -3 }");
    refused::<Required>("title=&day=&count=1", "\"day\" is empty, but should be a date like 2026-11-21");
    refused::<Required>("title=&day=2026-11-21&count=", "\"count\" is empty, but should be a whole number from -32768 to 32767");
    refused::<Required>("title=&day=2026-11-21", "\"count\" is missing");
    refused::<Required>("", "\"title\" is missing");
}

#[test]
fn an_error_names_the_field_and_what_it_should_be() {
    refused::<Required>("title=x&day=soon&count=1", "\"day\" should be a date like 2026-11-21");
    refused::<Required>("title=x&day=2026-11-21&count=40000", "\"count\" should be a whole number from -32768 to 32767");
    refused::<Required>("title=x&title=y&day=2026-11-21&count=1", "\"title\": it was sent 2 times, but takes one value");
    refused::<Optional>("page=abc", "The form is not valid: \"page\" should be a whole number from 0 to 4294967295.");
    refused::<Optional>("page=-1", "\"page\" should be a whole number from 0");
    refused::<Optional>("sort=best", "\"sort\" should be one of newest, oldest");
    refused::<Optional>("open=maybe", "\"open\" should be true or false");
    refused::<Optional>("price=much", "\"price\" should be a number");
    refused::<Optional>("price=NaN", "\"price\" should be a number");
    refused::<Optional>("id=7", "\"id\" should be a UUID");
    refused::<Optional>("day=2026-02-30", "\"day\" should be a date like 2026-11-21 (input is out of range)");
    // The sent value may be a secret.
    assert!(!read::<Optional>("page=hunter2").1.contains("hunter2"));
}

#[test]
fn an_empty_value_next_to_another_counts_as_absent() {
    // A hidden input precedes a checkbox or a list of choices, so that something is sent even if nothing is chosen.
    fits::<Required>("title=&title=x&day=2026-11-21&day=&count=&count=1", "Required { title: \"x\", day: 2026-11-21, count: 1 }");
    fits::<Required>("title=&title=&day=2026-11-21&count=1", "Required { title: \"\", day: 2026-11-21, count: 1 }");
    let page_three = "Optional { day: None, sort: None, open: Some(true), id: None, price: None, text: None, tag: [], page: 3, size: 10, order: Newest }";
    fits::<Optional>("page=&page=3&page=&open=&open=on&size=&size=", page_three);
    refused::<Optional>("page=&page=3&page=4", "\"page\": it was sent 3 times, but takes one value");
}

#[test]
fn a_list_leaves_empty_values_out_unless_its_elements_can_be_empty() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "they are shown")]
    struct Lists {
        n: Vec<u32>,
        t: Vec<String>,
        o: Vec<Option<u32>>,
        d: Option<Vec<NaiveDate>>,
    }
    fits::<Lists>("n=1&n=&n=3&n=", "Lists { n: [1, 3], t: [], o: [], d: None }");
    fits::<Lists>("n=&n=1&t=a&t=&t=c&t=", "Lists { n: [1], t: [\"a\", \"\", \"c\", \"\"], o: [], d: None }");
    fits::<Lists>("t=&t=b&o=&o=2&o=&d=&d=2026-11-21", "Lists { n: [], t: [\"\", \"b\"], o: [None, Some(2), None], d: Some([2026-11-21]) }");
    refused::<Lists>("n=1&n=x", "\"n\" should be a whole number");
}

#[test]
fn flattened_structs_are_read() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "they are shown")]
    struct Paging {
        size: u32,
        from: Option<i64>,
        #[serde(default)]
        all: bool,
        #[serde(default)]
        ratio: f32,
        #[serde(default)]
        tag: Vec<u8>,
        after: Option<NaiveDate>,
        sort: Option<Sort>,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "they are shown")]
    struct Search {
        q: String,
        #[serde(default)]
        page: u32,
        #[serde(flatten)]
        paging: Paging,
    }
    let nothing = "all: false, ratio: 0.0, tag: [], after: None, sort: None";
    let plain = format!("Search {{ q: \"7\", page: 0, paging: Paging {{ size: 20, from: None, {nothing} }} }}");
    fits::<Search>("q=7&size=20", &plain);
    fits::<Search>("q=7&size=20&page=&from=&all=&ratio=&tag=&after=&sort=", &plain);
    fits::<Search>(
        "q=&size=5&page=2&from=-1&all=true&ratio=1&tag=1&after=2026-11-21&sort=oldest",
        "Search { q: \"\", page: 2, paging: Paging { size: 5, from: Some(-1), all: true, ratio: 1.0, tag: [1], after: Some(2026-11-21), sort: Some(Oldest) } }",
    );
    refused::<Search>("q=x&size=abc", "\"size\" should be a whole number from 0 to 4294967295");
    refused::<Search>("q=x&size=5000000000", "\"size\" should be a whole number from 0 to 4294967295");
    refused::<Search>("q=x&size=", "\"size\" is empty");
    refused::<Search>("q=x", "\"size\" is missing");
    refused::<Search>("q=x&size=1&page=y", "\"page\" should be");
    refused::<Search>("q=x&size=1&after=soon", "\"after\"");
    refused::<Search>("q=x&size=1&sort=best", "\"sort\" should be one of newest, oldest");
}

#[test]
fn remaining_fields_are_flattened_into_a_map() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "they are shown")]
    struct Rest {
        q: Option<String>,
        #[serde(flatten)]
        rest: BTreeMap<String, String>,
    }
    fits::<Rest>("q=&a=1&b=x", "Rest { q: None, rest: {\"a\": \"1\", \"b\": \"x\"} }");
}

#[test]
fn a_nested_struct_is_refused_with_a_remedy() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is never read")]
    struct Outer {
        inner: Inner,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is never read")]
    struct Inner {
        a: u8,
    }
    refused::<Outer>("inner=1", "\"inner\": forms and queries have no nested values; put #[serde(flatten)]");
}

#[test]
fn maps_and_pairs_keep_the_sent_values() {
    fits::<BTreeMap<String, String>>("b=1&a=", "{\"a\": \"\", \"b\": \"1\"}");
    fits::<Vec<(String, String)>>("b=1&a=&b=2", "[(\"b\", \"1\"), (\"a\", \"\"), (\"b\", \"2\")]");
    fits::<BTreeMap<String, Option<u8>>>("b=1&a=", "{\"a\": None, \"b\": Some(1)}");
    refused::<HashMap<String, u8>>("a=1&b=x", "\"b\" should be a whole number from 0 to 255");
}

#[test]
fn an_optional_flattened_struct_is_some_if_its_fields_are_present() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "they are shown")]
    struct Paging {
        size: u32,
        by: String,
        #[serde(default)]
        tag: Vec<u8>,
        all: Option<bool>,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "they are shown")]
    struct Search {
        #[serde(flatten)]
        paging: Option<Paging>,
    }
    let found = |paging: &str| format!("Search {{ paging: {paging} }}");
    fits::<Search>("size=5&by=x", &found("Some(Paging { size: 5, by: \"x\", tag: [], all: None })"));
    fits::<Search>("size=&size=5&by=&tag=7&all=on", &found("Some(Paging { size: 5, by: \"\", tag: [7], all: Some(true) })"));
    for without in ["", "size=5", "size=&by=x", "size=x&by=x", "size=-1&by=x"] {
        fits::<Search>(without, &found("None"));
    }
}

#[test]
fn the_first_matching_variant_is_read() {
    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "they are shown")]
    enum Key {
        Number(i64),
        Truth(bool),
        Numbers(Vec<u8>),
        Text(String),
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "they are shown")]
    struct Page {
        key: Key,
        #[serde(default)]
        other: Option<Key>,
    }
    let read = |key: &str| format!("Page {{ key: {key}, other: None }}");
    for (sent, key) in [
        ("key=-7", "Number(-7)"),
        ("key=off", "Truth(false)"),
        ("key=1&key=2", "Numbers([1, 2])"),
        ("key=x", "Text(\"x\")"),
        ("key=9223372036854775808", "Text(\"9223372036854775808\")"),
    ] {
        fits::<Page>(&format!("{sent}&other="), &read(key));
    }
}

#[test]
fn a_checkbox_is_true() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is shown")]
    struct Agreed {
        #[serde(default)]
        agreed: bool,
    }
    fits::<Agreed>("agreed=on", "Agreed { agreed: true }");
    fits::<Agreed>("agreed=", "Agreed { agreed: false }");
}

#[test]
fn newtypes_tuples_and_times_are_read() {
    #[derive(Debug, Deserialize)]
    struct Id(#[expect(dead_code, reason = "it is shown")] u64);
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "they are shown")]
    struct Booking {
        id: Option<Id>,
        at: Option<NaiveDateTime>,
        span: Option<(u8, u8)>,
        letter: Option<char>,
    }
    fits::<Booking>("id=&at=&span=&letter=", "Booking { id: None, at: None, span: None, letter: None }");
    fits::<Booking>(
        "id=7&at=2026-11-21T12:00:00&span=1&span=2&letter=x",
        "Booking { id: Some(Id(7)), at: Some(2026-11-21T12:00:00), span: Some((1, 2)), letter: Some('x') }",
    );
    refused::<Booking>("at=noon", "\"at\" should be a date and time like 2026-11-21T09:30:00");
    refused::<Booking>("span=1", "\"span\" should be 2 values");
    refused::<Booking>("letter=xy", "\"letter\" should be one character");
}

#[test]
fn many_empty_fields_are_read_in_few_attempts() {
    let encoded: Vec<String> = (0..900).map(|n| format!("f{n}=")).collect();
    fits::<Optional>(
        &encoded.join("&"),
        "Optional { day: None, sort: None, open: None, id: None, price: None, text: None, tag: [], page: 0, size: 10, order: Newest }",
    );
}

#[test]
fn an_invalid_path_parameter_is_named_with_its_expected_type() {
    let byte = |req: &mut Request| -> Result<String> { Ok(req.param::<u8>("id")?.to_string()) };
    let day = |req: &mut Request| -> Result<String> { Ok(req.param::<NaiveDate>("day")?.to_string()) };
    let client = client(Router::new().get("/n/{id}", byte).get("/d/{day}", day));
    client.get("/n/255").send().assert_contains("255");
    client
        .get("/n/256")
        .send()
        .assert_status(404)
        .assert_contains("&quot;256&quot; is not a valid id: it should be a whole number from 0 to 255");
    client
        .get("/d/soon")
        .send()
        .assert_status(404)
        .assert_contains("&quot;soon&quot; is not a valid day: it should be a date like 2026-11-21");
}

#[test]
fn a_mistake_is_found_in_the_view_that_read_the_request() {
    type Numbers = BTreeMap<String, u32>;
    let place = |read: fn(&mut Request) -> Option<lback_core::Error>| {
        move |req: &mut Request| read(req).and_then(|error| error.location().map(str::to_owned)).unwrap_or_default()
    };
    let urls = Router::new()
        .get("/query", place(|req| req.query::<Numbers>().err()))
        .get("/param/{name}", place(|req| req.param::<u32>("name").err()))
        .get("/state", place(|req| req.state::<u32>().err()))
        .get("/redirect", place(|req| req.redirect_to("param", &[]).err()))
        .get("/param/{name}/link", |_: &mut Request| "")
        .name("param")
        .post("/form", place(|req| req.form::<Numbers>().err()))
        .post("/json", place(|req| req.json::<Numbers>().err()))
        .post("/multipart", place(|req| req.multipart().err()));
    let client = client(urls);
    let gets = ["/query?a=x", "/param/x", "/state", "/redirect"].map(|path| client.get(path));
    let posts = ["/json", "/multipart"].map(|path| client.post(path));
    let bodies = ["/form", "/json"].map(|path| {
        let kind = if path == "/json" { "application/json" } else { "application/x-www-form-urlencoded" };
        client.post(path).header("content-type", kind).body("a=x")
    });
    for request in gets.into_iter().chain(posts).chain(bodies) {
        let response = request.send();
        assert!(response.assert_status(200).text().contains("typed_input.rs"), "{response:?}");
    }
}
