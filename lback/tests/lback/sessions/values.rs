//! Rule 16: what a view puts into its session comes back as it was, or is refused with the name of its key.

use std::collections::BTreeMap;

use lback::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Store, assert_no_cookie, id, suite, urls};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::{logs, number, sql};

suite!(
    rule_16_a_value_is_either_loaded_again_or_refused_by_name,
    rule_16_a_value_that_grows_with_each_request_is_refused_before_it_is_lost,
    rule_16_floats_come_back_bit_for_bit,
    rule_16_a_float_does_not_drift_while_other_keys_are_saved,
    rule_16_the_largest_and_smallest_integers_come_back,
    rule_16_a_float_that_is_not_finite_is_refused_by_name,
    rule_10_setting_an_equal_float_is_no_change,
    rule_10_minus_zero_is_another_value_than_zero;
    server:
    rule_16_an_update_that_nests_too_deep_on_top_of_another_request_is_refused,
);

const DEBUG: &str = "DEBUG = true";

/// Values that nest this deep.
fn nested(depth: usize) -> [Value; 3] {
    let wrap = |make: fn(Value) -> Value| (0..depth).fold(json!("x"), |value, _| make(value));
    [wrap(|value| json!([value])), wrap(|value| json!({ "a": value })), wrap(|value| json!([{ "a": 1 }, [value, 2]]))]
}

fn rule_16_a_value_is_either_loaded_again_or_refused_by_name(store: &Store) {
    let put = |req: &mut Request| -> Result<()> {
        let (depth, kind): (usize, usize) = (req.param("depth")?, req.param("kind")?);
        req.session().insert("deep", &nested(depth)[kind])
    };
    let in_place = |req: &mut Request| -> Result<()> {
        let (depth, kind): (usize, usize) = (req.param("depth")?, req.param("kind")?);
        req.session().insert("deep", "shallow")?;
        *req.session().get_mut("deep").unwrap() = nested(depth)[kind].clone();
        Ok(())
    };
    let router = urls().post("/put/{depth:int}/{kind:int}", put).post("/in-place/{depth:int}/{kind:int}", in_place);
    let client = store.client_with(router, DEBUG);
    client.post("/set/a/kept").send();
    for depth in [1, 50, 59, 60, 61, 100, 119, 120, 121, 125, 126, 127, 128, 300] {
        for kind in 0..3 {
            for path in ["put", "in-place"] {
                let before = client.session().unwrap();
                let response = client.post(&format!("/{path}/{depth}/{kind}")).send();
                if response.status() == 204 {
                    let now = client.session().unwrap();
                    assert_eq!((now.id, &now.data["deep"]), (before.id, &nested(depth)[kind]));
                    assert!(depth <= 120);
                } else {
                    response.assert_status(500).assert_contains("deep").assert_contains("nested more than 120 deep");
                    assert_no_cookie(&response);
                    assert_eq!(client.session().unwrap(), before);
                    assert!(depth > if kind == 2 { 60 } else { 120 });
                }
            }
        }
    }
    client.get("/get/a").send().assert_contains("kept");
}

fn rule_16_a_value_that_grows_with_each_request_is_refused_before_it_is_lost(store: &Store) {
    let wrap = |req: &mut Request| req.session().update("shell", |old: Option<Value>| json!([old])).map(drop);
    let client = store.client_with(urls().post("/wrap", wrap), DEBUG);
    client.post("/set/a/kept").send();
    let session = id(&client);
    let statuses: Vec<u16> = (0..130).map(|_| client.post("/wrap").send().status().as_u16()).collect();
    assert_eq!(statuses, [vec![204; 120], vec![500; 10]].concat());
    client.post("/wrap").send().assert_contains("shell");
    client.get("/get/a").send().assert_contains("kept");
    assert_eq!(id(&client), session);
}

fn rule_16_an_update_that_nests_too_deep_on_top_of_another_request_is_refused(store: &Store) {
    let slow = |req: &mut Request| req.session().update("shell", |old: Option<Value>| json!([[old]])).map(drop);
    let prepare = |client: &lback::testing::Client| drop(client.post("/set/shell/x").send());
    let between = |client: &lback::testing::Client| {
        client.sessions().save(id(client), |session| session.insert("shell", &nested(119)[0])).unwrap();
    };
    let (client, response) = super::interruption::while_in_flight(store, slow, prepare, between);
    response.assert_status(500);
    assert_eq!(client.session().unwrap().data["shell"], nested(119)[0]);
    client.post("/set/a/1").send().assert_status(204);
}

const FLOATS: [f64; 16] = [
    123456789.12345679,
    0.1,
    0.30000000000000004,
    -0.0,
    0.0,
    1.0,
    1e308,
    -1e308,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    f64::EPSILON,
    9007199254740993.0,
    2.225_073_858_507_201e-308,
    6.02214076e23,
];

fn bits(client: &lback::testing::Client) -> Vec<u64> {
    let text = client.get("/bits").send().assert_status(200).text().to_owned();
    text.split(' ').map(|bits| bits.parse().unwrap()).collect()
}

fn floats() -> Router {
    let put = |req: &mut Request| {
        req.session().insert("floats", FLOATS)?;
        req.session().update("narrow", |_: Option<f32>| 0.1f32).map(drop)
    };
    let read = |req: &mut Request| -> Result<String> {
        assert_eq!(req.session().get::<f32>("narrow")?, Some(0.1));
        let floats: Vec<f64> = req.session().get("floats")?.unwrap_or_default();
        Ok(floats.iter().map(|float| float.to_bits().to_string()).collect::<Vec<_>>().join(" "))
    };
    urls().post("/floats", put).get("/bits", read)
}

fn rule_16_floats_come_back_bit_for_bit(store: &Store) {
    let client = store.client(floats());
    client.post("/floats").send().assert_status(204);
    assert_eq!(bits(&client), FLOATS.map(f64::to_bits));
    // Any other.
    let any: Vec<f64> = (0..500).filter_map(|_| random_float()).collect();
    if !client.sessions().is_in_cookies() {
        client.sessions().save(id(&client), |session| session.insert("floats", &any)).unwrap();
        assert_eq!(bits(&client), any.iter().map(|float| float.to_bits()).collect::<Vec<_>>());
    }
}

fn random_float() -> Option<f64> {
    let bits = u64::from_le_bytes(lback::session::SessionId::random().as_bytes()[..8].try_into().unwrap());
    Some(f64::from_bits(bits)).filter(|float| float.is_finite())
}

fn rule_16_a_float_does_not_drift_while_other_keys_are_saved(store: &Store) {
    let client = store.client(floats());
    client.post("/floats").send();
    for n in 0..10 {
        client.post(&format!("/set/other/{n}")).send().assert_status(204);
    }
    assert_eq!(bits(&client), FLOATS.map(f64::to_bits));
}

fn rule_16_the_largest_and_smallest_integers_come_back(store: &Store) {
    let put = |req: &mut Request| {
        let session = req.session();
        session.insert("unsigned", [u64::MAX, u64::MIN, 1 << 53, (1 << 53) + 1])?;
        session.insert("signed", [i64::MIN, i64::MAX, -1])
    };
    let too_large = |req: &mut Request| req.session().insert("huge", u128::MAX);
    let client = store.client_with(urls().post("/put", put).post("/huge", too_large), DEBUG);
    client.post("/put").send().assert_status(204);
    let data = client.session().unwrap().data;
    assert_eq!(data["unsigned"], json!([u64::MAX, u64::MIN, 1u64 << 53, (1u64 << 53) + 1]));
    assert_eq!(data["signed"], json!([i64::MIN, i64::MAX, -1]));
    client.post("/huge").send().assert_status(500).assert_contains("huge");
}

#[derive(Serialize)]
struct Priced {
    name: &'static str,
    price: Price,
}

#[derive(Serialize)]
enum Price {
    Each(f64),
    Between(f64, f64),
    Range { most: Option<f32> },
}

fn rule_16_a_float_that_is_not_finite_is_refused_by_name(store: &Store) {
    type Put = fn(&mut lback::session::AppSession) -> Result<()>;
    let puts: [Put; 11] = [
        |session| session.insert("price", f64::NAN),
        |session| session.insert("price", f32::NEG_INFINITY),
        |session| session.insert("price", Some(f64::INFINITY)),
        |session| session.insert("price", vec![(1, 2.0), (2, f64::NAN)]),
        |session| session.insert("price", Priced { name: "hat", price: Price::Each(f64::NAN) }),
        |session| session.insert("price", Priced { name: "hat", price: Price::Between(1.0, f64::INFINITY) }),
        |session| session.insert("price", Priced { name: "hat", price: Price::Range { most: Some(f32::NAN) } }),
        |session| session.insert("price", BTreeMap::from([("a", f64::NAN)])),
        |session| session.update("price", |_: Option<Value>| f64::NAN).map(drop),
        |session| session.update("price", |_: Option<Value>| BTreeMap::from([(1, [f64::NAN])])).map(drop),
        |session| session.insert("price", NanKey),
    ];
    let put = move |req: &mut Request| -> Result<()> {
        let which: usize = req.param("which")?;
        puts[which](req.session())
    };
    let client = store.client_with(urls().post("/put/{which:int}", put), DEBUG);
    client.post("/set/price/kept").send();
    for which in 0..puts.len() {
        let response = client.post(&format!("/put/{which}")).send();
        response.assert_status(500).assert_contains("price");
        assert_no_cookie(&response);
    }
    client.get("/get/price").send().assert_contains("kept");
}

/// A map with a key that is no number.
struct NanKey;

impl Serialize for NanKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(f64::NAN, 1)])
    }
}

fn rule_10_setting_an_equal_float_is_no_change(store: &Store) {
    let client = store.client(floats());
    client.post("/floats").send();
    let before = client.session().unwrap();
    let response = client.post("/floats").send();
    assert_no_cookie(&response);
    assert_eq!(client.session().unwrap(), before);
}

fn rule_10_minus_zero_is_another_value_than_zero(store: &Store) {
    let put = |req: &mut Request| -> Result<()> {
        let sign: f64 = if req.param::<String>("sign")? == "minus" { -0.0 } else { 0.0 };
        req.session().insert("zero", json!({ "in": [sign] }))
    };
    let client = store.client(urls().post("/{sign}", put));
    for (sign, is_negative) in [("plus", false), ("minus", true), ("plus", false)] {
        client.post(&format!("/{sign}")).send();
        assert_eq!(client.session().unwrap().data["zero"]["in"][0].as_f64().unwrap().is_sign_negative(), is_negative);
    }
}

/// What an earlier version has stored, or somebody else.
mod databases {
    use super::*;

    suite!(databases: rule_05_a_stored_session_that_nests_too_deep_is_logged_and_left_alone);

    fn rule_05_a_stored_session_that_nests_too_deep_is_logged_and_left_alone(store: &Store) {
        logs::start();
        let client = store.client(urls());
        client.post("/set/a/1").send();
        let old = id(&client).to_string();
        let data = format!("{{\"x\":{}1{}}}", "[".repeat(127), "]".repeat(127));
        sql(&client, &format!("UPDATE sessions SET data = '{data}'"));
        client.get("/get/a").send().assert_status(200).assert_contains("null");
        client.post("/set/b/2").send().assert_status(204);
        assert_eq!(number(&client, &format!("SELECT count(*) FROM sessions WHERE data = '{data}'")), 1);
        assert!(logs::lines_with(&old).iter().any(|line| line.contains("WARN") && line.contains("nested too deep")));
    }
}
