//! Each pair of documents differs in one thing.

use serde_json::{Value as Json, json};

use super::{changes, read};

/// A document with one operation.
fn document(operation: Json, schemas: Json) -> Json {
    json!({
        "openapi": "3.1.0",
        "servers": [{ "url": "/api" }],
        "paths": { "/tickets": { "post": operation }, "/openapi.json": { "get": { "operationId": "openapi" } } },
        "components": { "schemas": schemas },
    })
}

/// The changes between two documents, as lines.
fn lines(old: &Json, new: &Json) -> Vec<String> {
    changes(old, new).iter().map(ToString::to_string).collect()
}

/// The changes of an operation.
fn of_operation(old: Json, new: Json) -> Vec<String> {
    lines(&document(old, json!({})), &document(new, json!({})))
}

/// The changes if a schema of requests, and of responses, changes.
fn of_schema(old: Json, new: Json) -> [Vec<String>; 2] {
    let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Ticket" } } });
    let operations = [json!({ "requestBody": { "content": content } }), json!({ "responses": { "200": { "content": content } } })];
    operations
        .map(|operation| lines(&document(operation.clone(), json!({ "Ticket": old })), &document(operation, json!({ "Ticket": new }))))
}

/// Checks the lines of a change for requests and for responses, without its place.
#[track_caller]
fn assert_schema(old: Json, new: Json, request: &str, response: &str) {
    let [requests, responses] = of_schema(old, new);
    let expected = |line: &str, of: &str| match line.split_once(' ') {
        Some((kind, text)) => vec![format!("{kind:<10}  Ticket in {of}{text}")],
        None => Vec::new(),
    };
    assert_eq!(requests, expected(request, "requests"));
    assert_eq!(responses, expected(response, "responses"));
}

fn fields(properties: Json, required: Json) -> Json {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

#[test]
fn equal_documents_have_no_changes() {
    let row = fields(json!({ "id": { "type": "integer" } }), json!(["id"]));
    assert_eq!(of_schema(row.clone(), row), [Vec::<String>::new(), Vec::new()]);
}

#[test]
fn operations_come_and_go() {
    let one = document(json!({}), json!({}));
    let mut two = one.clone();
    two["paths"]["/tickets/{id}"] = json!({ "delete": {} });
    assert_eq!(lines(&two, &one), ["breaking    DELETE /tickets/{id}: the operation is removed"]);
    assert_eq!(lines(&one, &two), ["compatible  DELETE /tickets/{id}: the operation is new"]);
    two = one.clone();
    two["servers"][0]["url"] = "/v2".into();
    assert_eq!(lines(&one, &two), ["breaking    API: its path was /api and is /v2"]);
}

#[test]
fn breaking_changes_come_first() {
    let old = json!({ "parameters": [{ "name": "b", "in": "query", "schema": {} }] });
    let new = json!({ "parameters": [{ "name": "a", "in": "query", "schema": {} }, { "name": "c", "in": "query", "required": true }] });
    assert_eq!(
        of_operation(old, new),
        [
            "breaking    POST /tickets, parameter b: it is removed",
            "breaking    POST /tickets, parameter c: it is new and required",
            "compatible  POST /tickets, parameter a: it is new",
        ]
    );
}

#[test]
fn a_parameter_must_not_become_required() {
    let header = |required: bool| json!({ "parameters": [{ "name": "If-Match", "in": "header", "required": required, "schema": {} }] });
    assert_eq!(of_operation(header(false), header(true)), ["breaking    POST /tickets, header If-Match: it is required now"]);
    assert_eq!(of_operation(header(true), header(false)), ["compatible  POST /tickets, header If-Match: it is optional now"]);
    let limit = |most: u32| json!({ "parameters": [{ "name": "limit", "in": "query", "schema": { "type": "integer", "maximum": most } }] });
    assert_eq!(of_operation(limit(100), limit(50)), ["breaking    POST /tickets, parameter limit: maximum was 100 and is 50"]);
    assert_eq!(of_operation(limit(50), limit(100)), ["compatible  POST /tickets, parameter limit: maximum was 50 and is 100"]);
}

#[test]
fn access_must_not_need_more() {
    let by = |ways: Json| json!({ "security": ways });
    let (everyone, session) = (by(json!([])), by(json!([{ "session": [], "csrf": [] }])));
    let both = by(json!([{ "session": [], "csrf": [] }, { "token": [] }]));
    let closed = "breaking    POST /tickets: the access was for everyone and is by csrf and session";
    assert_eq!(of_operation(everyone.clone(), session.clone()), [closed]);
    assert_eq!(
        of_operation(session.clone(), everyone),
        ["compatible  POST /tickets: the access was by csrf and session and is for everyone"]
    );
    let more = "compatible  POST /tickets: the access was by csrf and session and is by csrf and session or by token";
    assert_eq!(of_operation(session.clone(), both.clone()), [more]);
    assert_eq!(
        of_operation(both, session),
        ["breaking    POST /tickets: the access was by csrf and session or by token and is by csrf and session"]
    );
    let (any, scoped) = (by(json!([{ "token": [] }])), by(json!([{ "token": ["tickets:write"] }])));
    let narrower = "breaking    POST /tickets: the access was by token and is by scope tickets:write and token";
    assert_eq!(of_operation(any, scoped), [narrower]);
}

#[test]
fn a_success_must_not_disappear() {
    let responses = |statuses: Json| json!({ "responses": statuses });
    let (both, one) = (responses(json!({ "201": {}, "409": {} })), responses(json!({ "201": {} })));
    assert_eq!(of_operation(both.clone(), one.clone()), ["compatible  POST /tickets, status 409: the status is removed"]);
    assert_eq!(of_operation(one.clone(), both), ["compatible  POST /tickets, status 409: the status is new"]);
    assert_eq!(of_operation(one, responses(json!({}))), ["breaking    POST /tickets, status 201: the status is removed"]);
    let header = |headers: Json| responses(json!({ "201": { "headers": headers } }));
    let (with, without) = (header(json!({ "ETag": { "required": true } })), header(json!({ "ETag": { "required": false } })));
    assert_eq!(of_operation(with.clone(), without), ["breaking    POST /tickets, status 201: the header ETag may be missing now"]);
    assert_eq!(of_operation(with, header(json!({}))), ["breaking    POST /tickets, status 201: the header ETag is removed"]);
}

#[test]
fn a_body_must_not_appear() {
    let body = |required: bool| json!({ "requestBody": { "required": required, "content": { "application/json": {} } } });
    assert_eq!(of_operation(json!({}), body(true)), ["breaking    POST /tickets, body: it is new"]);
    assert_eq!(of_operation(body(true), json!({})), ["breaking    POST /tickets, body: it is removed"]);
    assert_eq!(of_operation(body(true), body(false)), ["compatible  POST /tickets, body: it is optional now"]);
    let text = json!({ "requestBody": { "required": true, "content": { "text/plain": {} } } });
    assert_eq!(
        of_operation(body(true), text),
        [
            "breaking    POST /tickets, body: the content type application/json is removed",
            "compatible  POST /tickets, body: the content type text/plain is new",
        ]
    );
}

#[test]
fn fields_come_and_go() {
    let (none, code) = (fields(json!({}), json!([])), fields(json!({ "code": {} }), json!([])));
    let needed = fields(json!({ "code": {} }), json!(["code"]));
    let removed = "breaking  /code: the field is removed";
    assert_schema(code.clone(), none.clone(), removed, removed);
    assert_schema(none.clone(), code.clone(), "compatible  /code: the field is new", "compatible  /code: the field is new");
    assert_schema(none, needed.clone(), "breaking  /code: the field is new and required", "compatible  /code: the field is new");
    let (required, always) = ("breaking  /code: the field is required now", "compatible  /code: the field is always there now");
    assert_schema(code.clone(), needed.clone(), required, always);
    let (optional, missing) = ("compatible  /code: the field is optional now", "breaking  /code: the field may be missing now");
    assert_schema(needed, code, optional, missing);
}

#[test]
fn types_change() {
    let field = |schema: Json| fields(json!({ "a": { "type": "array", "items": schema } }), json!([]));
    let kind = |kind: Json| field(json!({ "type": kind }));
    let text = "/a/*: the type was integer and is integer or null";
    assert_schema(kind(json!("integer")), kind(json!(["integer", "null"])), &format!("compatible  {text}"), &format!("breaking  {text}"));
    let text = "/a/*: the type was integer or null and is integer";
    assert_schema(kind(json!(["integer", "null"])), kind(json!("integer")), &format!("breaking  {text}"), &format!("compatible  {text}"));
    let text = "/a/*: the type was integer and is number";
    assert_schema(kind(json!("integer")), kind(json!("number")), &format!("compatible  {text}"), &format!("breaking  {text}"));
    let text = "breaking  /a/*: the type was integer and is string";
    assert_schema(field(json!({ "type": "integer", "minimum": 1 })), kind(json!("string")), text, text);
    let text = "breaking  /a/*: format was \"date\" and is \"date-time\"";
    assert_schema(field(json!({ "format": "date" })), field(json!({ "format": "date-time" })), text, text);
    let float = json!({ "anyOf": [{ "type": "number" }, { "enum": ["NaN"] }] });
    let text = "breaking  /a/*: the values are of another type";
    assert_schema(field(float), kind(json!("integer")), text, text);
}

#[test]
fn values_come_and_go() {
    let choices = |names: Json| fields(json!({ "state": { "enum": names } }), json!([]));
    let (two, three) = (choices(json!(["open", "closed"])), choices(json!(["open", "closed", "late"])));
    let (new, removed) = ("/state: the value \"late\" is new", "/state: the value \"late\" is removed");
    assert_schema(two.clone(), three.clone(), &format!("compatible  {new}"), &format!("breaking  {new}"));
    assert_schema(three, two, &format!("breaking  {removed}"), &format!("compatible  {removed}"));
    let length = |most: u32| fields(json!({ "code": { "type": "string", "maxLength": most } }), json!([]));
    let text = "/code: maxLength was 40 and is 20";
    assert_schema(length(40), length(20), &format!("breaking  {text}"), &format!("compatible  {text}"));
    let free = fields(json!({ "code": { "type": "string" } }), json!([]));
    let text = "/code: maxLength was 40 and is not set now";
    assert_schema(length(40), free, &format!("compatible  {text}"), &format!("breaking  {text}"));
    let default = |state: &str| fields(json!({ "state": { "default": state } }), json!([]));
    assert_schema(default("open"), default("late"), "compatible  /state: default was \"open\" and is \"late\"", "");
}

#[test]
fn schemas_that_refer_to_each_other_are_compared_once() {
    let node = |text: Json| fields(json!({ "text": text, "next": { "$ref": "#/components/schemas/Ticket" } }), json!([]));
    let text = "/text: the type was string and is integer";
    let line = format!("breaking  {text}");
    assert_schema(node(json!({ "type": "string" })), node(json!({ "type": "integer" })), &line, &line);
}

#[test]
fn other_files_are_refused() {
    assert!(read("openapi: 3.1.0").unwrap_err().starts_with("it is not JSON (expected value"));
    assert_eq!(read("{}").unwrap_err(), "it is JSON, but not an OpenAPI document");
    assert_eq!(read("[]").unwrap_err(), "it is JSON, but not an OpenAPI document");
    assert_eq!(read(r#"{"openapi":"3.0.3"}"#).unwrap_err(), "it is a document of OpenAPI 3.0.3, and not of 3.1");
    assert_eq!(read(r#"{"openapi":"3.1.0"}"#).unwrap_err(), "it is not the document of an API of Lback");
    assert!(read(&document(json!({}), json!({})).to_string()).is_ok());
}
