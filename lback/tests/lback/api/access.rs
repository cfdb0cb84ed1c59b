//! Who may do what.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    nothing_is_open_unless_it_is_stated,
    each_operation_needs_its_permission,
    public_opens_only_reading,
    a_login_is_enough_if_that_is_stated,
    rows_outside_of_the_queryset_do_not_exist,
);

fn nothing_is_open_unless_it_is_stated(on: &str) {
    let client = client(on);
    ticket(&client, &agent(&client, "Ada"), "a");
    let nobody = user(&client, "nobody", &[]);
    for (path, method) in [
        ("/api/tickets", Method::GET),
        ("/api/tickets", Method::POST),
        ("/api/tickets/1", Method::GET),
        ("/api/tickets/1", Method::PATCH),
        ("/api/tickets/1", Method::PUT),
        ("/api/tickets/1", Method::DELETE),
        ("/api/notes", Method::GET),
    ] {
        let visitor = client.request(method.clone(), path).json(&json!({ "title": "b" })).send();
        assert_eq!(visitor.assert_status(401).header("www-authenticate"), Some("Session"));
        nobody.request(method, path).json(&json!({ "title": "b" })).send().assert_status(403);
    }
    client.get("/api/openapi.json").send().assert_status(401);
    nobody.get("/api/openapi.json").send().assert_status(200);
    client.get("/api/nowhere").send().assert_status(404).assert_contains("\"code\":\"not_found\"");
    assert_eq!(client.db(|db| Ticket::find(db, 1)).title, "a");
}

fn each_operation_needs_its_permission(on: &str) {
    let client = client(on);
    let ada = agent(&client, "Ada");
    ticket(&client, &ada, "a");
    let statuses = |client: &Client| {
        let row = json!({ "title": "b", "agent_id": ada.id });
        let responses = [
            client.get("/api/tickets").send(),
            client.get("/api/tickets/1").send(),
            client.post("/api/tickets").json(&row).send(),
            client.patch("/api/tickets/1").json(&row).send(),
            client.put("/api/tickets/1").json(&row).send(),
            client.delete("/api/tickets/1").send(),
        ];
        responses.map(|response| response.status().as_u16())
    };
    assert_eq!(statuses(&user(&client, "viewer", &["tickets.view"])), [200, 200, 403, 403, 403, 403]);
    assert_eq!(statuses(&user(&client, "adder", &["tickets.add"])), [403, 403, 201, 403, 403, 403]);
    assert_eq!(statuses(&user(&client, "changer", &["tickets.change"])), [200, 200, 403, 200, 200, 403]);
    assert_eq!(statuses(&user(&client, "deleter", &["tickets.delete"])), [403, 403, 403, 403, 403, 204]);
}

fn public_opens_only_reading(on: &str) {
    let api = Api::new("Helpdesk", "1").public_document().resource::<Ticket>(|ticket| tickets_resource(ticket).public());
    let client = client_with(on, api);
    let ada = agent(&client, "Ada");
    ticket(&client, &ada, "a");
    client.get("/api/tickets").send().assert_status(200);
    client.get("/api/tickets/1").send().assert_status(200);
    client.get("/api/openapi.json").send().assert_status(200);
    client.post("/api/tickets").json(&json!({ "title": "b", "agent_id": ada.id })).send().assert_status(401);
    client.delete("/api/tickets/1").send().assert_status(401);
    user(&client, "nobody", &[]).delete("/api/tickets/1").send().assert_status(403);
}

fn a_login_is_enough_if_that_is_stated(on: &str) {
    let api = Api::new("Helpdesk", "1").resource::<Ticket>(|ticket| tickets_resource(ticket).login_required());
    let client = client_with(on, api);
    let ada = agent(&client, "Ada");
    client.get("/api/tickets").send().assert_status(401);
    let nobody = user(&client, "nobody", &[]);
    nobody.post("/api/tickets").json(&json!({ "title": "b", "agent_id": ada.id })).send().assert_status(201);
    nobody.get("/api/tickets/1").send().assert_status(200);
    // A program that forges a request of the browser has no token.
    nobody.enforce_csrf();
    nobody.delete("/api/tickets/1").send().assert_status(403);
    assert_eq!(client.db(|db| Ticket::query().row_count(db)), 1);
}

fn rows_outside_of_the_queryset_do_not_exist(on: &str) {
    let resource = |ticket: Resource<Ticket>| {
        tickets_resource(ticket).login_required().queryset(|req, list| {
            let user = req.require_login()?;
            Ok(if user.is_staff { list } else { list.among(|| Ticket::query().filter(tickets::state.eq(State::Open))) })
        })
    };
    let client = client_with(on, Api::new("Helpdesk", "1").resource::<Ticket>(resource));
    let ada = agent(&client, "Ada");
    ticket(&client, &ada, "open");
    let mut closed = ticket(&client, &ada, "closed");
    (closed.state, closed.points) = (State::Closed, Some(1));
    client.db(|db| closed.save(db));
    let visitor = user(&client, "visitor", &[]);
    assert_eq!(titles(&visitor.get("/api/tickets").send()), ["open"]);
    assert_eq!(titles(&visitor.get("/api/tickets?state=closed").send()), Vec::<String>::new());
    visitor.get("/api/tickets/2").send().assert_status(404);
    visitor.patch("/api/tickets/2").json(&json!({ "title": "b" })).send().assert_status(404);
    visitor.delete("/api/tickets/2").send().assert_status(404);
    let outside = json!({ "title": "b", "agent_id": ada.id, "state": "closed", "points": 1 });
    visitor.post("/api/tickets").json(&outside).send().assert_status(403);
    visitor.patch("/api/tickets/1").json(&json!({ "state": "closed", "points": 1 })).send().assert_status(403);
    let stored = client.db(|db| Ticket::query().order(tickets::id).load(db));
    assert_eq!(
        stored.iter().map(|ticket| (ticket.title.as_str(), ticket.state)).collect::<Vec<_>>(),
        [("open", State::Open), ("closed", State::Closed)]
    );
    assert_eq!(titles(&root(&client).get("/api/tickets").send()), ["open"]);
    let staff = client.add_user(NewUser::from("staff").staff(true));
    client.login(&staff);
    assert_eq!(titles(&client.get("/api/tickets").send()), ["closed", "open"]);
}
