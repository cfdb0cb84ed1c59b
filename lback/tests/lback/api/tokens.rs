//! API tokens take the place of a login.

use lback::auth::NewToken;

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_token_does_what_its_scopes_and_the_users_permissions_allow,
    a_token_is_refused_also_if_rows_are_public,
    resources_can_share_a_scope,
    the_document_describes_tokens,
    without_tokens_the_header_is_ignored,
);

fn token_client(on: &str, api: Api) -> Client {
    let client = Client::with_settings(app(api).tokens(), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.clock().set("2026-01-01T12:00:00Z".parse().unwrap());
    client.db(|db| create_tables(db, models()));
    client.enforce_csrf();
    client
}

/// A token of a new user with these permissions.
fn token(client: &Client, name: &str, permissions: &[&str], scopes: &[&str]) -> String {
    let user = client.add_user(permissions.iter().fold(NewUser::from(name), |user, permission| user.permission(permission)));
    let (new, now) = (scopes.iter().fold(NewToken::new("test"), |new, scope| new.scope(scope)), client.clock().now());
    client.db(|db| new.insert(db, &user, now)).1
}

fn a_token_does_what_its_scopes_and_the_users_permissions_allow(on: &str) {
    let client = token_client(on, api());
    let ada = agent(&client, "Ada");
    ticket(&client, &ada, "a");
    let row = json!({ "title": "b", "agent_id": ada.id });
    let statuses = |token: &str| {
        let responses = [
            client.get("/api/tickets").bearer(token).send(),
            client.get("/api/tickets/1").bearer(token).send(),
            client.post("/api/tickets").bearer(token).json(&row).send(),
            client.patch("/api/tickets/1").bearer(token).json(&row).send(),
            client.get("/api/notes").bearer(token).send(),
            client.get("/api/openapi.json").bearer(token).send(),
        ];
        responses.map(|response| response.status().as_u16())
    };
    let all = ["tickets.view", "tickets.add", "tickets.change", "notes.view"];
    assert_eq!(statuses(&token(&client, "both", &all, &["tickets"])), [200, 200, 201, 200, 403, 200]);
    assert_eq!(statuses(&token(&client, "reader", &all, &["tickets:read"])), [200, 200, 403, 403, 403, 200]);
    assert_eq!(statuses(&token(&client, "writer", &all, &["tickets:write"])), [403, 403, 201, 200, 403, 200]);
    assert_eq!(statuses(&token(&client, "noter", &all, &["notes"])), [403, 403, 403, 403, 200, 200]);
    assert_eq!(statuses(&token(&client, "viewer", &["tickets.view"], &["tickets", "notes"])), [200, 200, 403, 403, 403, 200]);
    assert_eq!(statuses("lback_forged"), [401; 6]);
    assert_eq!(client.db(|db| Ticket::query().row_count(db)), 3);
    // A login still needs the CSRF token.
    let user = client.add_user(NewUser::from("root").superuser(true));
    client.login(&user);
    client.get("/api/tickets").send().assert_status(200);
    client.post("/api/tickets").json(&row).send().assert_status(403);
}

fn a_token_is_refused_also_if_rows_are_public(on: &str) {
    let api = Api::new("Helpdesk", "1").public_document().resource::<Ticket>(|ticket| tickets_resource(ticket).public());
    let client = token_client(on, api);
    client.get("/api/tickets").send().assert_status(200);
    let refused = client.get("/api/tickets").bearer("lback_forged").send();
    assert_eq!(detail(&refused, 401), "The token is not valid.");
    let other = token(&client, "alice", &[], &["notes"]);
    let refused = client.get("/api/tickets").bearer(&other).send();
    assert_eq!(detail(&refused, 403), "The token lacks the scope tickets:read.");
    client.get("/api/openapi.json").bearer(&other).send().assert_status(200);
    client.get("/api/openapi.json").bearer("lback_forged").send().assert_status(401);
}

fn resources_can_share_a_scope(on: &str) {
    let api = Api::new("Helpdesk", "1")
        .resource::<Ticket>(|ticket| tickets_resource(ticket).scope("desk").login_required())
        .resource::<Note>(|note| notes_resource(note).scope("desk").login_required());
    let client = token_client(on, api);
    let token = token(&client, "alice", &[], &["desk:read"]);
    for path in ["/api/tickets", "/api/notes"] {
        client.get(path).bearer(&token).send().assert_status(200);
    }
    client.post("/api/tickets").bearer(&token).json(&json!({})).send().assert_status(403);
}

fn the_document_describes_tokens(on: &str) {
    let document: Value = lback::serde_json::from_str(&token_client(on, api()).command("api", &["schema"])).unwrap();
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let security = |path: &str, method: &str| document["paths"][path][method]["security"].clone();
    assert_eq!(security("/tickets", "get"), json!([{ "session": [] }, { "token": ["tickets:read"] }]));
    assert_eq!(security("/tickets/{id}", "delete"), json!([{ "session": [], "csrf": [] }, { "token": ["tickets:write"] }]));
    assert_eq!(security("/openapi.json", "get"), json!([{ "session": [] }, { "token": [] }]));

    let without = client(on).command("api", &["schema"]);
    assert!(!without.contains("bearer") && !without.contains("\"token\""), "{without}");
}

fn without_tokens_the_header_is_ignored(on: &str) {
    let client = client(on);
    let root = root(&client);
    client.get("/api/tickets").bearer("lback_forged").send().assert_status(401).assert_contains("Please log in first.");
    root.get("/api/tickets").bearer("lback_forged").send().assert_status(200);
    assert!(client.try_command("createtoken", &["root", "ci"]).unwrap_err().to_string().contains("createtoken"));
}
