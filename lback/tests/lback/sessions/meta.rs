//! Rules 6, 10 and 16: what Lback keeps about a session is not among its data.

use std::time::Duration;

use chrono::TimeDelta;
use lback::prelude::*;
use lback::session::{Expiry, Flash};
use lback::testing::Client;
use serde_json::json;

use super::{COOKIE, MINUTE, Store, assert_no_cookie, assert_stored, id, suite, urls};
use crate::sql;

suite!(
    a_visitors_key_may_have_any_name,
    what_lback_keeps_is_not_among_the_data,
    rule_06_an_expiry_alone_stores_nothing,
    an_expiry_set_first_holds_for_what_is_put_in_later,
    clearing_a_session_keeps_its_expiry_and_its_messages,
    an_expiry_outlives_a_login_and_ends_with_the_session,
    rule_16_messages_count_as_data_of_the_session;
    server:
    rule_08_an_expiry_and_changes_of_other_requests_all_stay,
);

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

fn routes() -> Router {
    urls()
        .post("/remember", |req: &mut Request| req.session().set_expiry(Expiry::After(WEEK)))
        .post("/clear", |req: &mut Request| req.session().clear())
        .post("/cycle", |req: &mut Request| req.session().cycle_id())
}

#[track_caller]
fn assert_lasts(client: &Client, time: Duration) {
    assert_eq!(client.session().unwrap().expires_at, client.clock().now() + TimeDelta::from_std(time).unwrap());
}

fn a_visitors_key_may_have_any_name(store: &Store) {
    let names = ["_expiry", "flash_messages", "expiry", "flashes", "meta", "data", "id", "", "\u{0}", "ä \"'\\"];
    let put = move |req: &mut Request| -> Result<()> {
        let session = req.session();
        for name in names {
            session.insert(name, 1)?;
        }
        session.insert("flash_messages", json!([{ "category": "own", "message": "own" }]))
    };
    let read = move |req: &mut Request| -> Result<String> {
        let session = req.session();
        assert_eq!(session.len(), names.len());
        assert!(session.take_flashes().is_empty());
        let kept = names.iter().filter(|name| session[**name] == 1).count();
        assert_eq!(session["flash_messages"][0]["message"], "own");
        Ok(kept.to_string())
    };
    let client = store.client(routes().post("/put", put).get("/read", read));
    client.post("/put").send().assert_status(204);
    assert_lasts(&client, 30 * MINUTE);
    client.get("/read").send().assert_status(200).assert_contains(&(names.len() - 1).to_string());
    client.post("/remember").send();
    client.post("/flash/hello").send();
    assert_lasts(&client, WEEK);
    client.post("/set/_expiry/60").send();
    assert_lasts(&client, WEEK);
    assert_eq!(client.get("/flashes").send().text(), "info:hello");
    client.get("/read").send().assert_status(200);
}

fn what_lback_keeps_is_not_among_the_data(store: &Store) {
    let look = |req: &mut Request| {
        let session = req.session();
        format!("{} {} {:?} {}", session.len(), session.is_empty(), session.keys().collect::<Vec<_>>(), session.iter().count())
    };
    let client = store.client(routes().get("/look", look));
    client.post("/flash/hello").send();
    client.post("/remember").send();
    client.get("/look").send().assert_contains("0 true [] 0");
    client.post("/set/a/1").send();
    client.get("/look").send().assert_contains("1 false");
    let record = client.session().unwrap();
    assert_eq!(*record.data, json!({ "a": "1" }).as_object().unwrap().clone());
    assert_eq!(record.meta.expiry, Expiry::After(WEEK));
    assert_eq!(record.meta.flashes, [Flash { category: "info".to_owned(), message: "hello".to_owned() }]);
}

fn rule_06_an_expiry_alone_stores_nothing(store: &Store) {
    let forget = |req: &mut Request| {
        let session = req.session();
        session.set_expiry(Expiry::After(WEEK));
        assert!(session.is_new() && session.is_empty() && !session.modified());
    };
    let client = store.client(routes().post("/expiry", forget));
    for path in ["/remember", "/expiry"] {
        assert_no_cookie(&client.post(path).send());
        assert!(client.cookie(COOKIE).is_none());
    }
    assert_stored(&client, 0);
}

fn an_expiry_set_first_holds_for_what_is_put_in_later(store: &Store) {
    let first = |req: &mut Request| {
        req.session().set_expiry(Expiry::After(Duration::from_millis(90_500)));
        req.session().insert("a", 1)
    };
    let client = store.client(urls().post("/first", first));
    let response = client.post("/first").send();
    assert!(super::sent(&response).unwrap().contains("Max-Age=91"), "{response:?}");
    assert_lasts(&client, Duration::from_secs(91));
    client.clock().advance(Duration::from_secs(90));
    client.get("/get/a").send().assert_contains("1");
    assert_lasts(&client, Duration::from_secs(91));
}

fn clearing_a_session_keeps_its_expiry_and_its_messages(store: &Store) {
    let client = store.client(routes());
    client.post("/login/7").send();
    client.post("/remember").send();
    client.post("/flash/hello").send();
    let before = id(&client);
    client.post("/clear").send().assert_status(204);
    let record = client.session().unwrap();
    assert_eq!((record.id, record.user_id, record.data.len()), (before, None, 0));
    assert_lasts(&client, WEEK);
    client.clock().advance(WEEK - MINUTE);
    assert_eq!(client.get("/flashes").send().text(), "info:hello");
}

fn an_expiry_outlives_a_login_and_ends_with_the_session(store: &Store) {
    let until = "2100-01-01T12:00:00.123456Z".parse().unwrap();
    let again = |req: &mut Request| {
        req.session().delete();
        req.session().insert("a", 1)
    };
    let client =
        store.client(routes().post("/until", move |req: &mut Request| req.session().set_expiry(Expiry::At(until))).post("/again", again));
    client.post("/set/a/1").send();
    client.post("/until").send();
    client.post("/login/7").send();
    client.post("/cycle").send();
    assert_eq!((client.session().unwrap().expires_at, client.session().unwrap().meta.expiry), (until, Expiry::At(until)));
    client.post("/again").send();
    assert_lasts(&client, 30 * MINUTE);
}

fn rule_16_messages_count_as_data_of_the_session(store: &Store) {
    let long = |req: &mut Request| req.session().flash("info", &"x".repeat(1000));
    let client = store.client_with(urls().post("/long", long), "DEBUG = true\nSESSION_MAX_BYTES = 500");
    client.post("/set/a/1").send();
    let response = client.post("/long").send();
    response.assert_status(500).assert_contains("SESSION_MAX_BYTES = 500").assert_contains("flash messages");
    assert_eq!(client.get("/flashes").send().text(), "");
}

fn rule_08_an_expiry_and_changes_of_other_requests_all_stay(store: &Store) {
    let slow = |req: &mut Request| {
        req.session().set_expiry(Expiry::After(WEEK));
        req.session().flash("info", "slow");
        req.session().insert("slow", 1)
    };
    let prepare = |client: &Client| drop(client.post("/flash/first").send());
    let between = |client: &Client| {
        let fast = |session: &mut lback::session::AppSession| {
            session.take_flashes();
            session.flash("info", "fast");
            session.insert("fast", 1)
        };
        client.sessions().save(id(client), fast).unwrap();
    };
    let (client, response) = super::interruption::while_in_flight(store, slow, prepare, between);
    response.assert_status(204);
    assert_lasts(&client, WEEK);
    let record = client.session().unwrap();
    assert_eq!(*record.data, json!({ "slow": 1, "fast": 1 }).as_object().unwrap().clone());
    let messages: Vec<&str> = record.meta.flashes.iter().map(|flash| flash.message.as_str()).collect();
    assert_eq!(messages, ["fast", "slow"]);
}

/// Databases that were made when Lback kept all of it in the data.
mod databases {
    use super::*;

    suite!(databases: a_database_of_an_earlier_version_keeps_its_sessions);

    /// The sessions as the first migration left them, with these data.
    fn turn_back(client: &Client, data: &[(lback::session::SessionId, &str)]) {
        sql(
            client,
            "DROP TABLE __lback_session_ends; ALTER TABLE sessions DROP COLUMN meta;
             DELETE FROM __diesel_schema_migrations WHERE version = 'sessions:00000000000002'",
        );
        for (id, data) in data {
            let id = id.to_string().replace('-', "");
            let (id, data) = match client.database().kind() {
                #[cfg(feature = "sqlite")]
                lback::db::Kind::Sqlite => (format!("x'{id}'"), data.replace('\'', "''")),
                #[cfg(feature = "postgres")]
                lback::db::Kind::Postgres => (format!("'\\x{id}'"), data.replace('\'', "''")),
            };
            sql(client, &format!("UPDATE sessions SET data = '{data}' WHERE id = {id}"));
        }
        // What others have built on the table goes on.
        let trigger = match client.database().kind() {
            #[cfg(feature = "sqlite")]
            lback::db::Kind::Sqlite => "CREATE TRIGGER audit AFTER UPDATE ON sessions BEGIN INSERT INTO audits VALUES (1); END",
            #[cfg(feature = "postgres")]
            lback::db::Kind::Postgres => {
                "CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audits VALUES (1); RETURN NULL; END';
                 CREATE CONSTRAINT TRIGGER audit AFTER UPDATE ON sessions DEFERRABLE INITIALLY DEFERRED
                     FOR EACH ROW EXECUTE FUNCTION audit()"
            }
        };
        sql(client, &format!("CREATE TABLE audits (n BIGINT); {trigger}"));
    }

    fn a_database_of_an_earlier_version_keeps_its_sessions(store: &Store) {
        let client = store.client(routes());
        let old = [
            r#"{"_expiry":604800,"a":"1","flash_messages":[{"category":"info","message":"it's here"}],"user_id":7}"#,
            r#"{"_expiry":"2100-01-01T12:00:00.000000001Z","a":"1"}"#,
            r#"{"a":"1","f":[-0.0,1e308,123456789.12345679,18446744073709551615]}"#,
            // Keys of the visitor's own, which meant nothing; and what no longer is JSON.
            r#"{"_expiry":"soon","a":"1","flash_messages":"own"}"#,
            r#"{"a":"1","\u0000":"nothing \u0000 here, \\u0000 \" there","_expiry":604800}"#,
            r#"{"_expiry": broken"#,
            r#"{"flash_messages":[]}"#,
            r#"{"_expiry":60}"#,
        ];
        let browsers: Vec<Client> = old.iter().map(|_| client.fork()).collect();
        for browser in &browsers {
            browser.post("/set/x/1").send().assert_status(204);
        }
        let ids: Vec<_> = browsers.iter().map(id).collect();
        turn_back(&client, &ids.iter().copied().zip(old).collect::<Vec<_>>());

        let migrations = lback::db::Migrations::new().battery("sessions", lback_session::MIGRATIONS);
        let applied = migrations.apply(client.database()).unwrap();
        assert_eq!(applied, ["sessions/00000000000002_session_meta"]);

        let record = |number: usize| browsers[number].session().unwrap();
        assert_eq!(*record(0).data, json!({ "a": "1", "user_id": 7 }).as_object().unwrap().clone());
        assert_eq!(record(0).meta.expiry, Expiry::After(WEEK));
        assert_eq!(browsers[0].get("/flashes").send().text(), "info:it's here");
        assert_eq!(record(1).meta.expiry, Expiry::At("2100-01-01T12:00:00.000000001Z".parse().unwrap()));
        let floats = [-0.0f64, 1e308, 123456789.12345679].map(f64::to_bits);
        assert_eq!([0, 1, 2].map(|at| record(2).data["f"][at].as_f64().unwrap().to_bits()), floats);
        assert_eq!(record(2).data["f"][3], u64::MAX);
        assert_eq!(*record(3).data, json!({ "_expiry": "soon", "a": "1", "flash_messages": "own" }).as_object().unwrap().clone());
        assert_eq!((&record(4).data["a"], record(4).meta.expiry), (&json!("1"), Expiry::After(WEEK)));
        assert_eq!(record(4).data["\u{0}"], "nothing \u{0} here, \\u0000 \" there");
        assert!(browsers[5].session().is_none());
        assert!(record(6).data.is_empty() && record(6).meta.is_empty());
        assert_eq!((record(7).data.len(), record(7).meta.expiry), (0, Expiry::After(MINUTE)));
        browsers[1].post("/set/b/2").send().assert_status(204);
        assert!(crate::number(&client, "SELECT count(*) FROM audits") > 0);
    }
}
