//! The page that shows the document to people.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    the_page_shows_all_operations_and_schemas,
    the_page_needs_the_same_login_as_the_document,
    a_resource_may_have_the_path_of_the_page,
);

fn the_page_shows_all_operations_and_schemas(on: &str) {
    let client = client_with(on, api().description("For <programs>."));
    let page = root(&client).get("/api/docs").send();
    assert_eq!(page.assert_status(200).header("content-type"), Some("text/html; charset=utf-8"));
    page.assert_contains("For &lt;programs&gt;.");
    // It works without scripts, and needs nothing from elsewhere.
    assert!(!page.text().contains("<script") && !page.text().contains(" src=") && !page.text().contains("href=\"http"));
    let document: Value = root_document(&client);
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (_, operation) in operations.as_object().unwrap() {
            page.assert_contains(&format!("id=\"{}\"", operation["operationId"].as_str().unwrap()));
            page.assert_contains(&format!("<code>/api{path}</code>"));
        }
    }
    for (name, _) in document["components"]["schemas"].as_object().unwrap() {
        page.assert_contains(&format!("id=\"schema-{name}\""));
    }
    page.assert_contains("string, one of open, closed, by default &quot;open&quot;");
    page.assert_contains("integer or null, 0 to 10");
    page.assert_contains("<code>agent.name</code>");
    page.assert_contains("Needs the permission tickets.add.");
    let links = page.text().split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
    for id in links {
        assert!(page.text().contains(&format!("id=\"{id}\"")), "{id}");
    }
    let curl = page.text().split("<code>curl ").find(|text| text.starts_with("-X PATCH")).unwrap().split("</code>").next().unwrap();
    let words = [
        "-X PATCH",
        "-H &#39;X-CSRF-Token: …&#39;",
        "-b &#39;session_id=…&#39;",
        "-H &#39;Content-Type: application/json&#39;",
        "-d &#39;{",
    ];
    assert!(curl.starts_with(&words.join(" \\\n  ")), "{curl}");
    assert!(curl.ends_with("/api/tickets/1&#39;"), "{curl}");
    let style = client.get("/api/docs/style.css").send();
    assert_eq!(style.assert_status(200).header("content-type"), Some("text/css; charset=utf-8"));
}

fn root_document(client: &Client) -> Value {
    lback::serde_json::from_str(&client.command("api", &["schema"])).unwrap()
}

fn the_page_needs_the_same_login_as_the_document(on: &str) {
    let client = client(on);
    client.get("/api/docs").header("accept", "application/json").send().assert_status(401);
    user(&client, "nobody", &[]).get("/api/docs").send().assert_status(200);
    client_with(on, api().public_document()).get("/api/docs").send().assert_status(200);
}

fn a_resource_may_have_the_path_of_the_page(on: &str) {
    let client = client_with(on, Api::new("Helpdesk", "1").resource::<Note>(|note| notes_resource(note).path("docs")));
    assert_eq!(root(&client).get("/api/docs").send().assert_status(200).json::<Value>()["total"], 0);
}
