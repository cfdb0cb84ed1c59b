//! Rules 10, 11 and 16, and what a view reads of a session.

use lback::prelude::*;
use serde_json::json;

use super::{MINUTE, Store, assert_no_cookie, assert_stored, suite, urls};

suite!(
    rule_10_what_only_reads_is_not_written,
    rule_10_a_view_sees_the_state_of_its_session,
    a_view_reads_and_writes_any_type,
    rule_16_too_much_data_is_an_error_that_names_the_key,
    rule_16_the_limit_is_exact;
    server:
    rule_11_the_column_user_id_follows_the_data,
);

fn rule_10_what_only_reads_is_not_written(store: &Store) {
    fn read(req: &mut Request) -> Result<()> {
        let session = req.session();
        let _: Option<String> = session.get("a")?;
        session.contains_key("a");
        session.remove("absent");
        let _: Option<String> = session.pop("absent")?;
        session.insert("a", "1")?;
        session.update("a", |old: Option<String>| old.unwrap_or_default())?;
        if let Some(value) = session.get_mut("a") {
            *value = json!("1");
        }
        session.get_mut("absent");
        session.insert("passing", 1)?;
        session.remove("passing");
        session.take_flashes();
        session.set_expiry(lback::session::Expiry::Default);
        let _ = (session.keys().count(), session.iter().count(), session.len(), session.is_empty(), &session["a"]);
        assert!(!session.modified());
        assert!(session.accessed());
        Ok(())
    }
    let client = store.client(urls().get("/read", read));
    client.post("/set/a/1").send();
    let before = client.session().unwrap();
    let response = client.get("/read").send();
    response.assert_status(204);
    assert_no_cookie(&response);
    assert_eq!(client.session().unwrap(), before);
}

fn rule_10_a_view_sees_the_state_of_its_session(store: &Store) {
    fn state(req: &mut Request) -> Result<String> {
        let session = req.session();
        let before = (session.is_new(), session.modified(), session.accessed());
        session.insert("a", 1)?;
        let id = session.id();
        Ok(format!("{before:?} {:?} {id}", (session.is_new(), session.modified(), session.accessed())))
    }
    let client = store.client(urls().post("/state", state));
    client.post("/state").send().assert_contains("(true, false, false) (true, true, true)");
    let response = client.post("/state").send();
    response.assert_contains("(false, false, false) (false, false, true)").assert_contains(&super::id(&client).to_string());
}

fn a_view_reads_and_writes_any_type(store: &Store) {
    let client = store.client(
        urls()
            .post("/write", |req: &mut Request| -> Result<()> {
                let session = req.session();
                session.insert("list", vec![1, 2, 3])?;
                session.insert("text", "Grüße \u{1F600} \" \\ \u{0}")?;
                session.insert("float", 0.1)?;
                session.insert("large", i64::MAX)?;
                session.insert("none", Option::<i32>::None)?;
                session.insert("", "an empty key")
            })
            .get("/wrong", |req: &mut Request| -> Result<String> { Ok(req.session().get::<i64>("text")?.unwrap_or(0).to_string()) })
            .post("/read", |req: &mut Request| -> Result<()> {
                let session = req.session();
                assert_eq!(session.get("list")?, Some(vec![1, 2, 3]));
                assert_eq!(session.get::<String>("text")?.unwrap(), "Grüße \u{1F600} \" \\ \u{0}");
                assert_eq!(session.get("float")?, Some(0.1));
                assert_eq!(session.get("large")?, Some(i64::MAX));
                assert_eq!(session.get::<Option<i32>>("none")?, Some(None));
                assert_eq!(session.keys().collect::<Vec<_>>(), ["", "float", "large", "list", "none", "text"]);
                assert!(session.pop::<String>("list").is_err() && session.contains_key("list"));
                assert_eq!(session.pop("list")?, Some(vec![1, 2, 3]));
                assert!(session["list"].is_null());
                session.clear();
                assert!(session.is_empty());
                Ok(())
            }),
    );
    client.post("/write").send().assert_status(204);
    client.get("/wrong").send().assert_status(500);
    client.post("/read").send().assert_status(204);
    assert!(client.session().unwrap().data.is_empty());
}

fn rule_11_the_column_user_id_follows_the_data(store: &Store) {
    fn set_user(req: &mut Request) -> Result<()> {
        let value: serde_json::Value = req.json()?;
        req.session().insert("user_id", value)
    }
    let client = store.client(urls().post("/user", set_user));
    let column = |value: serde_json::Value| {
        client.post("/user").json(&value).send().assert_status(204);
        let record = client.session().unwrap();
        // The column is what users are found by.
        if let Some(user) = record.user_id {
            assert!(client.sessions().for_user(user).unwrap().iter().any(|info| info.id == record.id));
        }
        record.user_id
    };
    assert_eq!(column(json!(7)), Some(7));
    assert_eq!(column(json!(8)), Some(8));
    assert!(client.sessions().for_user(7).unwrap().is_empty());
    assert_eq!(column(json!("eight")), None);
    assert_eq!(column(json!(-1)), Some(-1));
    assert_eq!(column(json!(null)), None);
    assert_eq!(column(json!(i64::MAX)), Some(i64::MAX));
    assert_eq!(column(json!(1.5)), None);
    assert_eq!(column(json!(9)), Some(9));
    client.post("/remove/user_id").send();
    assert_eq!(client.session().unwrap().user_id, None);
    assert!(client.sessions().for_user(9).unwrap().is_empty());

    // A new session has it from the start.
    let other = client.fork();
    other.post("/login/5").send();
    assert_eq!(other.session().unwrap().user_id, Some(5));
}

fn fill(req: &mut Request) -> Result<()> {
    let bytes: usize = req.param("bytes")?;
    req.session().insert("heavy", "x".repeat(bytes))
}

fn rule_16_too_much_data_is_an_error_that_names_the_key(store: &Store) {
    let client = store.client_with(urls().post("/fill/{bytes:int}", fill), "DEBUG = true");
    // A new session,
    let response = client.post("/fill/70000").send();
    response.assert_status(500).assert_contains("heavy").assert_contains("SESSION_MAX_BYTES");
    assert_no_cookie(&response);
    // and one that is there, which stays as it was.
    client.post("/set/light/1").send();
    let before = client.session().unwrap();
    client.clock().advance(MINUTE);
    let response = client.post("/fill/70000").send();
    response.assert_status(500).assert_contains("heavy");
    assert_no_cookie(&response);
    assert_eq!(client.session().unwrap(), before);
    assert_stored(&client, 1);
}

fn rule_16_the_limit_is_exact(store: &Store) {
    // {"heavy":"xx…"}
    let room = 200 - r#"{"heavy":""}"#.len();
    let client = store.client_with(urls().post("/fill/{bytes:int}", fill), "SESSION_MAX_BYTES = 200");
    client.post(&format!("/fill/{}", room + 1)).send().assert_status(500);
    client.post(&format!("/fill/{room}")).send().assert_status(204);
    assert_eq!(serde_json::to_string(&client.session().unwrap().data).unwrap().len(), 200);
    client.post(&format!("/fill/{}", room + 1)).send().assert_status(500);
    client.post("/set/a/1").send().assert_status(500);
}
