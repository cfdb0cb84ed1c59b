//! A connection that the server closed while it idled disturbs nobody: what has certainly not begun is done on a new one.

use lback::prelude::*;
use lback::testing::Client;

use super::{MINUTE, held, holding, id, is_live, urls};

fn routes() -> Router {
    urls()
        .get("/devices/{user:int}", |req: &mut Request| -> Result<String> {
            let user: i64 = req.param("user")?;
            Ok(req.user_sessions(user)?.len().to_string())
        })
        .post("/revoke/{user:int}", |req: &mut Request| -> Result<String> {
            let user: i64 = req.param("user")?;
            let own = req.session().id();
            Ok(req.revoke_user_sessions(user, Some(own))?.to_string())
        })
        .get("/async/{key}", async |req: &mut Request| {
            let key: String = req.param("key").unwrap_or_default();
            req.load_session().await[key.as_str()].to_string()
        })
        .post("/db", |req: &mut Request| -> Result<String> {
            let one = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("CAST(1 AS BIGINT)"));
            Ok(one.get_result::<i64>(req.db()?)?.to_string())
        })
        .post("/async-db", async |req: &mut Request| -> Result<String> {
            let one = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("CAST(1 AS BIGINT)"));
            Ok(req.run_db(|db| Ok(one.get_result::<i64>(db)?)).await?.to_string())
        })
}

/// Has the server close every connection before each thing that a store can do.
fn nothing_is_noticed(client: &Client, close: impl Fn()) {
    for round in 1..=3u32 {
        let browser = client.fork();
        // A new session, its first change, a change that counts, and what it holds.
        close();
        browser.post("/set/a/1").send().assert_status(204);
        close();
        browser.post("/set/b/2").send().assert_status(204);
        for n in 1..=3 {
            close();
            browser.post("/count/n").send().assert_status(200).assert_contains(&n.to_string());
        }
        close();
        browser.get("/get/n").send().assert_status(200).assert_contains("3");
        close();
        browser.get("/async/n").send().assert_status(200).assert_contains("3");
        // A renewal, which sends the cookie again.
        client.clock().advance(MINUTE);
        close();
        assert!(super::sent(&browser.get("/touch").send()).is_some());
        // A login; the devices of a user; a revocation.
        let old = id(&browser);
        close();
        browser.post("/login/7").send().assert_status(204);
        assert!(!is_live(client, old));
        let other = client.fork();
        other.post("/login/7").send();
        close();
        browser.get("/devices/7").send().assert_status(200).assert_contains("2");
        close();
        browser.post("/revoke/7").send().assert_status(200).assert_contains("1");
        assert!(other.session().is_none());
        // A late request, a logout, a clean-up, and what commands do.
        let late = holding(client, &held(&browser));
        close();
        browser.post("/logout").send().assert_status(204);
        close();
        late.post("/set/late/1").send().assert_status(204);
        close();
        client.sessions().clear_expired().unwrap();
        close();
        let made = client.sessions().create(serde_json::Map::new()).unwrap();
        close();
        client.sessions().save(made.id, |session| session.insert("round", round)).unwrap();
        close();
        assert!(client.sessions().renew(made.id).unwrap());
        close();
        assert_eq!(client.sessions().load(made.id).unwrap().unwrap().data["round"], round);
        close();
        assert!(client.sessions().delete(made.id).unwrap());
        close();
        assert_eq!(client.sessions().revoke_user(7, None).unwrap(), 0);
        // The view's own work.
        for path in ["/db", "/async-db"] {
            close();
            browser.post(path).send().assert_status(200).assert_contains("1");
        }
    }
}

/// Connections are closed while requests use them: none is counted twice, whatever the answer was.
fn nothing_is_counted_twice(client: &Client, close: impl Fn() + Sync) {
    client.post("/count/n").send().assert_status(200);
    let cookie = held(client);
    let counted = std::sync::atomic::AtomicU64::new(1);
    let unknown = std::sync::atomic::AtomicU64::new(0);
    use std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (browser, counted, unknown) = (holding(client, &cookie), &counted, &unknown);
            scope.spawn(move || {
                for _ in 0..50 {
                    let response = browser.post("/count/n").send();
                    match response.status().as_u16() {
                        200 => counted.fetch_add(1, SeqCst),
                        503 => unknown.fetch_add(1, SeqCst),
                        _ => panic!("{response:?}"),
                    };
                }
            });
        }
        scope.spawn(|| (0..30).for_each(|_| close()));
    });
    let n = holding(client, &cookie).session().unwrap().data["n"].as_u64().unwrap();
    let (counted, unknown) = (counted.into_inner(), unknown.into_inner());
    assert!((counted..=counted + unknown).contains(&n), "{n} of {counted}, and {unknown} that nobody knows of");
}

#[cfg(feature = "postgres")]
mod postgres {
    use diesel::connection::SimpleConnection;
    use lback_test_servers::Postgres;

    use super::*;

    /// An application, and what ends all its connections.
    fn client() -> Option<(Client, impl Fn() + Sync)> {
        let url = Postgres::shared()?.url("postgres");
        let settings = format!("ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30\nDATABASE_URL = '{url}'");
        let client = Client::with_settings(App::new(routes()), &settings);
        let killer = std::sync::Mutex::new(client.database().connect().unwrap());
        let kill =
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        Some((client, move || killer.lock().unwrap().batch_execute(kill).unwrap()))
    }

    #[test]
    fn a_postgres_that_closes_idle_connections_disturbs_nobody() {
        let Some((client, close)) = client() else { return };
        nothing_is_noticed(&client, close);
    }

    #[test]
    fn a_postgres_that_closes_connections_in_use_has_nothing_counted_twice() {
        let Some((client, close)) = client() else { return };
        nothing_is_counted_twice(&client, close);
    }
}

#[cfg(feature = "redis")]
mod redis {
    use super::super::redis::{name, server, settings};
    use super::*;

    fn client() -> Option<(Client, impl Fn() + Sync)> {
        let server = server()?;
        let settings = format!("ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30\n{}", settings());
        let client = Client::with_settings(App::new(routes()), &settings);
        let name = name(&client).unwrap();
        Some((client, move || drop(server.command(&["CLIENT", "KILL", "USER", &name]))))
    }

    #[test]
    fn a_redis_that_closes_idle_connections_disturbs_nobody() {
        let Some((client, close)) = client() else { return };
        nothing_is_noticed(&client, close);
    }

    #[test]
    fn a_redis_that_closes_connections_in_use_has_nothing_counted_twice() {
        let Some((client, close)) = client() else { return };
        nothing_is_counted_twice(&client, close);
    }
}
