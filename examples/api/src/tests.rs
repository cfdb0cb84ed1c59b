use lback::prelude::*;
use lback::serde_json::{Value, json};
use lback::testing::Client;

use crate::app;

#[test]
fn everybody_reads_books_and_users_change_them() {
    let client = Client::new(app());
    let reader = client.fork();
    let user = client.add_user("alice");
    client.login(&user);
    client.post("/api/authors").json(&json!({ "name": "Lem" })).send().assert_status(201);
    let book = json!({ "title": "Solaris", "author_id": 1, "year": 1961 });
    let created = client.post("/api/books").json(&book).send();
    let location = created.assert_status(201).location().unwrap().to_owned();
    reader.post("/api/books").json(&book).send().assert_status(401);
    let page: Value = reader.get("/api/books?year__gte=1960&include=author&search=sol").send().assert_status(200).json();
    assert_eq!(page["items"][0]["author"]["name"], "Lem");
    let tag = reader.get(&location).send().header("etag").unwrap().to_owned();
    client.patch(&location).header("if-match", &tag).json(&json!({ "year": 1962 })).send().assert_status(200);
    client.delete(&location).header("if-match", &tag).send().assert_status(412);
    reader.get("/api/openapi.json").send().assert_status(200).assert_contains("\"list_books\"");
}
