//! The code of the application around reading and writing.

use std::sync::{Arc, Mutex};

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(code_runs_before_and_after_rows_are_written, a_missing_reference_is_a_mistake_of_the_application);

fn code_runs_before_and_after_rows_are_written(on: &str) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let logs = log.clone();
    let note = move |line: String| logs.lock().unwrap().push(line);
    let notes: [_; 4] = std::array::from_fn(|_| note.clone());
    let resource = move |ticket: Resource<Ticket>| {
        let [before_save, after_save, before_delete, after_delete] = notes;
        ticket
            .fields(["id", "title", "agent"])
            .writable(["title"])
            .before_save(move |req, ticket, old| {
                before_save(format!("before {:?} {}", old.map(|old| old.title.clone()), ticket.title));
                ticket.agent_id = Agent::query().first::<Agent>(req.db()?)?.id;
                ticket.title.push('!');
                Ok(())
            })
            .after_save(move |_, ticket, _| {
                after_save(format!("after {} {}", ticket.id, ticket.title));
                Ok(())
            })
            .before_delete(move |_, ticket| {
                before_delete(format!("delete {}", ticket.title));
                Ok(())
            })
            .after_delete(move |_, ticket| {
                after_delete(format!("deleted {}", ticket.title));
                Ok(())
            })
    };
    let client = client_with(on, Api::new("Helpdesk", "1").resource::<Ticket>(resource));
    let root = root(&client);
    let ada = agent(&client, "Ada");
    let created: Value = root.post("/api/tickets").json(&json!({ "title": "a" })).send().assert_status(201).json();
    assert_eq!(created, json!({ "id": 1, "title": "a!", "agent_id": ada.id }));
    root.patch("/api/tickets/1").json(&json!({ "title": "b" })).send().assert_status(200);
    root.delete("/api/tickets/1").send().assert_status(204);
    let lines = ["before None a", "after 1 a!", "before Some(\"a!\") b", "after 1 b!", "delete b!", "deleted b!"];
    assert_eq!(*log.lock().unwrap(), lines);
}

fn a_missing_reference_is_a_mistake_of_the_application(on: &str) {
    let api = Api::new("Helpdesk", "1").resource::<Ticket>(|ticket| ticket.fields(["id"]).writable(["title"]));
    let client = client_with(on, api);
    let refused = root(&client).post("/api/tickets").json(&json!({ "title": "a" })).send();
    refused.assert_status(500);
    assert!(format!("{refused:?}").contains("set agent_id in before_save, or add it to .writable([…])"), "{refused:?}");
}
