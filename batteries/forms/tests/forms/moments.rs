//! Moments, which are shown and read in a time zone.

use chrono::{DateTime, TimeDelta, Utc};
use lback_core::testing::Client;
use lback_core::{Router, TimeZone};
use lback_forms::{Field, Form, Rule};

use super::{assembly, send_one, text};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Returns a client of an application in Berlin whose page `/` is the form.
fn client_of(form: impl Fn() -> Form + Clone + Send + Sync + 'static) -> Client {
    let view = move |req: &mut lback_core::Request| -> lback_core::Result<String> {
        let mut form = form();
        match form.submitted(req)? {
            Some(mut values) => Ok(format!("{:?}", values.take::<Option<DateTime<Utc>>>("at")?)),
            None => Ok(form.html()),
        }
    };
    let router = Router::new().get("/", view.clone()).post("/", view);
    Client::new(assembly(router, "TIME_ZONE = 'Europe/Berlin'").build().unwrap())
}

#[test]
fn moments_are_read_in_utc_if_there_is_no_other_time_zone() {
    for (sent, value) in [
        ("2026-11-21T14:30", "2026-11-21T14:30:00Z"),
        (" 2026-11-21 14:30:05.25 ", "2026-11-21T14:30:05.250Z"),
        ("2026-11-21T14:30:00Z", "2026-11-21T14:30:00Z"),
        ("2026-11-21T14:30:00-05:00", "2026-11-21T19:30:00Z"),
    ] {
        let at: DateTime<Utc> = value.parse().unwrap();
        let found = send_one(Field::moment("x"), &[sent]);
        assert_eq!(found.strip_prefix("x=").and_then(|found| found.parse().ok()), Some(at), "{sent}: {found}");
    }
    for sent in ["x", "2026-11-21", "14:30", "2026-02-30T14:30", "2026-11-21T14:30:60", "0000-01-01T00:00", "10000-01-01T00:00Z"] {
        assert_eq!(send_one(Field::moment("x"), &[sent]), "x: Enter a date and a time, like 2026-11-21T14:30.", "{sent}");
    }
}

#[test]
fn ranges_are_shown_in_the_time_zone() {
    let range = || time("2026-07-01T12:00:00Z")..=time("2026-07-01T14:00:00Z");
    let client = client_of(move || Form::of([Field::moment("at").range(range())]));
    let page = client.get("/").send();
    page.assert_contains("min=\"2026-07-01T14:00\" max=\"2026-07-01T16:00\"").assert_contains("step=\"any\"");
    for (sent, is_valid) in
        [("2026-07-01T13:59", false), ("2026-07-01T14:00", true), ("2026-07-01T16:00", true), ("2026-07-01T16:01", false)]
    {
        let page = client.post("/").form(&[("at", sent)]).send();
        match is_valid {
            true => page.assert_contains("Some(2026-07-01T"),
            false => page.assert_contains(", between 2026-07-01T14:00 and 2026-07-01T16:00."),
        };
    }
}

#[test]
fn a_form_may_have_a_time_zone_of_its_own() {
    let tokyo: TimeZone = "Asia/Tokyo".parse().unwrap();
    let client = client_of(move || Form::of([Field::moment("at").initial(time("2026-07-01T12:00:00Z"))]).time_zone(tokyo));
    client.get("/").send().assert_contains("value=\"2026-07-01T21:00\"").assert_contains("value=\"Asia/Tokyo\"");
    client.post("/").form(&[("at", "2026-07-01T09:00")]).send().assert_contains("Some(2026-07-01T00:00:00Z)");
}

#[test]
fn hidden_moments_and_choices_are_what_the_application_offers() {
    let at = time("2026-10-25T01:30:00.123456Z");
    let client = client_of(move || Form::of([Field::moment("at").hidden().initial(at)]));
    client.get("/").send().assert_contains("value=\"2026-10-25T01:30:00.123456Z\"").assert_not_contains("time_zone");
    client.post("/").form(&[("at", "2026-10-25T01:30:00.123456Z")]).send().assert_contains("Some(2026-10-25T01:30:00.123456Z)");

    let slots = || [0, 30].map(|minutes| (time("2026-10-25T01:00:00Z") + TimeDelta::minutes(minutes)).to_rfc3339());
    let client = client_of(move || Form::of([Field::moment("at").choices(slots())]));
    client.get("/").send().assert_contains("<option value=\"2026-10-25T01:30:00+00:00\">");
    client.post("/").form(&[("at", "2026-10-25T01:30:00+00:00")]).send().assert_contains("Some(2026-10-25T01:30:00Z)");
    client.post("/").form(&[("at", "2026-10-25T03:30")]).send().assert_contains("Choose one of the available options.");
}

#[test]
fn the_message_for_a_skipped_time_can_be_changed() {
    let client = client_of(|| Form::of([Field::moment("at").optional().message(Rule::Skipped, "Diese Zeit gibt es nicht.")]));
    client.post("/").form(&[("at", "2026-03-29T02:30")]).send().assert_contains("Diese Zeit gibt es nicht.");
    assert_eq!(text(&client.post("/").form(&[("at", "")]).send()), "None");
}
