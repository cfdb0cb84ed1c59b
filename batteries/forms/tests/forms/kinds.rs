use lback_forms::{Field, FieldKind};

use super::send_one;

/// Checks that each of `good` is read as its right-hand value, and that each of `bad` gets `message`.
fn kind(field: Field, good: &[(&str, &str)], message: &str, bad: &[&str]) {
    for (sent, value) in good {
        assert_eq!(send_one(field.clone(), &[sent]), format!("x={value}"), "{sent}");
    }
    for sent in bad {
        assert_eq!(send_one(field.clone(), &[sent]), format!("x: {message}"), "{sent}");
    }
}

#[test]
fn text_is_trimmed_and_has_a_single_line() {
    kind(
        Field::text("x"),
        &[("  a b\t", "a b"), ("<b>", "<b>"), ("'; DROP TABLE users; --", "'; DROP TABLE users; --")],
        "Enter a single line.",
        &["a\nb", "a\r\nb"],
    );
}

#[test]
fn line_breaks_in_a_text_area_are_normalized() {
    kind(Field::text("x").textarea(), &[("a\r\nb\rc\nd", "a\nb\nc\nd"), ("\r\n  a \r\n", "a")], "", &[]);
}

#[test]
fn passwords_are_not_trimmed() {
    kind(Field::password("x"), &[("  secret ", "  secret "), (" ", " ")], "Enter a single line.", &["a\nb"]);
}

#[test]
fn email_addresses() {
    let bad = ["a", "a@", "@b", "a b@c", "a@b@c", "<a@b.c>", "a@b.c,d@e.f"];
    kind(Field::email("x"), &[(" a@b.c ", "a@b.c")], "Enter an e-mail address, like name@example.com.", &bad);
}

#[test]
fn web_addresses() {
    let bad = ["example.com", "javascript:alert(1)", "data:text/html,x", "//evil", "https://a b"];
    kind(Field::url("x"), &[("https://a.b/c?d", "https://a.b/c?d")], "Enter a web address, like https://example.com.", &bad);
}

#[test]
fn uuids() {
    let uuid = "3f2c9b1e-0d6a-4a57-9a6e-1f0c3b7d5e21";
    let message = "Enter a UUID, like 3f2c9b1e-0d6a-4a57-9a6e-1f0c3b7d5e21.";
    kind(
        Field::uuid("x"),
        &[(uuid, uuid), (&uuid.to_uppercase(), uuid)],
        message,
        &["1", "3f2c9b1e", "zf2c9b1e-0d6a-4a57-9a6e-1f0c3b7d5e21"],
    );
}

#[test]
fn whole_numbers() {
    kind(
        Field::integer("x"),
        &[(" 7 ", "7"), ("-7", "-7"), ("+7", "7"), ("007", "7")],
        "Enter a whole number.",
        &["a", "1.5", "1,000", "1e3", "0x10", "١", "--1", "NaN"],
    );
}

#[test]
fn numbers() {
    let bad = ["a", "NaN", "inf", "-inf", "infinity", "1e999", "1,5", "1.2.3", "0x1"];
    kind(
        Field::decimal("x"),
        &[("1.50", "1.5"), (".5", "0.5"), ("-1e3", "-1000"), ("1e300", "1e300"), ("5e-324", "5e-324")],
        "Enter a number.",
        &bad,
    );
}

#[test]
fn dates() {
    let bad = ["2026-02-30", "2026-1-1", "21.11.2026", "0000-01-01", "+2026-01-0", "2026-11-21T10:00", "99999-01-01"];
    kind(Field::date("x"), &[("2026-11-21", "2026-11-21"), ("2024-02-29", "2024-02-29")], "Enter a date, like 2026-11-21.", &bad);
}

#[test]
fn times() {
    let good = [("14:30", "14:30"), ("14:30:00", "14:30"), ("14:30:05", "14:30:05"), ("00:00", "00:00"), ("14:30:05.5", "14:30:05.500")];
    kind(Field::time("x"), &good, "Enter a time, like 14:30.", &["24:00", "14:60", "23:59:60", "14", "2 pm", "14:30Z"]);
}

#[test]
fn dates_with_times() {
    let good = [("2026-11-21T14:30", "2026-11-21T14:30"), ("2026-11-21 14:30:05", "2026-11-21T14:30:05")];
    let bad = ["2026-11-21", "2026-11-21T", "T14:30", "2026-11-21T14:30Z", "2026-11-21T25:00"];
    kind(Field::datetime("x"), &good, "Enter a date and a time, like 2026-11-21T14:30.", &bad);
}

#[test]
fn checkboxes() {
    let good = [("on", "true"), ("true", "true"), ("1", "true"), ("false", "false"), ("", "false")];
    kind(Field::boolean("x"), &good, "Answer yes or no.", &["maybe", "<b>", "2"]);
    assert_eq!(send_one(Field::boolean("x"), &[]), "x=false");
    assert_eq!(send_one(Field::boolean("x").required(), &[]), "x: Tick this box to continue.");
    assert_eq!(send_one(Field::boolean("x").required(), &["off"]), "x: Tick this box to continue.");
    assert_eq!(send_one(Field::boolean("x").required(), &["on"]), "x=true");
}

#[test]
fn only_available_choices_are_valid() {
    let field = Field::text("x").choices([("a", "A"), ("b", "B")]);
    kind(field, &[("a", "a"), (" b ", "b")], "Choose one of the available options.", &["c", "A", "a|b", "<b>", "a\nb"]);
    let of_numbers = Field::integer("x").choices([(1, "one"), (2, "two")]).radio();
    kind(of_numbers, &[("1", "1")], "Choose one of the available options.", &["3", "01", "one"]);
}

#[test]
fn multiple_choices() {
    let field = || Field::text("x").choices(["a", "b", "c"]).multiple();
    assert_eq!(send_one(field(), &["a", "c"]), "x=a|c");
    assert_eq!(send_one(field(), &["a", "a", ""]), "x=a");
    assert_eq!(send_one(field(), &["a", "d"]), "x: Choose from the available options.");
    assert_eq!(send_one(field(), &[]), "x: Choose at least one.");
    assert_eq!(send_one(field().optional(), &[]), "x=");
    assert_eq!(send_one(field().checkboxes(), &["b", "c"]), "x=b|c");
}

#[test]
fn hidden_fields_are_validated_like_others() {
    kind(Field::integer("x").hidden(), &[("7", "7")], "Enter a whole number.", &["seven"]);
    kind(Field::text("x").hidden(), &[("a\r\nb", "a\nb")], "", &[]);
}

#[test]
fn optional_fields_may_be_left_empty() {
    for kind in [FieldKind::Text, FieldKind::Email, FieldKind::Password, FieldKind::Url] {
        assert_eq!(send_one(Field::text("x").kind(kind).optional(), &[""]), "x=");
    }
    for field in [Field::uuid("x"), Field::integer("x"), Field::decimal("x"), Field::date("x"), Field::time("x"), Field::datetime("x")] {
        assert_eq!(send_one(field.clone().optional(), &["  "]), "x=");
        assert_eq!(send_one(field, &["  "]), "x: Fill in this field.");
    }
}
