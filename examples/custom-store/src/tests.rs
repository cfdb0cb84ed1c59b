//! Tests of the store through the test client.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use lback::testing::Client;
use tempfile::TempDir;

use crate::app;

const SETTINGS: &str = "SESSION_TIMEOUT_MINUTES = 30";

fn client(folder: &TempDir) -> Client {
    Client::with_settings(app(sessions(folder)), SETTINGS)
}

fn sessions(folder: &TempDir) -> PathBuf {
    folder.path().join("sessions")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some()).collect()
}

#[test]
fn a_session_is_stored_in_a_file_and_survives_a_restart() {
    let folder = TempDir::new().unwrap();
    let browser = client(&folder);
    browser.get("/").send().assert_contains("1 times");
    let file = files(&sessions(&folder)).pop().unwrap();
    assert_eq!(file, sessions(&folder).join(format!("{}.json", browser.session().unwrap().id)));
    assert!(fs::read_to_string(&file).unwrap().contains("\"visits\": 1"));

    let restarted = browser.restart(app(sessions(&folder)));
    restarted.get("/").send().assert_contains("2 times");
    fs::remove_file(file).unwrap();
    restarted.get("/").send().assert_contains("1 times");
}

#[test]
fn concurrent_updates_from_two_servers_are_not_lost() {
    let folder = TempDir::new().unwrap();
    let servers = [client(&folder), client(&folder)];
    servers[0].get("/").send();
    servers[1].set_cookie("session_id", &servers[0].cookie("session_id").unwrap());
    thread::scope(|scope| {
        for n in 0..8 {
            let browser = &servers[n % 2];
            scope.spawn(move || (0..20).for_each(|_| assert_eq!(browser.get("/").send().status(), 200)));
        }
    });
    servers[1].get("/").send().assert_contains("162 times");
}

#[test]
fn login_replaces_the_file_and_logout_removes_it() {
    let folder = TempDir::new().unwrap();
    let browser = client(&folder);
    browser.get("/").send();
    let before = browser.session().unwrap();
    let old = browser.cookie("session_id").unwrap();
    browser.post("/login/alice").send().assert_status(204);
    assert_ne!(browser.session().unwrap().id, before.id);
    browser.get("/").send().assert_contains("alice").assert_contains("2 times");
    let thief = browser.fork();
    thief.set_cookie("session_id", &old);
    thief.get("/").send().assert_contains("stranger");

    browser.post("/logout").send().assert_status(204);
    assert!(browser.session().is_none());
    assert_eq!(files(&sessions(&folder)).len(), 1, "only the thief's session is left");
}

#[test]
fn a_session_expires_after_inactivity() {
    let folder = TempDir::new().unwrap();
    let browser = client(&folder);
    for visits in 1..5 {
        browser.get("/").send().assert_contains(&format!("{visits} times"));
        browser.clock().advance(Duration::from_secs(29 * 60));
    }
    browser.clock().advance(Duration::from_secs(60));
    browser.get("/").send().assert_contains("1 times");
}

#[test]
fn invalid_files_count_as_missing_sessions() {
    let folder = TempDir::new().unwrap();
    let browser = client(&folder);
    for text in ["", "null", "{", "{\"data\": []}"] {
        browser.get("/").send().assert_contains("1 times");
        for file in files(&sessions(&folder)) {
            fs::write(file, text).unwrap();
        }
        browser.get("/").send().assert_status(200).assert_contains("1 times");
        browser.clear_cookies();
    }
}

#[test]
fn an_unreadable_folder_is_an_error_and_does_not_log_out() {
    let folder = TempDir::new().unwrap();
    let browser = client(&folder);
    browser.get("/").send();
    let (own, away) = (sessions(&folder), folder.path().join("away"));
    let file = files(&own).pop().unwrap();
    fs::rename(&own, &away).unwrap();
    // Creates a folder with the name of the file.
    fs::create_dir_all(&file).unwrap();
    let response = browser.get("/").send();
    response.assert_status(503);
    assert!(response.headers_all("set-cookie").is_empty());
    fs::remove_dir_all(&own).unwrap();
    fs::rename(&away, &own).unwrap();
    browser.get("/").send().assert_contains("2 times");
}
