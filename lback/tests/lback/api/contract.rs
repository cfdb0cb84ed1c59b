//! The command `api`: the changes of a document, and a client.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    the_changes_since_an_older_document_are_printed,
    a_file_that_is_no_document_is_refused,
    the_client_in_typescript_has_all_operations,
);

/// A file with the document of an API.
fn saved(on: &str, api: Api) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), client_with(on, api).command("api", &["schema"])).unwrap();
    file
}

fn the_changes_since_an_older_document_are_printed(on: &str) {
    let client = client(on);
    let same = saved(on, api());
    assert_eq!(client.command("api", &["diff", same.path().to_str().unwrap()]), "no changes\n");
    // The old API had another field, and nothing to search in.
    let older = |ticket: Resource<Ticket>| {
        tickets_resource(ticket).fields(["id", "title", "state", "agent", "points", "version", "created_at"]).search([])
    };
    let old = saved(on, Api::new("Helpdesk", "1").resource::<Ticket>(older).resource::<Note>(notes_resource));
    let old = old.path().to_str().unwrap();
    let error = client.try_command("api", &["diff", old, "/api"]).unwrap_err();
    assert_eq!(error.message(), "6 changes break clients of the API");
    assert_eq!(error.exit_code(), 1);
    let printed = error.source().unwrap().to_string();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("breaking ")).count(), 6, "{printed}");
    for line in [
        "breaking    GET /tickets, parameter fields /*: the value \"version\" is removed",
        "breaking    Ticket in responses /version: the field is removed",
        "compatible  Ticket in responses /code: the field is new",
        "compatible  GET /tickets, parameter search: it is new",
    ] {
        assert!(lines.contains(&line), "{printed}");
    }
    // The other way round, all of that is the opposite.
    let client = client_with(on, Api::new("Helpdesk", "1").resource::<Ticket>(tickets_resource));
    let error = client.try_command("api", &["diff", same.path().to_str().unwrap()]).unwrap_err();
    assert!(error.source().unwrap().to_string().starts_with("breaking    GET /notes: the operation is removed\n"));
}

fn a_file_that_is_no_document_is_refused(on: &str) {
    let client = client(on);
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let refused = |text: &str| {
        std::fs::write(path, text).unwrap();
        client.try_command("api", &["diff", path]).unwrap_err().message().to_owned()
    };
    let remedy = format!(". Compare with a file that api schema has printed: api schema > {path}");
    assert_eq!(refused("{}"), format!("cannot compare with {path}: it is JSON, but not an OpenAPI document{remedy}"));
    assert!(refused("openapi: 3.1.0").starts_with(&format!("cannot compare with {path}: it is not JSON (")));
    let missing = client.try_command("api", &["diff", "/nowhere/old.json"]).unwrap_err();
    assert!(missing.message().starts_with("cannot compare with /nowhere/old.json: No such file"), "{}", missing.message());
    for arguments in [&["diff"][..], &["client"], &["client", "cobol"], &["diff", "old.json", "api"], &["schema", "/api", "/api"]] {
        assert!(client.try_command("api", arguments).is_err(), "{arguments:?}");
    }
}

fn the_client_in_typescript_has_all_operations(on: &str) {
    let printed = client(on).command("api", &["client", "typescript"]);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lback/api/client.ts");
    if std::env::var_os("UPDATE_CLIENT").is_some() {
        std::fs::write(file, &printed).unwrap();
    }
    // UPDATE_CLIENT=1 writes the file anew. Look at its changes, and compile it: tsc --strict --target es2022 --noEmit client.ts
    assert_eq!(printed, std::fs::read_to_string(file).unwrap());
}
