//! Forms that are built at run time.

use chrono::NaiveDate;
use lback_core::Error;
use lback_forms::{Field, Form};

use super::{client_of, text};

#[test]
fn values_are_read_by_name() {
    let client = client_of(|req| {
        let questions = ["name", "rating", "day", "tags"];
        let mut form = Form::of([
            Field::text(questions[0]),
            Field::integer("rating").range(1..=10),
            Field::date("day").optional(),
            Field::text("tags").choices(["a", "b", "c"]).checkboxes().optional(),
        ]);
        let Some(mut values) = form.submitted(req)? else { return Ok(form.html()) };
        let (name, rating, day) = (values.text("name").to_owned(), values.take::<u8>("rating")?, values.take::<Option<NaiveDate>>("day")?);
        let tags: Vec<String> = values.take("tags")?;
        Ok(format!("{name} {rating} {day:?} {tags:?}"))
    });
    let sent = [("name", "Ann"), ("rating", "7"), ("day", "2026-11-21"), ("tags", "a"), ("tags", "c")];
    assert_eq!(text(&client.post("/").form(&sent).send()), "Ann 7 Some(2026-11-21) [\"a\", \"c\"]");
    assert_eq!(text(&client.post("/").form(&[("name", "Ann"), ("rating", "7")]).send()), "Ann 7 None []");
    client.post("/").form(&[("name", "Ann"), ("rating", "70")]).send().assert_contains("between 1 and 10");
}

#[test]
fn reading_an_unknown_field_or_another_type_is_an_internal_error() {
    let client = client_of(|req| {
        let mut form = Form::of([Field::text("name")]);
        let Some(mut values) = form.submitted(req)? else { return Err(Error::internal("not submitted")) };
        let wrong = values.take::<String>("nmae").unwrap_err();
        let not_a_number = values.take::<i32>("name").unwrap_err();
        Ok(format!("{} {wrong}\n{not_a_number}", wrong.status().as_u16()))
    });
    let answer = client.post("/").form(&[("name", "Ann")]).send();
    answer.assert_contains("500 the form has no field \"nmae\", or its value was taken already; the fields are [\"name\"]");
    answer.assert_contains("the value of the field \"name\" is not a valid i32");
}

#[test]
fn fields_can_be_changed_for_one_request() {
    let client = client_of(|req| {
        let mut form = Form::of([Field::text("tag"), Field::integer("count")]);
        form = form
            .choices("tag", [(1, "One"), (2, "Two")])
            .change("count", |count| count.range(..=3))
            .initial("count", 2)
            .initial("tag", "2");
        Ok(form.submitted(req)?.map_or_else(|| form.html(), |values| format!("{} {}", values.text("tag"), values.text("count"))))
    });
    client
        .get("/")
        .send()
        .assert_contains("<option value=\"2\" selected>Two</option>")
        .assert_contains("max=\"3\"")
        .assert_contains("value=\"2\">");
    assert_eq!(text(&client.post("/").form(&[("tag", "1"), ("count", "3")]).send()), "1 3");
    client
        .post("/")
        .form(&[("tag", "3"), ("count", "4")])
        .send()
        .assert_contains("Choose one of the available options.")
        .assert_contains("of at most 3");
}

#[test]
fn an_unknown_field_name_is_reported() {
    let client = client_of(|req| {
        let mut form = Form::of([Field::text("tag")]).initial("tga", "x");
        Ok(form.submitted(req).err().map(|error| error.to_string()).unwrap_or_default())
    });
    client.get("/").send().assert_contains("the form has no field \"tga\"; the fields are [\"tag\"]");
}
