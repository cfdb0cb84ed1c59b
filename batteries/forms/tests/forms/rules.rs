use chrono::NaiveDate;
use lback_forms::{Field, FieldError};

use super::{client_of, outcome, send, send_one, text};

#[test]
fn lengths_are_counted_in_characters() {
    let field = || Field::text("x").min_length(2).max_length(4);
    assert_eq!(send_one(field(), &["äöü€"]), "x=äöü€");
    assert_eq!(send_one(field(), &["𝄞𝄞"]), "x=𝄞𝄞");
    assert_eq!(send_one(field(), &["äöü€a"]), "x: Enter at most 4 characters.");
    assert_eq!(send_one(field(), &[" ä "]), "x: Enter at least 2 characters.");
    assert_eq!(send_one(Field::text("x").textarea().max_length(3), &["a\r\nb"]), "x=a\nb");
    assert_eq!(send_one(Field::text("x").max_length(1), &["ab"]), "x: Enter at most 1 character.");
}

#[test]
fn numbers_must_be_in_range() {
    let field = || Field::integer("x").range(1..=10);
    assert_eq!(send_one(field(), &["1"]), "x=1");
    assert_eq!(send_one(field(), &["10"]), "x=10");
    for wrong in ["0", "11", "-1", "a", "170141183460469231731687303715884105728", "99999999999999999999"] {
        assert_eq!(send_one(field(), &[wrong]), "x: Enter a whole number between 1 and 10.", "{wrong}");
    }
    assert_eq!(send_one(Field::integer("x").range(1..), &["0"]), "x: Enter a whole number of at least 1.");
    assert_eq!(send_one(Field::integer("x").range(..=9), &["10"]), "x: Enter a whole number of at most 9.");
    assert_eq!(send_one(Field::of::<u8>("x"), &["256"]), "x: Enter a whole number between 0 and 255.");
    assert_eq!(send_one(Field::of::<u8>("x"), &["a"]), "x: Enter a whole number.");
    assert_eq!(send_one(Field::of::<i32>("x").range(1..), &["3000000000"]), "x: Enter a whole number between 1 and 2147483647.");
    assert_eq!(send_one(Field::decimal("x").range(0.5..=1.5), &["1.51"]), "x: Enter a number between 0.5 and 1.5.");
    assert_eq!(send_one(Field::decimal("x").range(0..=1), &["0.5"]), "x=0.5");
    assert_eq!(send_one(Field::of::<f32>("x"), &["1e300"]), "x: Enter a number.");
    assert_eq!(send_one(Field::of::<f32>("x").range(0.1f32..), &["0.1"]), "x=0.1");
}

#[test]
fn dates_must_be_in_range() {
    let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
    assert_eq!(send_one(Field::date("x").range(day(1)..=day(30)), &["2026-11-30"]), "x=2026-11-30");
    assert_eq!(
        send_one(Field::date("x").range(day(1)..=day(30)), &["2026-12-01"]),
        "x: Enter a date, like 2026-11-21, between 2026-11-01 and 2026-11-30."
    );
    assert_eq!(send_one(Field::date("x").range(day(2)..), &["2026-11-01"]), "x: Enter a date, like 2026-11-21, not before 2026-11-02.");
    assert_eq!(send_one(Field::date("x").range(..=day(2)), &["2026-11-03"]), "x: Enter a date, like 2026-11-21, not after 2026-11-02.");
}

#[test]
fn a_pattern_must_match_the_whole_text() {
    let field = || Field::text("x").pattern("[a-z]+|[0-9]");
    assert_eq!(send_one(field(), &["abc"]), "x=abc");
    for wrong in ["abc1", "1a", "ABC", "abc def"] {
        assert_eq!(send_one(field(), &[wrong]), "x: Enter a value in the requested format.", "{wrong}");
    }
}

#[test]
fn clean_functions_validate_and_change_values() {
    let shout = |text: String| if text == "quiet" { Err("Speak up.") } else { Ok(text.to_uppercase()) };
    assert_eq!(send_one(Field::text("x").clean(shout), &["hello"]), "x=HELLO");
    assert_eq!(send_one(Field::text("x").clean(shout), &["quiet"]), "x: Speak up.");
    assert_eq!(send_one(Field::text("x").clean(shout).optional(), &[""]), "x=");
    let even = |n: i64| if n % 2 == 0 { Ok(n / 2) } else { Err(FieldError::from(format!("{n} is odd."))) };
    assert_eq!(send_one(Field::integer("x").clean(even), &["8"]), "x=4");
    assert_eq!(send_one(Field::integer("x").clean(even), &["7"]), "x: 7 is odd.");
    assert_eq!(send_one(Field::integer("x").clean(even).range(1..=10), &["12"]), "x: Enter a whole number between 1 and 10.");
}

#[test]
fn every_invalid_field_has_an_error() {
    let fields = || vec![Field::text("a"), Field::integer("b"), Field::text("c").optional()];
    assert_eq!(send(fields, &[("b", "x")]), "a: Fill in this field.\nb: Enter a whole number.");
}

#[test]
fn contradictory_rules_are_an_internal_error() {
    let fields = [
        (Field::integer("x").max_length(3), "has a minimum or maximum length"),
        (Field::text("x").range(1..=3), "has a range of values of another kind"),
        (Field::integer("x").range(0.5..), "has a range of values of another kind"),
        (Field::integer("x").textarea(), "is a text area"),
        (Field::text("x").multiple(), "has no choices; add them with choices(…)"),
        (Field::text("x").radio(), "has no choices"),
        (Field::file("x").choices(["a"]), "a control without choices"),
        (Field::password("x").hidden(), "is hidden"),
        (Field::text("x").textarea().multiple(), "accepts several values"),
        (Field::text("x").max_size(3), "rules for files"),
        (Field::text("x").pattern("["), "invalid regular expression"),
    ];
    for (field, part) in fields {
        let client = client_of(move |req| match outcome(req, std::slice::from_ref(&field)) {
            Ok(_) => Ok("no error".to_owned()),
            Err(error) => Ok(format!("{} {error}", error.status().as_u16())),
        });
        let answer = text(&client.get("/").send());
        assert!(answer.starts_with("500 the field \"x\" of the form") && answer.contains(part), "{part}: {answer}");
    }
    let client = client_of(|req| match outcome(req, &[Field::text("x"), Field::text("x")]) {
        Ok(_) => Ok("no error".to_owned()),
        Err(error) => Ok(error.to_string()),
    });
    client.get("/").send().assert_contains("the field \"x\" of the form is defined twice");
}

#[test]
fn clean_functions_get_each_value_or_all_of_them() {
    let field = || Field::text("x").choices(["a", "b", "c"]).checkboxes();
    let each = |text: String| if text == "b" { Err("Not b.") } else { Ok(text.to_uppercase()) };
    assert_eq!(send_one(field().clean(each), &["a", "c"]), "x=A|C");
    assert_eq!(send_one(field().clean(each), &["a", "b"]), "x: Not b.");
    let all = |texts: Vec<String>| if texts.len() > 2 { Err("Choose two.") } else { Ok(texts) };
    assert_eq!(send_one(field().clean(all), &["a", "c"]), "x=a|c");
    assert_eq!(send_one(field().clean(all), &["a", "b", "c"]), "x: Choose two.");
}

/// A float may be larger than any exact number.
#[test]
fn the_ends_of_a_range_may_be_any_floats() {
    let field = Field::decimal("n").range(-1e30..=f64::MAX);
    assert_eq!(send_one(field, &["5"]), "n=5");
}
