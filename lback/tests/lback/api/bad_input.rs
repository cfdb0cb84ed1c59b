//! Requests that no well-meaning client sends.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(bodies_that_are_no_rows_are_refused, parameters_that_are_none_are_refused, keys_that_are_none_are_not_found);

fn bodies_that_are_no_rows_are_refused(on: &str) {
    let client = client(on);
    agent(&client, "Ada");
    let root = root(&client);
    let send = |kind: &str, body: &str| root.post("/api/tickets").header("content-type", kind).body(body.to_owned()).send();
    send("application/json", "{\"title\":").assert_status(400);
    send("application/json", "").assert_status(400);
    send("application/json", "\u{feff}{}").assert_status(400);
    send("text/plain", "{}").assert_status(415);
    send("application/x-www-form-urlencoded", "title=a").assert_status(415);
    let deep = send("application/json", &"[".repeat(100_000)).status().as_u16();
    assert!([400, 413].contains(&deep), "{deep}");
    for body in ["[]", "null", "7", "\"title\""] {
        assert_eq!(errors(&send("application/json", body)), [": Send a JSON object with the fields of the row."], "{body}");
    }
    let fields = r#"{"title":"a","agent_id":"#;
    for (agent_id, message) in [
        ("1.5", "Expected a whole number, found 1.5."),
        ("9223372036854775808", "Expected a whole number, found 9223372036854775808."),
        ("true", "Expected a whole number, found true."),
        ("[1]", "Expected a whole number, found [1]."),
        ("{}", "Expected a whole number, found {}."),
    ] {
        assert_eq!(errors(&send("application/json", &format!("{fields}{agent_id}}}"))), [format!("/agent_id: {message}")]);
    }
    let null = r#"{"title":"a\u0000b","agent_id":1}"#;
    let message = "/title: The text contains a null character, which cannot be stored. Please remove it.";
    assert_eq!(errors(&send("application/json", null)), [message]);
    assert_eq!(client.db(|db| Ticket::query().row_count(db)), 0);
}

fn parameters_that_are_none_are_refused(on: &str) {
    let root = root(&client(on));
    let refused = |query: &str| detail(&root.get(&format!("/api/tickets?{query}")).send(), 400);
    assert_eq!(refused("stat=open"), "There is no parameter \"stat\"; did you mean \"state\"?");
    assert!(
        refused("whatever=1")
            .starts_with("There is no parameter \"whatever\"; the parameters are title, title__in, title__contains, state,")
    );
    assert_eq!(refused("state=open&state=open"), "The parameter \"state\" is sent twice.");
    assert_eq!(refused("state=lost"), "The parameter \"state\" is not valid: expected one of open, closed.");
    assert_eq!(refused("points=many"), "The parameter \"points\" is not valid: expected a whole number.");
    assert_eq!(refused("points__isnull=yes"), "The parameter \"points__isnull\" is true or false.");
    assert_eq!(
        refused("created_at__gte=today"),
        "The parameter \"created_at__gte\" is not valid: expected a moment, such as 2026-12-31T23:59:00Z."
    );
    assert_eq!(refused(&format!("points__in={}", ["1"; 101].join(","))), "The parameter \"points__in\" takes at most 100 values.");
    assert_eq!(refused("search=%00"), "The parameter \"search\" contains a null character.");
    assert_eq!(refused("after=a&before=b"), "A page is after a row or before one, not both.");
    assert_eq!(detail(&root.get("/api/notes?page=x").send(), 400), "The parameter \"page\" is a whole number from 1 to 4294967295.");
    // The operations on a row have parameters of their own.
    assert_eq!(
        detail(&root.get("/api/tickets/1?state=open").send(), 400),
        "There is no parameter \"state\"; the parameters are fields, include."
    );
    assert_eq!(detail(&root.delete("/api/tickets/1?x=1").send(), 400), "There is no parameter \"x\"; there are none here.");
}

fn keys_that_are_none_are_not_found(on: &str) {
    let root = root(&client(on));
    for key in ["0", "-1", "9223372036854775807", "9223372036854775808", "x", "1.0", "%00"] {
        let status = root.get(&format!("/api/tickets/{key}")).send().status().as_u16();
        assert!([400, 404].contains(&status), "{key}: {status}");
    }
    root.post("/api/tickets/1").json(&json!({})).send().assert_status(405).assert_contains("\"code\":\"method_not_allowed\"");
}
