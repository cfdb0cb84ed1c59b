//! Malformed and malicious input, for every kind of field.

use lback_forms::{Field, FieldKind, Form};

use super::{client_of, outcome, send, send_one, text};

/// Returns a field of every kind.
fn every() -> Vec<Field> {
    vec![
        Field::text("text"),
        Field::text("area").textarea(),
        Field::text("hidden").hidden(),
        Field::email("email"),
        Field::password("password"),
        Field::url("url"),
        Field::uuid("uuid"),
        Field::integer("integer"),
        Field::decimal("decimal"),
        Field::date("date"),
        Field::time("time"),
        Field::datetime("datetime"),
        Field::text("choice").choices(["a", "b"]),
        Field::text("radio").choices(["a", "b"]).radio(),
        Field::text("several").choices(["a", "b"]).multiple(),
        Field::text("boxes").choices(["a", "b"]).checkboxes(),
        Field::boolean("box").required(),
        Field::file("file"),
    ]
}

/// Returns the names of the fields that are invalid if `value` is sent for all of them.
fn refused(value: &str) -> Vec<String> {
    let fields = every();
    let pairs: Vec<(&str, &str)> = fields.iter().filter(|field| field.name() != "file").map(|field| (field.name(), value)).collect();
    let answer = send(every, &pairs);
    let names: Vec<String> = answer.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names.len(), answer.lines().count(), "{answer}");
    names.into_iter().filter(|name| name != "file").collect()
}

fn names(but: &[&str]) -> Vec<String> {
    every().iter().map(|field| field.name().to_owned()).filter(|name| name != "file" && !but.contains(&name.as_str())).collect()
}

#[test]
fn missing_fields_are_invalid_but_not_an_error() {
    let answer = send(every, &[]);
    assert_eq!(answer.lines().count(), every().len(), "{answer}");
    assert_eq!(refused(""), names(&[]));
    let client = client_of(|req| outcome(req, &every()));
    assert_eq!(text(&client.post("/").send()).lines().count(), every().len());
}

#[test]
fn a_field_that_is_sent_twice_is_invalid() {
    for field in every().into_iter().filter(|field| !["several", "boxes", "file"].contains(&field.name())) {
        let name = field.name().to_owned();
        for values in [["a", "b"], ["a", ""], ["", ""], ["on", "on"]] {
            assert_eq!(send_one(field.clone(), &values), format!("{name}: Enter only one value."));
        }
    }
}

#[test]
fn null_characters_are_invalid_in_every_field() {
    assert_eq!(refused("a\0b"), names(&[]));
    let message = "The text contains a null character, which cannot be stored. Please remove it.";
    for field in [Field::text("x"), Field::text("x").textarea(), Field::password("x"), Field::text("x").hidden(), Field::email("x")] {
        assert_eq!(send_one(field, &["a\0b"]), format!("x: {message}"));
    }
}

#[test]
fn html_is_valid_only_as_text() {
    assert_eq!(refused("<script>alert(1)</script>"), names(&["text", "area", "hidden", "password"]));
}

#[test]
fn sql_is_valid_only_as_text() {
    assert_eq!(refused("' OR 1=1; DROP TABLE users; --"), names(&["text", "area", "hidden", "password"]));
}

#[test]
fn huge_numbers_are_invalid() {
    let huge = "9".repeat(100_000);
    assert_eq!(refused(&huge), names(&["text", "area", "hidden", "password"]));
    for value in ["9223372036854775808", "-9223372036854775809", &"9".repeat(39), &"9".repeat(64)] {
        let answer = send_one(Field::integer("x"), &[value]);
        assert!(answer.starts_with("x: Enter a whole number"), "{answer}");
    }
    for value in ["NaN", "nan", "inf", "-Infinity", "1e400", &format!("1e{}", "9".repeat(50))] {
        assert_eq!(send_one(Field::decimal("x"), &[value]), "x: Enter a number.");
    }
}

#[test]
fn oversized_texts_are_rejected_by_maximum_length_and_body_limit() {
    let long = "a".repeat(1_000_000);
    assert_eq!(send_one(Field::text("x").max_length(200), &[&long]), "x: Enter at most 200 characters.");
    assert_eq!(send_one(Field::email("x"), &[&format!("{long}@b.c")]), "x: Enter an e-mail address, like name@example.com.");
    let client = client_of(|req| outcome(req, &every()));
    client.post("/").form(&[("text", "a".repeat(3_000_000))]).send().assert_status(413);
}

/// Each byte would appear on the page several times, escaped.
#[test]
fn oversized_texts_are_shown_again_only_in_part() {
    let client = client_of(|req| {
        let mut form = Form::of([
            Field::text("short").max_length(10),
            Field::email("mail"),
            Field::new("age", FieldKind::Integer),
            Field::text("free"),
        ]);
        let _: Option<lback_forms::Values> = form.submitted(req)?;
        Ok(form.html())
    });
    let long = "\"".repeat(50_000);
    for (name, shown) in [("short", 20), ("mail", 2048), ("age", 64)] {
        let page = client.post("/").form(&[(name, long.as_str())]).send();
        assert_eq!(page.text().matches("&quot;").count(), shown, "{name}");
    }
    // Text without a maximum length, such as an article, is never cut off.
    let page = client.post("/").form(&[("free", "é".repeat(50_000).as_str())]).send();
    assert_eq!(page.text().matches('é').count(), 50_000);
}

#[test]
fn too_many_values_are_rejected() {
    let client = client_of(|req| outcome(req, &every()));
    let body = "several=a&".repeat(1_001);
    let answer = client.post("/").header("content-type", "application/x-www-form-urlencoded").body(body).send();
    answer.assert_status(413).assert_contains("more than 1000 fields");
}

#[test]
fn invalid_utf8_is_rejected() {
    let client = client_of(|req| outcome(req, &every()));
    for body in [&b"text=%FF%FE"[..], b"text=\xff\xfe", b"%C3=x", b"text=%E4pfel"] {
        let answer = client.post("/").header("content-type", "application/x-www-form-urlencoded").body(body.to_vec()).send();
        answer.assert_status(400).assert_contains("UTF-8");
    }
}

#[test]
fn other_content_types_are_rejected() {
    let client = client_of(|req| outcome(req, &every()));
    client.post("/").header("content-type", "application/xml").body("<text>a</text>").send().assert_status(415);
    client.post("/").header("content-type", "text/plain").body("text=a").send().assert_status(415);
}

#[test]
fn unknown_fields_are_ignored() {
    let sent = [("name", "alice"), ("is_admin", "true"), ("name[]", "x"), ("", ""), ("NAME", "bob")];
    assert_eq!(send(|| vec![Field::text("name")], &sent), "name=alice");
}

#[test]
fn the_query_string_does_not_fill_in_fields() {
    let client = client_of(|req| outcome(req, &[Field::text("name")]));
    assert_eq!(text(&client.get("/?name=alice").send()), "");
    assert_eq!(text(&client.post("/?name=alice").send()), "name: Fill in this field.");
}

#[test]
fn malicious_input_is_escaped_when_shown_again() {
    let client = client_of(|req| {
        let mut form = Form::of(every());
        Ok(form.submitted(req)?.map_or_else(|| form.html(), |_| "passed".to_owned()))
    });
    for evil in
        ["\"><script>x</script>", "'><img src=x onerror=x>", "</textarea><script>x", "a\0\"<b>", "${{7*7}}", "{{ 7 * 7 }}", "&quot;<"]
    {
        let pairs: Vec<(String, &str)> =
            every().iter().map(|field| (field.name().to_owned(), evil)).filter(|(name, _)| name != "file").collect();
        let page = client.post("/").form(&pairs).send();
        let html = page.text();
        for part in ["<script", "<img", "</textarea><", "<b>", "onerror=x>", "\0"] {
            assert!(!html.contains(part), "{part} in {html}");
        }
        assert_eq!(html.matches("<textarea").count(), html.matches("</textarea>").count());
    }
}
