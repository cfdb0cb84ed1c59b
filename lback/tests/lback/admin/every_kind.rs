//! Every kind of field, from the database through the form of the admin and back.

use lback::chrono::{NaiveDateTime, NaiveTime, TimeDelta};

use super::*;
use crate::unit_of_work::on_each_database;

/// Every type of field that a form has.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "everything")]
pub struct Everything {
    pub id: i64,
    #[model(blank)]
    pub text: String,
    #[model(blank, long)]
    pub long: String,
    pub maybe_text: Option<String>,
    pub small: i16,
    pub medium: i32,
    pub large: i64,
    pub single: f32,
    pub double: f64,
    pub flag: bool,
    pub maybe_flag: Option<bool>,
    pub day: NaiveDate,
    pub hour: NaiveTime,
    pub local: NaiveDateTime,
    pub moment: DateTime<Utc>,
    pub maybe_moment: Option<DateTime<Utc>>,
    pub length: TimeDelta,
    pub maybe_length: Option<TimeDelta>,
    pub json: Json<lback::serde_json::Value>,
    pub maybe_json: Option<Json<lback::serde_json::Value>>,
    #[model(default = State::Open)]
    pub state: State,
    pub maybe_state: Option<State>,
    pub bytes: Vec<u8>,
}

#[cfg(all(feature = "decimal", feature = "uuid"))]
#[derive(Model, Clone, Debug, PartialEq)]
pub struct Price {
    #[model(primary_key, default = lback::uuid::Uuid::new_v4())]
    pub id: lback::uuid::Uuid,
    pub name: String,
    #[model(max_digits = 10, decimal_places = 2)]
    pub amount: Decimal,
    #[model(max_digits = 18, decimal_places = 9)]
    pub rate: Option<Decimal>,
    pub reference: Option<lback::uuid::Uuid>,
    #[model(references = Self, on_delete = set_null)]
    pub base_id: Option<lback::uuid::Uuid>,
}

on_each_database!(
    every_kind_of_value_survives_a_form_that_changes_another,
    every_kind_of_value_can_be_written,
    every_kind_of_value_comes_back_by_undo,
    every_kind_of_value_sorts_a_list,
    exact_numbers_and_uuids_survive_as_well,
);

fn client_and_root(on: &str, settings: &str) -> (Client, Client) {
    let urls = Router::new().get("/login", |_: &mut Request| "log in here").name("login");
    let app = App::new(urls).models(models![Everything]).auth().admin();
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{settings}\n{on}"));
    client.db(|db| create_tables(db, models![Everything]));
    let root = root(&client);
    (client, root)
}

fn json(text: &str) -> lback::serde_json::Value {
    lback::serde_json::from_str(text).unwrap()
}

/// Rows with usual values, and with those at the ends of their types.
fn rows() -> [NewEverything; 4] {
    let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let usual = NewEverything {
        text: "plain \"text\" & <b>'</b>".to_owned(),
        long: "one\ntwo\n\n  three".to_owned(),
        maybe_text: Some("some".to_owned()),
        small: 1,
        medium: 2,
        large: 3,
        single: 0.1,
        double: 0.1,
        flag: true,
        maybe_flag: Some(false),
        day: "2026-02-03".parse().unwrap(),
        hour: "04:05:06".parse().unwrap(),
        local: "2026-02-03T04:05:06".parse().unwrap(),
        moment: moment("2026-02-03T04:05:06.123456Z"),
        maybe_moment: Some(moment("2026-10-25T00:30:00Z")),
        length: TimeDelta::seconds(5400),
        maybe_length: Some(TimeDelta::microseconds(-1)),
        json: Json(json("{\"a\": [1, 2.5, null, \"x\\n</textarea>\"]}")),
        maybe_json: Some(Json(json("[]"))),
        state: State::Closed,
        maybe_state: Some(State::InReview),
        bytes: vec![0, 255, 10],
    };
    let empty = NewEverything {
        json: Json(json("null")),
        day: usual.day,
        hour: usual.hour,
        local: usual.local,
        moment: usual.moment,
        ..Default::default()
    };
    let smallest = NewEverything {
        small: i16::MIN,
        medium: i32::MIN,
        large: i64::MIN,
        single: -f32::MAX,
        double: f64::MIN_POSITIVE,
        hour: "00:00:00".parse().unwrap(),
        moment: moment("1900-01-01T00:00:00Z"),
        // The second time that the clocks show half past two in Berlin on that night.
        maybe_moment: Some(moment("2026-10-25T01:30:00Z")),
        length: TimeDelta::zero(),
        ..usual.clone()
    };
    let largest = NewEverything {
        small: i16::MAX,
        medium: i32::MAX,
        large: i64::MAX,
        single: 16_777_216.0,
        double: f64::MAX,
        hour: "23:59:59.999999".parse().unwrap(),
        local: "2026-12-31T23:59:59.999999".parse().unwrap(),
        moment: moment("2999-12-31T23:59:59.999999Z"),
        length: TimeDelta::days(1000),
        ..usual.clone()
    };
    [usual, empty, smallest, largest]
}

fn everything(client: &Client) -> Vec<Everything> {
    client.db(|db| Everything::query().order(everything::id).load(db))
}

fn every_kind_of_value_survives_a_form_that_changes_another(on: &str) {
    for settings in ["", "TIME_ZONE = 'Europe/Berlin'"] {
        if !settings.is_empty() && cfg!(not(feature = "time-zones")) {
            continue;
        }
        let (client, root) = client_and_root(on, settings);
        client.db(|db| Everything::create_many(db, rows()));
        let before = everything(&client);
        for row in &before {
            let path = format!("/admin/everything/row/{}", row.id);
            edit(&root, &path, &[]).assert_redirect("/admin/everything");
            edit(&root, &path, &[("text", "changed")]).assert_redirect("/admin/everything");
        }
        let expected: Vec<Everything> = before.iter().map(|row| Everything { text: "changed".to_owned(), ..row.clone() }).collect();
        assert_eq!(everything(&client), expected, "{settings}");
        for change in changes(&client) {
            let (before, after) = (change.before.unwrap(), change.after.unwrap());
            let different: Vec<&String> = before.keys().filter(|name| before[*name] != after[*name]).collect();
            assert_eq!(different, ["text"], "{settings}");
        }
    }
}

fn every_kind_of_value_can_be_written(on: &str) {
    let (client, root) = client_and_root(on, "");
    let values = [
        ("text", "t"),
        ("long", "a\r\nb"),
        ("maybe_text", ""),
        ("small", "-5"),
        ("medium", "+6"),
        ("large", "9223372036854775807"),
        ("single", "1.5"),
        ("double", "-1e-3"),
        ("maybe_flag", "true"),
        ("day", "2026-02-03"),
        ("hour", "04:05"),
        ("local", "2026-02-03T04:05"),
        ("moment", "2026-02-03T04:05:06"),
        ("maybe_moment", ""),
        ("length", "PT1H30M"),
        ("maybe_length", "-P1DT0.5S"),
        ("json", "{\"a\": 1}"),
        ("maybe_json", ""),
        ("state", "closed"),
        ("maybe_state", ""),
    ];
    edit(&root, "/admin/everything/add", &values).assert_redirect("/admin/everything");
    let expected = Everything {
        id: 1,
        text: "t".to_owned(),
        long: "a\nb".to_owned(),
        maybe_text: None,
        small: -5,
        medium: 6,
        large: i64::MAX,
        single: 1.5,
        double: -0.001,
        flag: false,
        maybe_flag: Some(true),
        day: "2026-02-03".parse().unwrap(),
        hour: "04:05:00".parse().unwrap(),
        local: "2026-02-03T04:05:00".parse().unwrap(),
        moment: "2026-02-03T04:05:06Z".parse().unwrap(),
        maybe_moment: None,
        length: TimeDelta::seconds(5400),
        maybe_length: Some(TimeDelta::milliseconds(-86_400_500)),
        json: Json(json("{\"a\": 1}")),
        maybe_json: None,
        state: State::Closed,
        maybe_state: None,
        bytes: Vec::new(),
    };
    assert_eq!(everything(&client), [expected]);
    let wrong = [
        ("small", "32768"),
        ("large", "9223372036854775808"),
        ("single", "NaN"),
        ("double", "inf"),
        ("maybe_flag", "perhaps"),
        ("hour", "25:00"),
        ("length", "long"),
        ("json", "{"),
        ("state", ""),
    ];
    for (name, value) in wrong {
        edit(&root, "/admin/everything/row/1", &[("text", "unsaved"), (name, value)])
            .assert_status(200)
            .assert_contains("aria-invalid=\"true\"");
    }
    assert_eq!(everything(&client)[0].text, "t");
}

fn every_kind_of_value_comes_back_by_undo(on: &str) {
    let (client, root) = client_and_root(on, "");
    client.db(|db| Everything::create_many(db, rows()));
    let before = everything(&client);
    let keys: Vec<(&str, i64)> = before.iter().map(|row| ("row", row.id)).collect();
    root.post("/admin/everything/delete").form(&keys).send().assert_redirect("/admin/everything");
    assert_eq!(everything(&client), []);
    undo(&root, &last_batch(&client)).assert_status(303);
    assert_eq!(everything(&client), before);
    edit(
        &root,
        "/admin/everything/row/1",
        &[("day", "2020-01-01"), ("length", "PT90S"), ("json", "1"), ("state", "open"), ("maybe_moment", ""), ("double", "7")],
    )
    .assert_status(303);
    assert_ne!(everything(&client), before);
    undo(&root, &last_batch(&client)).assert_status(303);
    assert_eq!(everything(&client), before);
}

fn every_kind_of_value_sorts_a_list(on: &str) {
    let (client, root) = client_and_root(on, "");
    let many = rows().into_iter().cycle().take(44);
    client.db(|db| Everything::create_many(db, many));
    for field in Everything::META.fields {
        let page = root.get(&format!("/admin/everything?size=20&sort={}", field.name)).send();
        if ["json", "maybe_json", "bytes"].contains(&field.name) {
            assert!([200, 400].contains(&page.status().as_u16()), "{}: {page:?}", field.name);
            continue;
        }
        let mut page = page;
        for _ in 0..2 {
            let next = page.assert_status(200).text().split("rel=\"next\" href=\"").nth(1).expect("a next page").split('"').next().unwrap();
            page = root.get(&next.replace("&amp;", "&").replace("&#x2F;", "/")).send();
        }
        assert_eq!(page.assert_status(200).text().matches("scope=\"row\"").count(), 4, "{}", field.name);
    }
}

#[cfg(not(all(feature = "decimal", feature = "uuid")))]
fn exact_numbers_and_uuids_survive_as_well(_: &str) {}

#[cfg(all(feature = "decimal", feature = "uuid"))]
fn exact_numbers_and_uuids_survive_as_well(on: &str) {
    let urls = Router::new().get("/login", |_: &mut Request| "log in here").name("login");
    let app =
        App::new(urls).models(models![Price]).auth().admin_with(Admin::new().model::<Price>(|price| price.filters(["amount", "base"])));
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models![Price]));
    let root = root(&client);
    edit(&root, "/admin/prices/add", &[("name", "first"), ("amount", "-99999999.90"), ("rate", "0.000000001")])
        .assert_redirect("/admin/prices");
    let prices = || client.db(|db| Price::query().order(prices::name).load::<Price>(db));
    let first = prices().remove(0);
    assert_eq!((first.amount, first.rate, first.reference), ("-99999999.90".parse().unwrap(), Some("0.000000001".parse().unwrap()), None));
    let id = first.id.to_string();
    let second = [("name", "second"), ("amount", "1"), ("reference", id.as_str()), ("base_id", id.as_str())];
    edit(&root, "/admin/prices/add", &second).assert_redirect("/admin/prices");
    let before = prices();
    assert_eq!((before[1].reference, before[1].base_id), (Some(first.id), Some(first.id)));
    let path = format!("/admin/prices/row/{}", before[1].id);
    edit(&root, &path, &[]).assert_redirect("/admin/prices");
    assert_eq!(prices(), before);
    for (name, value) in [
        ("amount", "1.234"),
        ("amount", "123456789.00"),
        ("amount", "x"),
        ("reference", "x"),
        ("base_id", "x"),
        ("base_id", &before[1].id.to_string().replace('-', "f")),
    ] {
        edit(&root, &path, &[(name, value)]).assert_status(200).assert_contains("aria-invalid=\"true\"");
    }
    assert_eq!(first_column(&root.get("/admin/prices?amount.from=-99999999.9&amount.to=-99999999.89").send()), ["first"]);
    assert_eq!(first_column(&root.get(&format!("/admin/prices?base_id={id}")).send()), ["second"]);
    root.get("/admin/prices?amount.from=x").send().assert_status(400);
    // Both at once: the one that the other refers to, and back.
    root.post(&format!("/admin/prices/row/{id}/delete")).send().assert_redirect("/admin/prices");
    assert_eq!(prices(), [Price { base_id: None, ..before[1].clone() }]);
    undo(&root, &last_batch(&client)).assert_status(303);
    assert_eq!(prices(), before);
}
