//! Creating, changing and deleting rows.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_row_is_created_changed_and_deleted,
    what_is_not_sent_stays_or_gets_its_default,
    errors_name_the_fields,
    what_the_database_refuses_is_an_error_of_the_field,
    a_row_to_which_others_refer_is_not_deleted,
    an_error_undoes_everything,
);

fn a_row_is_created_changed_and_deleted(on: &str) {
    let client = client(on);
    let root = root(&client);
    let ada = agent(&client, "Ada");
    let created = root.post("/api/tickets").json(&json!({ "title": " Printer ", "agent_id": ada.id })).send();
    let location = created.assert_status(201).location().unwrap().to_owned();
    assert_eq!(location, "/api/tickets/1");
    let expected = json!({
        "id": 1, "title": "Printer", "code": null, "state": "open", "agent_id": ada.id, "points": null, "created_at": "2026-01-01T12:00:00Z",
    });
    assert_eq!(created.json::<Value>(), expected);
    assert_eq!(root.get(&location).send().assert_status(200).json::<Value>(), expected);
    let changed = root.patch(&location).json(&json!({ "points": 3 })).send();
    assert_eq!(changed.assert_status(200).json::<Value>()["points"], 3);
    let stored = client.db(|db| Ticket::find(db, 1));
    assert_eq!((stored.title.as_str(), stored.points, stored.version), ("Printer", Some(3), 2));
    let gone = root.delete(&location).send();
    assert!(gone.assert_status(204).bytes().is_empty());
    root.get(&location).send().assert_status(404).assert_contains("There is no ticket with this id.");
    root.patch(&location).json(&json!({ "points": 3 })).send().assert_status(404);
    root.delete(&location).send().assert_status(404);
}

fn what_is_not_sent_stays_or_gets_its_default(on: &str) {
    let client = client(on);
    let root = root(&client);
    let ada = agent(&client, "Ada");
    let all = json!({ "title": "a", "code": "c", "state": "closed", "agent_id": ada.id, "points": 10 });
    root.post("/api/tickets").json(&all).send().assert_status(201);
    let patched: Value = root.patch("/api/tickets/1").json(&json!({ "title": "b" })).send().assert_status(200).json();
    assert_eq!((&patched["code"], &patched["state"], &patched["points"]), (&json!("c"), &json!("closed"), &json!(10)));
    let put: Value = root.put("/api/tickets/1").json(&json!({ "title": "c", "agent_id": ada.id })).send().assert_status(200).json();
    assert_eq!((&put["code"], &put["state"], &put["points"]), (&Value::Null, &json!("open"), &Value::Null));
    let missing = errors(&root.put("/api/tickets/1").json(&json!({ "points": 1 })).send());
    assert_eq!(missing, ["/title: This field is required.", "/agent_id: This field is required."]);
    // As a form stores it.
    let empty: Value = root.patch("/api/tickets/1").json(&json!({ "code": "" })).send().assert_status(200).json();
    assert_eq!(empty["code"], Value::Null);
}

fn errors_name_the_fields(on: &str) {
    let client = client(on);
    let root = root(&client);
    let ada = agent(&client, "Ada");
    let sent = |body: Value| errors(&root.post("/api/tickets").json(&body).send());
    let wrong =
        json!({ "title": "x".repeat(21), "state": "lost", "agent_id": "1", "points": 11, "nowhere": 1, "id": 7, "created_at": null });
    let found = sent(wrong);
    let fields = "title, code, state, agent_id, points";
    let expected = [
        "/created_at: This field cannot be written.".to_owned(),
        "/id: This field cannot be written.".to_owned(),
        format!("/nowhere: There is no such field; the fields are {fields}."),
        "/title: It has more than 20 characters.".to_owned(),
        "/state: \"lost\" is not a choice; the choices are open, closed.".to_owned(),
        "/agent_id: Expected a whole number, found \"1\".".to_owned(),
        "/points: Enter a whole number between 0 and 10.".to_owned(),
    ];
    assert_eq!(found, expected);
    assert_eq!(sent(json!({})), ["/title: This field is required.", "/agent_id: This field is required."]);
    assert_eq!(sent(json!({ "title": " ", "agent_id": ada.id })), ["/title: Fill in this field."]);
    assert_eq!(sent(json!({ "title": null, "agent_id": ada.id })), ["/title: It must have a value."]);
    let closed = json!({ "title": "a", "agent_id": ada.id, "state": "closed" });
    assert_eq!(sent(closed), ["/points: A closed ticket has points."]);
    assert_eq!(client.db(|db| Ticket::query().row_count(db)), 0);
}

fn what_the_database_refuses_is_an_error_of_the_field(on: &str) {
    let client = client(on);
    let root = root(&client);
    let ada = agent(&client, "Ada");
    let body = json!({ "title": "a", "code": "c", "agent_id": ada.id });
    root.post("/api/tickets").json(&body).send().assert_status(201);
    assert_eq!(errors(&root.post("/api/tickets").json(&body).send()), ["/code: Another ticket already has this code."]);
    let nobody = json!({ "title": "a", "agent_id": 99 });
    assert_eq!(errors(&root.post("/api/tickets").json(&nobody).send()), ["/agent_id: The agent does not exist any more. Choose another."]);
}

fn a_row_to_which_others_refer_is_not_deleted(on: &str) {
    let client = client(on);
    let root = root(&client);
    let ticket = ticket(&client, &agent(&client, "Ada"), "a");
    note(&client, &ticket, "first");
    let refused = root.delete("/api/tickets/1").send();
    assert_eq!(detail(&refused, 409), "This ticket cannot be deleted, because other rows refer to it.");
    assert_eq!(refused.json::<Value>()["code"], "referenced");
    root.delete("/api/notes/1").send().assert_status(204);
    root.delete("/api/tickets/1").send().assert_status(204);
}

fn an_error_undoes_everything(on: &str) {
    let resource = |ticket: Resource<Ticket>| {
        tickets_resource(ticket).answers(StatusCode::IM_A_TEAPOT, "There is no coffee.").after_save(|_, ticket, _| {
            match ticket.title.as_str() {
                "coffee" => Err(Error::new(StatusCode::IM_A_TEAPOT, "There is no coffee.")),
                _ => Ok(()),
            }
        })
    };
    let client = client_with(on, Api::new("Helpdesk", "1").resource::<Ticket>(resource));
    let root = root(&client);
    let ada = agent(&client, "Ada");
    root.post("/api/tickets").json(&json!({ "title": "coffee", "agent_id": ada.id })).send().assert_status(418);
    assert_eq!(client.db(|db| Ticket::query().row_count(db)), 0);
    root.post("/api/tickets").json(&json!({ "title": "tea", "agent_id": ada.id })).send().assert_status(201);
}
