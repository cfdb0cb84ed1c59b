//! The header `Idempotency-Key`: a request that is sent again does its work once.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use lback::app::{Battery, Setup};

use super::*;
use crate::gate::Gate;
use crate::server_process::eventually;
use crate::unit_of_work::on_each_database;
use crate::{number, sql};

on_each_database!(
    a_retry_gets_the_same_response_and_does_nothing,
    a_change_is_made_once,
    a_key_belongs_to_one_request,
    a_key_belongs_to_one_user,
    requests_at_once_do_their_work_once,
    a_refused_request_leaves_its_key_free,
    a_key_expires,
    expired_keys_are_deleted,
    a_key_that_is_none_is_refused,
    every_route_can_accept_keys,
    a_response_that_cannot_be_kept_is_not_repeated,
);

const KEY: &str = "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"";

fn post(client: &Client, key: &str, body: &Value) -> TestResponse {
    client.post("/api/tickets").header("idempotency-key", key).json(body).send()
}

fn tickets_in(client: &Client) -> i64 {
    number(client, "SELECT count(*) FROM tickets")
}

fn code(response: &TestResponse, status: u16) -> String {
    response.assert_status(status).json::<Value>()["code"].as_str().unwrap().to_owned()
}

fn a_retry_gets_the_same_response_and_does_nothing(on: &str) {
    let client = client(on);
    let body = json!({ "title": "a", "agent_id": agent(&client, "Ada").id });
    let root = root(&client);
    let first = post(&root, KEY, &body);
    assert_eq!(first.assert_status(201).header("idempotent-replayed"), None);
    // The response is that of the first request, whatever has happened since.
    root.patch("/api/tickets/1").json(&json!({ "title": "b" })).send().assert_status(200);
    let again = post(&root, KEY, &body);
    assert_eq!(again.assert_status(201).header("idempotent-replayed"), Some("true"));
    assert_eq!(again.bytes(), first.bytes());
    for header in ["content-type", "location", "etag"] {
        assert!(first.header(header).is_some(), "{header}");
        assert_eq!(again.header(header), first.header(header), "{header}");
    }
    // The quotes are not part of the key.
    post(&root, KEY.trim_matches('"'), &body).assert_status(201);
    assert_eq!(tickets_in(&client), 1);
    post(&root, "another", &body).assert_status(201);
    root.post("/api/tickets").json(&body).send().assert_status(201);
    assert_eq!(tickets_in(&client), 3);
}

fn a_change_is_made_once(on: &str) {
    let client = client(on);
    ticket(&client, &agent(&client, "Ada"), "a");
    let root = root(&client);
    let change = || root.patch("/api/tickets/1").header("idempotency-key", KEY).json(&json!({ "points": 3 })).send();
    let first = change();
    assert_eq!(first.assert_status(200).json::<Value>()["points"], 3);
    root.patch("/api/tickets/1").json(&json!({ "points": 4 })).send().assert_status(200);
    assert_eq!(change().assert_status(200).bytes(), first.bytes());
    assert_eq!(client.db(|db| Ticket::find(db, 1)).points, Some(4));
}

fn a_key_belongs_to_one_request(on: &str) {
    let client = client(on);
    let ada = agent(&client, "Ada");
    ticket(&client, &ada, "a");
    ticket(&client, &ada, "b");
    let root = root(&client);
    let body = json!({ "title": "c", "agent_id": ada.id });
    post(&root, KEY, &body).assert_status(201);
    assert_eq!(code(&post(&root, KEY, &json!({ "title": "d", "agent_id": ada.id })), 422), "idempotency_key_reused");
    // Each operation has keys of its own, but the paths of an operation do not.
    let change = |id: i64| root.patch(&format!("/api/tickets/{id}")).header("idempotency-key", KEY).json(&body).send();
    change(1).assert_status(200);
    assert_eq!(code(&change(2), 422), "idempotency_key_reused");
    assert_eq!(client.db(|db| Ticket::find(db, 2)).title, "b");
    assert_eq!(tickets_in(&client), 3);
}

fn a_key_belongs_to_one_user(on: &str) {
    let client = client(on);
    let body = json!({ "title": "a", "agent_id": agent(&client, "Ada").id });
    let (alice, bob) = (user(&client, "alice", &["tickets.add"]), user(&client, "bob", &["tickets.add"]));
    let first: Value = post(&alice, KEY, &body).assert_status(201).json();
    let second: Value = post(&bob, KEY, &body).assert_status(201).json();
    assert_ne!(first["id"], second["id"]);
    assert_eq!(tickets_in(&client), 2);
    // A user who has lost the permission gets no response, either.
    sql(&client, "DELETE FROM auth_users_permissions");
    post(&alice, KEY, &body).assert_status(403);
    post(&client, KEY, &body).assert_status(401);
}

fn requests_at_once_do_their_work_once(on: &str) {
    const OTHERS: usize = 4;
    let gate = Gate::default();
    let waits = gate.clone();
    let api = Api::new("Helpdesk", "1").resource::<Ticket>(|ticket| {
        tickets_resource(ticket).before_save(move |_, _, _| {
            waits.pass();
            Ok(())
        })
    });
    let client = client_with(on, api);
    let body = json!({ "title": "a", "agent_id": agent(&client, "Ada").id });
    let root = root(&client);
    let start = Barrier::new(OTHERS + 1);
    let responses: Vec<TestResponse> = thread::scope(|scope| {
        let first = scope.spawn(|| post(&root, KEY, &body));
        gate.reached();
        let other = || {
            start.wait();
            post(&root, KEY, &body)
        };
        let others: Vec<_> = (0..OTHERS).map(|_| scope.spawn(other)).collect();
        start.wait();
        gate.open();
        [first].into_iter().chain(others).map(|thread| thread.join().unwrap()).collect()
    });
    assert!(responses.iter().all(|response| response.assert_status(201).bytes() == responses[0].bytes()));
    let replayed = responses.iter().filter(|response| response.header("idempotent-replayed").is_some()).count();
    assert_eq!((replayed, tickets_in(&client)), (OTHERS, 1));
}

fn a_refused_request_leaves_its_key_free(on: &str) {
    let client = client(on);
    let ada = agent(&client, "Ada");
    let root = root(&client);
    assert_eq!(errors(&post(&root, KEY, &json!({ "title": "", "agent_id": ada.id }))), ["/title: Fill in this field."]);
    let body = json!({ "title": "a", "agent_id": ada.id });
    assert_eq!(post(&root, KEY, &body).assert_status(201).header("idempotent-replayed"), None);
    assert_eq!(post(&root, KEY, &body).assert_status(201).header("idempotent-replayed"), Some("true"));
    assert_eq!(tickets_in(&client), 1);
}

fn a_key_expires(on: &str) {
    let client = client(on);
    let body = json!({ "title": "a", "agent_id": agent(&client, "Ada").id });
    let user = client.add_user(NewUser::from("root").superuser(true));
    let post = || {
        // Sessions end sooner than keys.
        client.login(&user);
        post(&client, KEY, &body)
    };
    post().assert_status(201);
    client.clock().advance(Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(post().assert_status(201).header("idempotent-replayed"), Some("true"));
    client.clock().advance(Duration::from_secs(1));
    assert_eq!(post().assert_status(201).header("idempotent-replayed"), None);
    assert_eq!(tickets_in(&client), 2);
    assert_eq!(post().assert_status(201).header("idempotent-replayed"), Some("true"));
    assert_eq!(number(&client, "SELECT count(*) FROM idempotency_keys"), 1);
}

/// Leaves an expired key and another one in the table, before the server starts.
struct OldKeys;

impl Battery for OldKeys {
    fn name(&self) -> &'static str {
        "old-keys"
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        setup.after_migrate(|_, database| {
            let keys =
                format!("INSERT INTO idempotency_keys (id, fingerprint, expires_at) VALUES ('old', '', 1), ('new', '', {})", i64::MAX);
            Ok(database.write(|db| Ok(diesel::sql_query(&keys).execute(db)?)).map(drop)?)
        });
        Ok(())
    }
}

fn expired_keys_are_deleted(on: &str) {
    let app = app(api()).with(OldKeys);
    let client = Client::over_socket_with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    eventually("the expired key is deleted", || number(&client, "SELECT count(*) FROM idempotency_keys") == 1);
    assert_eq!(number(&client, "SELECT count(*) FROM idempotency_keys WHERE id = 'new'"), 1);
}

fn a_key_that_is_none_is_refused(on: &str) {
    let client = client(on);
    let body = json!({ "title": "a", "agent_id": agent(&client, "Ada").id });
    let root = root(&client);
    for key in ["", "\"\"", "\"", "\"a", "a\"", "a b", "a\\b", "\u{e4}", &"x".repeat(256)] {
        assert_eq!(code(&post(&root, key, &body), 400), "idempotency_key_invalid", "{key:?}");
    }
    assert_eq!(tickets_in(&client), 0);
    post(&root, &"x".repeat(255), &body).assert_status(201);
}

/// An application whose routes outside of the API accept keys.
fn shop(on: &str) -> Client {
    fn order(req: &mut Request) -> Result<Response> {
        diesel::sql_query("UPDATE orders SET n = n + 1").execute(req.db()?)?;
        match req.param::<String>("how")?.as_str() {
            "cookie" => Response::text("ordered").with_header("set-cookie", "secret=1"),
            "large" => Ok(Response::text("x".repeat(64 * 1024 + 1))),
            "stream" => Ok(Response::stream(["a", "b"].map(Ok::<_, std::io::Error>))),
            "full" => Ok(Response::text("sold out").with_status(StatusCode::CONFLICT)),
            "broken" => Ok(Response::text("broken").with_status(StatusCode::INTERNAL_SERVER_ERROR)),
            _ => Ok(Response::new(StatusCode::NO_CONTENT)),
        }
    }
    async fn commit(req: &mut Request) -> Result<&'static str> {
        req.run_db(|db| Ok(diesel::sql_query("UPDATE orders SET n = n + 1").execute(db)?)).await?;
        req.commit_db().await?;
        Ok("done")
    }
    let urls = Router::new().post("/orders/{how}", order).get("/orders/{how}", order).post("/commit", commit);
    let app = App::new(Router::new().include("/", urls).idempotent()).auth().api();
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    sql(&client, "CREATE TABLE orders (n BIGINT NOT NULL); INSERT INTO orders VALUES (0)");
    client
}

fn orders(client: &Client) -> i64 {
    number(client, "SELECT n FROM orders")
}

fn every_route_can_accept_keys(on: &str) {
    let client = shop(on);
    let order = |how: &str| client.post(&format!("/orders/{how}")).header("idempotency-key", how).send();
    order("plain").assert_status(204);
    let again = order("plain");
    assert_eq!(again.assert_status(204).header("idempotent-replayed"), Some("true"));
    assert_eq!(orders(&client), 1);
    // A cookie belongs to the first response.
    assert_eq!(order("cookie").assert_status(200).header("set-cookie"), Some("secret=1"));
    let again = order("cookie");
    assert_eq!((again.assert_status(200).header("set-cookie"), again.text()), (None, "ordered"));
    assert_eq!(orders(&client), 2);
    // The view has returned this response, so its work is kept.
    order("full").assert_status(409);
    order("full").assert_status(409).assert_contains("sold out");
    assert_eq!(orders(&client), 3);
    // A failure keeps nothing.
    order("broken").assert_status(500);
    assert_eq!(order("broken").assert_status(500).header("idempotent-replayed"), None);
    assert_eq!(number(&client, "SELECT count(*) FROM idempotency_keys"), 3);
    // Reading needs no key.
    for _ in 0..2 {
        assert_eq!(client.get("/orders/get").header("idempotency-key", "get").send().header("idempotent-replayed"), None);
    }
}

fn a_response_that_cannot_be_kept_is_not_repeated(on: &str) {
    let client = shop(on);
    for (done, path) in (1..).zip(["/orders/large", "/orders/stream", "/commit"]) {
        let send = || client.post(path).header("idempotency-key", path).header("accept", "application/json").send();
        send().assert_status(200);
        assert_eq!(code(&send(), 409), "idempotency_response_not_kept", "{path}");
        assert_eq!(orders(&client), done, "{path}");
    }
}
