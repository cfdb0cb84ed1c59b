//! Mistakes in the configuration are errors at the start, which name the place and the remedy.

use super::*;
use crate::start_error;

fn error(configure: impl FnOnce(Resource<Ticket>) -> Resource<Ticket>) -> String {
    start_error(app(Api::new("Helpdesk", "1").resource::<Ticket>(configure)), "SESSION_TIMEOUT_MINUTES = 30")
}

#[test]
fn a_wrong_name_is_an_error_with_its_place() {
    let errors = [
        error(|ticket| ticket.fields(["titel"])),
        error(|ticket| ticket.fields(["id"]).writable(["titel"])),
        error(|ticket| ticket.fields(["id"]).filter(["titel"])),
        error(|ticket| ticket.fields(["id"]).search(["titel"])),
        error(|ticket| ticket.fields(["id"]).order(["-titel"])),
        error(|ticket| ticket.fields(["id"]).sortable(["titel"])),
        error(|ticket| ticket.fields(["id"]).include("titel", ["id"])),
    ];
    for error in errors {
        assert!(error.contains("Ticket has no field \"titel\"; did you mean \"title\"?"), "{error}");
        assert!(error.contains("misconfiguration.rs:"), "{error}");
    }
    let unknown = error(|ticket| ticket.fields(["whatever"]));
    assert!(unknown.contains("its fields are id, title, code, state, agent_id, points, version, created_at"), "{unknown}");
}

#[test]
fn what_cannot_be_is_an_error() {
    assert!(error(|ticket| ticket).contains("Ticket has no fields: name those that clients may see, as in .fields([\"id\"])"));
    assert!(error(|ticket| ticket.fields(["id"]).writable(["id"])).contains("Ticket.id is set by the database or by Lback"));
    assert!(error(|ticket| ticket.fields(["id"]).writable(["version"])).contains("Ticket.version is set by"));
    assert!(error(|ticket| ticket.fields(["id"]).search(["points"])).contains("Ticket.points is not a text"));
    assert!(error(|ticket| ticket.fields(["id"]).include("title", ["id"])).contains("Ticket.title is not a reference"));
    assert!(error(|ticket| ticket.fields(["id"]).include("agent", ["secret"])).contains("Agent.secret is hidden"));
    assert!(error(|ticket| ticket.fields(["id"]).per_page(50, 20)).contains("50 rows on a page, which is more than at most 20"));
    assert!(error(|ticket| ticket.fields(["id"]).path("a/b")).contains("the path \"a/b\" of Ticket"));
    let on = |api: Api| start_error(app(api), "SESSION_TIMEOUT_MINUTES = 30");
    let note = |note: Resource<Note>| note.fields(["id"]).require_if_match();
    assert!(on(Api::new("Helpdesk", "1").resource::<Note>(note)).contains("Note requires If-Match, but has no version"));
    let users = |user: Resource<User>| user.fields(["id", "username"]).writable(["username"]);
    assert!(on(Api::new("Helpdesk", "1").resource::<User>(users)).contains("an API cannot change them"));
    assert!(on(Api::new("Helpdesk", "1").resource::<User>(|user| user.fields(["password"]))).contains("is hidden"));
    let agent = |agent: Resource<Agent>| agent.fields(["id"]).path("tickets");
    let twice = on(Api::new("Helpdesk", "1").resource::<Ticket>(tickets_resource).resource::<Agent>(agent));
    assert!(twice.contains("two resources have the path \"tickets\""), "{twice}");
}

#[test]
fn an_api_needs_users_unless_all_of_it_is_public() {
    let start = |api: Api| App::new(Router::new().include("/api", api.urls())).models(models()).api();
    let error = start_error(start(api()), "SESSION_TIMEOUT_MINUTES = 30");
    assert!(error.contains("App::new(urls).auth()"), "{error}");
    let public = Api::new("Helpdesk", "1").public_document().resource::<Agent>(|agent| agent.fields(["id", "name"]).public());
    let client = Client::with_settings(start(public), "SESSION_TIMEOUT_MINUTES = 30");
    client.db(|db| create_tables(db, models()));
    agent(&client, "Ada");
    let page: Value = client.get("/api/agents").send().assert_status(200).json();
    assert_eq!(page, json!({ "items": [{ "id": 1, "name": "Ada" }], "next": null, "previous": null }));
    client.post("/api/agents").json(&json!({})).send().assert_status(405);
}

#[test]
fn permissions_are_those_of_the_admin() {
    let names = |app: App| {
        let client = Client::with_settings(app, "SESSION_TIMEOUT_MINUTES = 30");
        let mut names: Vec<String> = client.db(|db| lback::auth::Permission::query().load(db)).into_iter().map(|row| row.name).collect();
        names.sort();
        names
    };
    let of_api = names(app(api()));
    assert_eq!(of_api.iter().filter(|name| name.starts_with("tickets.")).count(), 4);
    #[cfg(feature = "admin")]
    {
        let with_admin = names(app(api()).admin());
        assert!(of_api.iter().all(|name| with_admin.contains(name)));
    }
}
