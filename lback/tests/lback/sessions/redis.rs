//! Sessions in Redis: the server that the suite runs on, and what happens when it fails, hangs or forgets.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lback::prelude::*;
use lback::session::{SessionSettings, StoreName};
use lback::testing::Client;
use lback_test_servers::Redis;

use super::{Fault, MINUTE, assert_no_cookie, held, holding, id, is_live, urls};
use crate::start_error;

static SERVER: LazyLock<Option<Redis>> = LazyLock::new(Redis::start);

/// The server that the tests share; `None` where Redis is not installed.
pub fn server() -> Option<&'static Redis> {
    SERVER.as_ref()
}

fn shared() -> &'static Redis {
    server().expect("Redis is installed")
}

/// The settings of one application: a user of Redis of its own, who may touch nothing but what bears his name.
pub fn settings() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("test{}", COUNT.fetch_add(1, Ordering::SeqCst));
    shared().command(&["ACL", "SETUSER", &name, "on", "nopass", &format!("~{name}:*"), "+@all"]);
    let address = shared().address();
    format!("SESSION_STORE = 'redis'\nREDIS_URL = 'redis://{name}:any@{address}/0'\nREDIS_PREFIX = '{name}:'\nREDIS_TIMEOUT_MS = 20000")
}

/// The name of the application's user; `None` where its sessions are elsewhere.
pub fn name(client: &Client) -> Option<String> {
    let settings: SessionSettings = client.app().settings().section().unwrap();
    (settings.session_store == StoreName::Redis).then(|| settings.redis_prefix.trim_end_matches(':').to_owned())
}

/// Deletes the application's sessions, and says how many there were.
pub fn count_and_clear(client: &Client) -> Option<u64> {
    const CLEAR: &str = "local n = 0; for _, key in ipairs(redis.call('KEYS', ARGV[1])) do n = n + redis.call('DEL', key) end; return n";
    let pattern = format!("{}:session:*", name(client)?);
    Some(shared().command(&["EVAL", CLEAR, "0", &pattern]).parse().unwrap())
}

/// A command that this kind of access needs.
fn command(fault: Fault) -> &'static str {
    match fault {
        Fault::Read => "mget",
        Fault::Create | Fault::Update => "set",
        Fault::Delete => "del",
    }
}

pub fn fail(client: &Client, fault: Fault) {
    shared().command(&["ACL", "SETUSER", &name(client).unwrap(), &format!("-{}", command(fault))]);
}

pub fn mend(client: &Client, fault: Fault) {
    shared().command(&["ACL", "SETUSER", &name(client).unwrap(), &format!("+{}", command(fault))]);
}

/// What a request may take at most while Redis is away: `REDIS_TIMEOUT_MS`, and what the machine needs.
const BOUND: Duration = Duration::from_secs(10);

fn of(redis: &Redis) -> Client {
    let settings = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30\nSESSION_STORE = 'redis'\nREDIS_TIMEOUT_MS = 300";
    Client::with_settings(App::new(urls()), &format!("{settings}\nREDIS_URL = '{}'", redis.url()))
}

/// An application in the shared server, with the name of its user there.
fn in_shared() -> Option<(Client, String)> {
    server()?;
    let settings = format!("ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30\n{}", settings());
    let client = Client::with_settings(App::new(urls()), &settings);
    let name = name(&client).unwrap();
    Some((client, name))
}

#[track_caller]
fn assert_refuses_in_time(client: &Client) {
    let begun = Instant::now();
    for response in [client.get("/get/user_id").send(), client.post("/set/a/lost").send(), client.post("/logout").send()] {
        response.assert_status(503);
        assert_no_cookie(&response);
    }
    assert_eq!(client.fork().get("/untouched").send().status(), 200);
    assert!(client.fork().post("/set/a/1").send().status().is_server_error(), "a new session cannot be stored");
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
}

#[test]
fn rule_05_a_redis_that_is_killed_logs_nobody_out() {
    let Some(mut redis) = Redis::start_durable() else { return };
    let client = of(&redis);
    client.post("/login/7").send();
    for _ in 0..3 {
        redis.kill();
        assert_refuses_in_time(&client);
        redis.start_again();
        client.get("/get/user_id").send().assert_status(200).assert_contains("7");
        client.post("/count/n").send().assert_status(200);
    }
    assert_eq!(client.session().unwrap().data["n"], 3);
}

#[test]
fn rule_05_a_redis_that_hangs_logs_nobody_out() {
    let Some(redis) = Redis::start() else { return };
    let client = of(&redis);
    client.post("/login/7").send();
    redis.pause();
    assert_refuses_in_time(&client);
    // Also where it hangs before it is first asked.
    assert_refuses_in_time(&holding(&of(&redis), &held(&client)));
    redis.resume();
    client.get("/get/user_id").send().assert_status(200).assert_contains("7");
}

#[test]
fn a_redis_that_forgets_gives_new_sessions() {
    let Some(mut redis) = Redis::start() else { return };
    let client = of(&redis);
    for restart in [false, true] {
        client.post("/login/7").send();
        let old = id(&client);
        match restart {
            true => {
                redis.kill();
                redis.start_again();
            }
            false => drop(redis.command(&["FLUSHALL"])),
        }
        let response = client.get("/get/user_id").send();
        response.assert_status(200).assert_contains("null");
        assert_no_cookie(&response);
        assert!(client.sessions().for_user(7).unwrap().is_empty());
        client.post("/set/a/new").send().assert_status(204);
        assert_ne!(id(&client), old);
        client.get("/get/a").send().assert_contains("new");
    }
}

#[test]
fn an_idle_connection_that_was_closed_and_scripts_that_were_forgotten_disturb_nobody() {
    let Some((client, name)) = in_shared() else { return };
    client.post("/login/7").send();
    for n in 1..=3 {
        shared().command(&["CLIENT", "KILL", "USER", &name]);
        client.get("/get/user_id").send().assert_status(200).assert_contains("7");
        shared().command(&["SCRIPT", "FLUSH"]);
        client.post("/count/n").send().assert_status(200).assert_contains(&n.to_string());
    }
}

#[test]
fn rule_08_the_servers_of_an_application_count_together() {
    let Some(redis) = Redis::start() else { return };
    let servers = [of(&redis), of(&redis), of(&redis)];
    servers[0].post("/login/7").send();
    let cookie = held(&servers[0]);
    std::thread::scope(|scope| {
        for server in &servers {
            let browser = holding(server, &cookie);
            scope.spawn(move || (0..50).for_each(|_| assert_eq!(browser.post("/count/n").send().status(), 200)));
        }
    });
    let record = holding(&servers[2], &cookie).session().unwrap();
    assert_eq!((&record.data["n"], record.version), (&150.into(), 151));
    // What one revokes is gone for all.
    assert_eq!(servers[0].sessions().revoke_user(7, None).unwrap(), 1);
    holding(&servers[1], &cookie).get("/get/user_id").send().assert_contains("null");
}

#[test]
fn a_write_that_fails_takes_no_other_along() {
    let Some((client, name)) = in_shared() else { return };
    let browsers: Vec<Client> = (0..24).map(|_| client.fork()).collect();
    for browser in &browsers {
        browser.post("/count/n").send().assert_status(200);
    }
    let may_write = |browser: &Client| id(browser).as_bytes()[0] < 0x80;
    let rights = ["resetkeys".to_owned(), format!("%R~{name}:*"), format!("%W~{name}:session:[0-7]*")];
    let rights = rights.each_ref().map(String::as_str);
    shared().command(&[&["ACL", "SETUSER", &name], &rights[..]].concat());
    std::thread::scope(|scope| {
        for browser in &browsers {
            let status = if may_write(browser) { 200 } else { 500 };
            scope.spawn(move || (0..20).for_each(|_| assert_eq!(browser.post("/count/n").send().status(), status)));
        }
    });
    shared().command(&["ACL", "SETUSER", &name, &format!("~{name}:*")]);
    for browser in &browsers {
        assert_eq!(browser.session().unwrap().data["n"], if may_write(browser) { 21 } else { 1 });
    }
}

#[test]
fn a_write_is_a_503_while_redis_cannot_take_it_and_a_500_if_it_refuses() {
    let Some(redis) = Redis::start() else { return };
    let client = of(&redis);
    client.post("/count/n").send().assert_status(200);
    let leaves = client.fork();
    leaves.post("/count/n").send().assert_status(200);
    let assert_all = |status: u16| {
        for path in ["/count/n", "/set/a/1", "/login/7"] {
            let response = client.post(path).send();
            response.assert_status(status);
            assert_no_cookie(&response);
        }
        client.fork().post("/set/a/1").send().assert_status(status);
    };
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_all(503);
    // A logout needs no memory.
    client.fork().post("/logout").send().assert_status(204);
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    redis.command(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_all(503);
    // Not that of the others: it is tried again until it succeeds.
    leaves.post("/logout").send().assert_status(503);
    redis.command(&["REPLICAOF", "NO", "ONE"]);
    redis.command(&["ACL", "SETUSER", "default", "-set"]);
    assert_all(500);
    redis.command(&["ACL", "SETUSER", "default", "+set"]);
    client.post("/count/n").send().assert_status(200).assert_contains("2");
}

#[test]
fn rule_09_a_redis_that_goes_away_before_a_renewal_fails_no_page() {
    let Some(mut redis) = Redis::start_durable() else { return };
    let gate = crate::gate::Gate::default();
    let waits = gate.clone();
    let slow = move |req: &mut Request| -> Result<String> {
        diesel::sql_query("INSERT INTO work VALUES (1)").execute(req.db()?)?;
        let n = req.session()["n"].to_string();
        waits.pass();
        Ok(n)
    };
    let settings = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30\nSESSION_STORE = 'redis'\nREDIS_TIMEOUT_MS = 300";
    let client = Client::with_settings(App::new(urls().post("/slow", slow)), &format!("{settings}\nREDIS_URL = '{}'", redis.url()));
    crate::sql(&client, "CREATE TABLE work (n BIGINT)");
    client.post("/count/n").send().assert_status(200);
    client.clock().advance(MINUTE);
    let response = std::thread::scope(|scope| {
        let slow = scope.spawn(|| client.post("/slow").send());
        gate.reached();
        redis.kill();
        gate.open();
        slow.join().unwrap()
    });
    response.assert_status(200).assert_contains("1");
    assert_no_cookie(&response);
    assert_eq!(crate::number(&client, "SELECT count(*) FROM work"), 1);
    redis.start_again();
    assert!(super::sent(&client.get("/touch").send()).is_some());
}

#[test]
fn rule_13_a_logout_succeeds_though_redis_has_no_memory_left() {
    let Some(redis) = Redis::start() else { return };
    let client = of(&redis);
    client.post("/login/7").send();
    let old = id(&client);
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    client.post("/logout").send().assert_status(204);
    assert!(!is_live(&client, old));
}

#[test]
fn rule_04_a_request_is_late_for_what_another_server_of_the_application_has_done() {
    let Some(redis) = Redis::start() else { return };
    let (one, two) = (of(&redis), of(&redis));
    one.post("/set/a/1").send();
    let late = holding(&two, &held(&one));
    one.post("/login/7").send();
    assert_no_cookie(&late.post("/set/b/2").send());
}

#[test]
fn rule_16_sessions_of_an_earlier_version_keep_their_expiry_and_messages() {
    let Some((client, name)) = in_shared() else { return };
    client.post("/set/a/1").send();
    let key = format!("{name}:session:{}", id(&client));
    let stored = shared().command(&["GET", &key]);
    let (head, _) = stored.split_once(" 2 {").unwrap();
    let old = "{\"_expiry\":604800,\"a\":\"old\",\"flash_messages\":[{\"category\":\"info\",\"message\":\"hello\"}]}";
    shared().command(&["SET", &key, &format!("{head} {old}")]);
    let record = client.session().unwrap();
    assert_eq!((record.data.len(), &record.data["a"]), (1, &"old".into()));
    assert_eq!(record.meta.expiry, lback::session::Expiry::After(Duration::from_secs(604_800)));
    client.clock().advance(MINUTE);
    client.get("/touch").send();
    assert_eq!(client.session().unwrap().expires_at, client.clock().now() + chrono::TimeDelta::days(7));
    assert_eq!(client.get("/flashes").send().text(), "info:hello");
    client.post("/set/b/2").send().assert_status(204);
    assert_eq!(client.session().unwrap().meta.expiry, lback::session::Expiry::After(Duration::from_secs(604_800)));
}

#[test]
fn rule_19_the_server_deletes_what_has_expired() {
    let Some((client, name)) = in_shared() else { return };
    client.post("/login/7").send();
    let (session, user) = (format!("{name}:session:{}", id(&client)), format!("{name}:user:7"));
    let left = |key: &str| Duration::from_millis(shared().command(&["PTTL", key]).parse().unwrap());
    for minutes in [0, 20] {
        client.clock().advance(minutes * MINUTE);
        client.get("/touch").send();
        for key in [&session, &user] {
            assert!((30 * MINUTE..=31 * MINUTE).contains(&left(key)), "{key}: {:?}", left(key));
        }
    }
}

#[test]
fn rule_20_the_list_of_a_users_sessions_holds_no_dead_ones() {
    let Some((client, name)) = in_shared() else { return };
    let listed = |user: i64| shared().command(&["ZCARD", &format!("{name}:user:{user}")]);
    client.post("/login/7").send();
    assert_eq!((listed(7), listed(8)), ("1".to_owned(), "0".to_owned()));
    // Rotation, another user, and nobody.
    client.post("/login/8").send();
    assert_eq!((listed(7), listed(8)), ("0".to_owned(), "1".to_owned()));
    client.post("/remove/user_id").send();
    assert_eq!(listed(8), "0");
    // Logout.
    client.post("/login/7").send();
    client.post("/logout").send();
    assert_eq!(listed(7), "0");
    // What the server has deleted is not shown, and what has expired goes with the next login.
    client.post("/login/7").send();
    let gone = id(&client);
    shared().command(&["DEL", &format!("{name}:session:{gone}")]);
    assert!(client.sessions().for_user(7).unwrap().is_empty() && !is_live(&client, gone));
    client.clock().advance(31 * MINUTE);
    client.post("/login/7").send();
    assert_eq!(listed(7), "1");
}

#[test]
fn rule_05_data_that_are_no_object_give_a_new_session() {
    let Some((client, name)) = in_shared() else { return };
    for data in ["[1, 2]", "7", "null", "", "{\"a\":", "not json"] {
        client.post("/set/a/1").send();
        let old = id(&client);
        let key = format!("{name}:session:{old}");
        let stored = shared().command(&["GET", &key]);
        let (head, _) = stored.split_once(" {").unwrap();
        shared().command(&["SET", &key, &format!("{head} {data}")]);
        client.get("/get/a").send().assert_status(200).assert_contains("null");
        client.post("/set/b/2").send().assert_status(204);
        assert_ne!(id(&client), old, "{data}");
    }
}

#[test]
fn the_address_is_checked_at_start() {
    let settings = "SESSION_TIMEOUT_MINUTES = 30\nSESSION_STORE = 'redis'\nREDIS_URL = 'localhost:secret@6379'";
    let message = start_error(App::new(urls()), settings);
    assert!(message.contains("REDIS_URL = \"redis://127.0.0.1:6379/0\"") && !message.contains("secret"), "{message}");
}

#[test]
#[cfg(feature = "redis-tls")]
fn over_tls_only_a_server_that_is_vouched_for_is_spoken_to() {
    let Some(redis) = Redis::start_with_tls() else { return };
    let settings = format!("ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30\nSESSION_STORE = 'redis'\nREDIS_URL = '{}'", redis.url());
    let trusting = format!("{settings}\nREDIS_CA_FILE = '{}'", redis.certificate().unwrap().display());
    let client = Client::with_settings(App::new(urls()), &trusting);
    client.post("/login/7").send().assert_status(204);
    client.get("/get/user_id").send().assert_contains("7");

    let stranger = Client::with_settings(App::new(urls()), &settings);
    holding(&stranger, &held(&client)).get("/get/user_id").send().assert_status(503);
    let missing = start_error(App::new(urls()), &format!("{settings}\nREDIS_CA_FILE = 'missing.pem'"));
    assert!(missing.contains("REDIS_CA_FILE") && missing.contains("missing.pem"), "{missing}");
}

#[test]
#[cfg(not(feature = "redis-tls"))]
fn tls_needs_its_feature() {
    let settings = "SESSION_TIMEOUT_MINUTES = 30\nSESSION_STORE = 'redis'";
    for more in ["REDIS_URL = 'rediss://localhost'", "REDIS_URL = 'rediss://localhost'\nREDIS_CA_FILE = 'Cargo.toml'"] {
        let message = start_error(App::new(urls()), &format!("{settings}\n{more}"));
        assert!(message.contains("features = [\"redis-tls\"]"), "{message}");
    }
}
