//! The OpenAPI document, and the check of responses against it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    the_document_has_what_is_registered,
    the_document_says_who_may_do_what,
    a_response_outside_of_the_document_fails_the_test,
    the_command_prints_the_document,
);

fn document(on: &str, api: Api) -> Value {
    root(&client_with(on, api)).get("/api/openapi.json").send().assert_status(200).json()
}

fn the_document_has_what_is_registered(on: &str) {
    let document = document(on, api());
    assert_eq!((&document["openapi"], &document["info"]), (&json!("3.1.0"), &json!({ "title": "Helpdesk", "version": "1" })));
    assert_eq!(document["servers"], json!([{ "url": "/api" }]));
    let operations = |path: &str| document["paths"][path].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(operations("/tickets"), ["get", "post"]);
    assert_eq!(operations("/tickets/{id}"), ["delete", "get", "patch", "put"]);
    let parameters = |path: &str, method: &str| {
        let parameters = document["paths"][path][method]["parameters"].as_array().unwrap();
        parameters.iter().map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(parameters("/notes", "get"), ["limit", "page", "include"]);
    assert_eq!(parameters("/tickets/{id}", "patch"), ["id", "fields", "include", "If-Match", "Idempotency-Key"]);
    assert!(parameters("/tickets", "get").contains(&"points__gte".to_owned()));
    // A filter compares with any number.
    let is_points = |parameter: &&Value| parameter["name"] == "points__gte";
    let points = document["paths"]["/tickets"]["get"]["parameters"].as_array().unwrap().iter().find(is_points).unwrap();
    let number = json!({ "type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX });
    assert_eq!(points["schema"], number);
    let statuses =
        |path: &str, method: &str| document["paths"][path][method]["responses"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(statuses("/tickets", "get"), ["200", "400", "401", "403", "5XX"]);
    assert_eq!(statuses("/tickets", "post"), ["201", "400", "401", "403", "409", "413", "415", "422", "5XX"]);
    assert_eq!(statuses("/tickets/{id}", "delete"), ["204", "400", "401", "403", "404", "409", "412", "5XX"]);
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["NewTicket"]["required"], json!(["title", "agent_id"]));
    assert_eq!(schemas["TicketChange"]["required"], json!([]));
    let state = json!({ "type": "string", "enum": ["open", "closed"], "default": "open", "title": "State" });
    assert_eq!(schemas["NewTicket"]["properties"]["state"], state);
    let points = json!({ "type": ["integer", "null"], "format": "int32", "minimum": 0, "maximum": 10, "title": "Points" });
    assert_eq!(schemas["Ticket"]["properties"]["points"], points);
    assert_eq!(schemas["Note"]["required"], json!(["id", "ticket_id", "text"]));
    assert!(!document.to_string().contains("secret"));
    // Every reference leads to a schema.
    let text = document.to_string();
    for name in text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(schemas.get(name).is_some(), "{name}");
    }
}

fn the_document_says_who_may_do_what(on: &str) {
    use lback::api::Operation;
    let resource = |ticket: Resource<Ticket>| tickets_resource(ticket).public().only([Operation::List, Operation::Create]);
    let document = document(on, Api::new("Helpdesk", "1").description("For *programs*.").resource::<Ticket>(resource));
    assert_eq!(document["info"]["description"], "For *programs*.");
    assert_eq!(document["paths"]["/tickets"]["get"]["security"], json!([]));
    assert_eq!(document["paths"]["/tickets"]["post"]["security"], json!([{ "csrf": [], "session": [] }]));
    assert_eq!(document["paths"]["/tickets"]["post"]["description"], "Needs the permission tickets.add.");
    assert_eq!(document["paths"].get("/tickets/{id}"), None);
    assert_eq!(document["components"]["securitySchemes"]["session"]["name"], "session_id");
}

/// What the test client says of the response to a request, if it panics.
fn refusal(send: impl FnOnce() -> TestResponse) -> String {
    let panic = catch_unwind(AssertUnwindSafe(send)).expect_err("the response is outside of the document");
    panic.downcast_ref::<String>().expect("a message").clone()
}

fn a_response_outside_of_the_document_fails_the_test(on: &str) {
    let resource = |ticket: Resource<Ticket>| {
        tickets_resource(ticket).before_save(|_, ticket, _| match ticket.title.as_str() {
            "coffee" => Err(Error::new(StatusCode::IM_A_TEAPOT, "There is no coffee.")),
            _ => Ok(()),
        })
    };
    let client = client_with(on, Api::new("Helpdesk", "1").resource::<Ticket>(resource));
    let ada = agent(&client, "Ada");
    let root = root(&client);
    let said = refusal(|| root.post("/api/tickets").json(&json!({ "title": "coffee", "agent_id": ada.id })).send());
    assert!(
        said.starts_with("POST /api/tickets answered 418 I'm a teapot: the status is 418, which the document does not allow"),
        "{said}"
    );

    // A middleware that meddles with what the API answers.
    async fn meddle(req: &mut Request, next: Next<'_>) -> Result<Response> {
        let how = req.header("x-how").unwrap_or_default().to_owned();
        let response = next.run(req).await?;
        Ok(match how.as_str() {
            "text" => Response::text("hello"),
            "empty" => Response::json(&json!({}))?,
            "extra" => Response::json(&json!({ "items": [{ "id": 1, "extra": 1 }], "next": null, "previous": null }))?,
            "kind" => Response::json(&json!({ "items": [{ "title": 1 }], "next": null, "previous": null }))?,
            "long" => Response::json(&json!({ "items": [{ "title": "x".repeat(21) }], "next": null, "previous": null }))?,
            "choice" => Response::json(&json!({ "items": [{ "state": "lost" }], "next": null, "previous": null }))?,
            "range" => Response::json(&json!({ "items": [{ "points": 11 }], "next": null, "previous": null }))?,
            "time" => Response::json(&json!({ "items": [{ "created_at": "today" }], "next": null, "previous": null }))?,
            _ => response,
        })
    }
    let urls = Router::new().include("/api", api().urls()).middleware(meddle);
    let client = Client::with_settings(App::new(urls).models(models()).auth().api(), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models()));
    let user = client.add_user(NewUser::from("root").superuser(true));
    client.login(&user);
    let meddled = |how: &str| refusal(|| client.get("/api/tickets").header("x-how", how).send());
    for (how, problem) in [
        ("text", "the content type is \"text/plain; charset=utf-8\", and not \"application/json\""),
        ("empty", "the value at \"\" has no \"items\""),
        ("extra", "the value at \"/items/0\" has \"extra\""),
        ("kind", "the value at \"/items/0/title\" is 1, and not of the type string"),
        ("long", "the value at \"/items/0/title\" has more than 20 characters"),
        ("choice", "the value at \"/items/0/state\" is \"lost\", and not one of [\"open\",\"closed\"]"),
        ("range", "the value at \"/items/0/points\" is 11, outside of 0 to 10"),
        ("time", "the value at \"/items/0/created_at\" is \"today\", and not of the format \"date-time\""),
    ] {
        let said = meddled(how);
        assert!(said.contains(problem), "{how}: {said}");
    }
    client.get("/api/tickets").send().assert_status(200);
    client.request(Method::HEAD, "/api/tickets").send().assert_status(200);
}

fn the_command_prints_the_document(on: &str) {
    let client = client(on);
    let printed: Value = lback::serde_json::from_str(&client.command("api", &["schema"])).unwrap();
    let served: Value = root(&client).get("/api/openapi.json").send().json();
    assert_eq!(printed, served);
    let same: Value = lback::serde_json::from_str(&client.command("api", &["schema", "/api"])).unwrap();
    assert_eq!(same, served);
}
