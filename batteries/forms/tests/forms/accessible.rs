//! Accessibility: what screen readers and keyboard users need.

use chrono::NaiveDate;
use lback_forms::{Field, Form};

use super::client_of;

#[test]
fn inputs_have_types_and_constraints_for_browsers() {
    let day = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
    let form = Form::of([
        Field::text("text").min_length(2).max_length(9).pattern("[a-z\"]+"),
        Field::email("email"),
        Field::url("url").optional(),
        Field::password("password"),
        Field::of::<u8>("age").range(18..),
        Field::decimal("price").range(0..),
        Field::integer("big"),
        Field::date("day").range(day..),
        Field::time("time"),
        Field::datetime("at"),
        Field::boolean("agree").required(),
    ]);
    let html = form.html();
    for input in [
        "<input type=\"text\" name=\"text\" id=\"field-text\" required minlength=\"2\" maxlength=\"9\" pattern=\"[a-z&quot;]+\">",
        "<input type=\"email\" name=\"email\" id=\"field-email\" required autocomplete=\"email\">",
        "<input type=\"url\" name=\"url\" id=\"field-url\">",
        "<input type=\"password\" name=\"password\" id=\"field-password\" required autocomplete=\"current-password\">",
        "<input type=\"number\" name=\"age\" id=\"field-age\" required min=\"18\" max=\"255\">",
        "<input type=\"number\" name=\"price\" id=\"field-price\" required min=\"0\" step=\"any\">",
        "<input type=\"number\" name=\"big\" id=\"field-big\" required>",
        "<input type=\"date\" name=\"day\" id=\"field-day\" required min=\"2026-11-21\">",
        "<input type=\"time\" name=\"time\" id=\"field-time\" required step=\"any\">",
        "<input type=\"datetime-local\" name=\"at\" id=\"field-at\" required step=\"any\">",
        "<input type=\"checkbox\" name=\"agree\" id=\"field-agree\" required value=\"true\">\n<label for=\"field-agree\">Agree</label>",
    ] {
        assert!(html.contains(input), "{input}\n{html}");
    }
}

#[test]
fn errors_are_linked_to_their_fields() {
    let form = || Form::of([Field::text("name").help("As in your passport."), Field::text("mood").choices(["good", "bad"]).radio()]);
    let client = client_of(move |req| {
        let mut form = form();
        form.submitted(req)?;
        Ok(form.html())
    });
    let page = client.get("/").send();
    assert!(!page.text().contains("aria-invalid") && !page.text().contains("role=\"alert\""), "{}", page.text());
    let page = client.post("/").send();
    for part in [
        "<div class=\"error-summary\" role=\"alert\" tabindex=\"-1\">\n<p>Please correct the following:</p>",
        "<a href=\"#field-name\">Name: Fill in this field.</a>",
        "<a href=\"#field-mood-0\">Mood: Choose one.</a>",
        "aria-describedby=\"field-name-help field-name-errors\" aria-invalid=\"true\"",
        "<p class=\"help\" id=\"field-name-help\">As in your passport.</p>",
        "<ul class=\"errors\" id=\"field-name-errors\"><li>Fill in this field.</li></ul>",
        "<fieldset class=\"field required invalid\" id=\"field-mood\">\n<legend>Mood</legend>",
        "<input type=\"radio\" name=\"mood\" id=\"field-mood-0\" value=\"good\" required aria-describedby=\"field-mood-errors\" aria-invalid=\"true\">",
        "<label for=\"field-mood-0\">good</label>",
    ] {
        page.assert_contains(part);
    }
}

#[test]
fn every_referenced_id_exists_exactly_once() {
    let client = client_of(|req| {
        let mut form = Form::of([
            Field::text("a").help("h"),
            Field::text("b").choices(["x", "y"]).checkboxes().help("h"),
            Field::boolean("c").required().help("h"),
            Field::file("d"),
            Field::text("e").choices(["x"]),
            Field::text("What is \"it\"? #1").help("h"),
            Field::text("What is it?").help("h"),
        ]);
        form.submitted(req)?;
        Ok(form.html())
    });
    let page = client.post("/").send();
    let html = page.text();
    let values = |name: &str| -> Vec<String> {
        let attribute = format!(" {name}=\"");
        let values = html.split(&attribute).skip(1).filter_map(|rest| rest.split('"').next());
        values.flat_map(str::split_whitespace).map(|id| id.trim_start_matches('#').to_owned()).collect()
    };
    let ids = values("id");
    for name in ["for", "aria-describedby", "href"] {
        assert!(!values(name).is_empty());
        for id in values(name) {
            assert_eq!(ids.iter().filter(|known| **known == id).count(), 1, "{name} {id} in {html}");
        }
    }
}
