//! Fields of every kind: what a client sends is what it gets.

use lback::chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(values_of_every_kind_are_returned_as_they_were_sent, values_of_the_wrong_kind_are_refused, a_key_may_be_a_text);

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Sample {
    pub id: i64,
    pub small: Option<i16>,
    pub whole: Option<i32>,
    pub large: Option<i64>,
    pub single: Option<f32>,
    pub real: Option<f64>,
    pub flag: Option<bool>,
    #[model(long)]
    pub text: Option<String>,
    pub bytes: Option<Vec<u8>>,
    pub day: Option<NaiveDate>,
    pub time: Option<NaiveTime>,
    pub local: Option<NaiveDateTime>,
    pub moment: Option<DateTime<Utc>>,
    pub length: Option<TimeDelta>,
    pub document: Option<Json<Value>>,
    #[cfg(feature = "decimal")]
    #[model(max_digits = 6, decimal_places = 2)]
    pub price: Option<Decimal>,
    #[cfg(feature = "uuid")]
    pub token: Option<lback::uuid::Uuid>,
    #[model(email)]
    pub email: Option<String>,
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Page {
    #[model(primary_key, max_length = 50)]
    pub path: String,
    #[model(blank)]
    pub text: String,
}

fn names() -> Vec<&'static str> {
    Sample::META.fields.iter().map(|field| field.name).filter(|name| *name != "id").collect()
}

fn client_of_samples(on: &str) -> Client {
    let can_filter = |name: &&'static str| !["document", "bytes"].contains(name);
    let api = Api::new("Samples", "1")
        .resource::<Sample>(|sample| {
            let fields: Vec<_> = std::iter::once("id").chain(names()).collect();
            sample.fields(fields).writable(names()).filter(names().into_iter().filter(can_filter))
        })
        .resource::<Page>(|page| page.fields(["path", "text"]).writable(["path", "text"]));
    let client = Client::with_settings(app(api).models(models![Sample, Page]), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models![Sample, Page]));
    let user = client.add_user(NewUser::from("root").superuser(true));
    client.login(&user);
    client
}

/// A value of each kind.
fn values() -> Value {
    let mut values = json!({
        "small": -32768,
        "whole": 2147483647,
        "large": 9223372036854775807_i64,
        "single": 0.1,
        "real": 1.5e300,
        "flag": true,
        "text": "two\nlines ☃",
        "bytes": "AP8=",
        "day": "2026-02-28",
        "time": "23:59:01",
        "local": "2026-02-28T23:59:01",
        "moment": "2026-02-28T23:59:01.5Z",
        "length": "PT1H30M",
        "document": { "a": [1, null, "x"] },
        "email": "ada@example.com",
    });
    if cfg!(feature = "decimal") {
        values["price"] = "9.90".into();
    }
    if cfg!(feature = "uuid") {
        values["token"] = "3f2c9b1e-0d6a-4a57-9a6e-1f0c3b7d5e21".into();
    }
    values
}

fn values_of_every_kind_are_returned_as_they_were_sent(on: &str) {
    let client = client_of_samples(on);
    let mut expected = values();
    let created: Value = client.post("/api/samples").json(&expected).send().assert_status(201).json();
    expected["id"] = 1.into();
    expected["moment"] = "2026-02-28T23:59:01.500Z".into();
    assert_eq!(created, expected);
    assert_eq!(client.get("/api/samples/1").send().assert_status(200).json::<Value>(), expected);
    // Each value finds the row.
    for (name, value) in values().as_object().unwrap().iter().filter(|(name, _)| !["document", "bytes"].contains(&name.as_str())) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let found: Value = client.get("/api/samples").query(&[(name, &text)]).send().assert_status(200).json();
        let count = found["items"].as_array().unwrap().len();
        // 0.1 is another number with 32 bits.
        assert_eq!(count, usize::from(name != "single"), "{name}");
    }
    let nothing: Value = names().into_iter().map(|name| (name.to_owned(), Value::Null)).collect::<lback::serde_json::Map<_, _>>().into();
    let emptied: Value = client.put("/api/samples/1").json(&nothing).send().assert_status(200).json();
    assert!(emptied.as_object().unwrap().iter().all(|(name, value)| name == "id" || value.is_null()), "{emptied}");
}

fn values_of_the_wrong_kind_are_refused(on: &str) {
    let client = client_of_samples(on);
    let wrong = [
        ("small", json!(32768)),
        ("whole", json!(2147483648_i64)),
        ("large", json!("1")),
        ("single", json!(1e39)),
        ("real", json!("inf")),
        ("flag", json!(1)),
        ("text", json!(7)),
        ("bytes", json!("not base64")),
        ("day", json!("2026-02-30")),
        ("day", json!("+99999-01-01")),
        ("time", json!("24:00")),
        ("local", json!("2026-02-28T23:59:01Z")),
        ("moment", json!("2026-02-28T23:59:01")),
        ("moment", json!("+99999-01-01T00:00:00Z")),
        ("length", json!("an hour")),
        ("document", json!({ "a": "\0" })),
        ("email", json!("nobody")),
    ];
    for (name, value) in wrong {
        let found = errors(&client.post("/api/samples").json(&json!({ name: value })).send());
        assert!(found.len() == 1 && found[0].starts_with(&format!("/{name}: ")), "{name}: {found:?}");
    }
    #[cfg(feature = "decimal")]
    for price in [json!(9.9), json!("9.999"), json!("12345.00"), json!("x")] {
        let found = errors(&client.post("/api/samples").json(&json!({ "price": price })).send());
        assert!(found.len() == 1 && found[0].starts_with("/price: "), "{found:?}");
    }
    assert_eq!(client.db(|db| Sample::query().row_count(db)), 0);
}

fn a_key_may_be_a_text(on: &str) {
    let client = client_of_samples(on);
    let created = client.post("/api/pages").json(&json!({ "path": "über uns/1" })).send();
    let location = created.assert_status(201).location().unwrap().to_owned();
    assert_eq!(location, "/api/pages/%C3%BCber%20uns%2F1");
    assert_eq!(client.get(&location).send().assert_status(200).json::<Value>(), json!({ "path": "über uns/1", "text": "" }));
    client.patch(&location).json(&json!({ "text": "hello" })).send().assert_status(200);
    // The key of a row stays as it is.
    assert_eq!(errors(&client.patch(&location).json(&json!({ "path": "b" })).send()), ["/path: This field cannot be written."]);
    client.delete(&location).send().assert_status(204);
    client.get(&location).send().assert_status(404);
}
