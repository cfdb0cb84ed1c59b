//! The client of tests: commands, and the files that a test stores.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use lback::chrono::{DateTime, TimeDelta, Utc};
use lback::middleware::StaticFiles;
use lback::prelude::*;
use lback::testing::Client;

use crate::{number, sql};

const SETTINGS: &str = "SESSION_TIMEOUT_MINUTES = 30\nALLOWED_HOSTS = ['*']";

/// Closes the tickets that nobody has touched for so many days.
fn close_idle(command: &mut Command) -> ProgramResult {
    let days: i64 = command.argument(0)?.unwrap_or(30);
    let before = (command.now() - TimeDelta::days(days)).timestamp();
    let closed = diesel::sql_query(format!("DELETE FROM tickets WHERE touched < {before}")).execute(command.db()?)?;
    command.print(format!("closed {closed}"));
    if days == 0 {
        return Err(ProgramError::new("too eager"));
    }
    command.print("done");
    Ok(())
}

fn tickets() -> Client {
    let app = App::new(Router::new()).command("close_idle", "[DAYS]  closes idle tickets", close_idle);
    let client = Client::with_settings(app, SETTINGS);
    let now: DateTime<Utc> = client.clock().now();
    sql(&client, &format!("CREATE TABLE tickets (touched BIGINT NOT NULL); INSERT INTO tickets VALUES ({})", now.timestamp()));
    client
}

#[test]
fn a_command_runs_on_the_database_and_the_clock_of_its_client() {
    let client = tickets();
    assert_eq!(client.command("close_idle", &["14"]), "closed 0\ndone\n");
    client.clock().advance(Duration::from_secs(15 * 24 * 3600));
    assert_eq!(client.command("close_idle", &[]), "closed 0\ndone\n");
    // A fork is a browser before the same application.
    assert_eq!(client.fork().command("close_idle", &["14"]), "closed 1\ndone\n");
    assert_eq!(number(&client, "SELECT count(*) FROM tickets"), 0);
}

#[test]
fn a_command_that_fails_leaves_nothing_and_says_why() {
    let client = tickets();
    client.clock().advance(Duration::from_secs(1));
    let error = client.try_command("close_idle", &["0"]).unwrap_err();
    assert_eq!(error.message(), "too eager");
    assert_eq!(number(&client, "SELECT count(*) FROM tickets"), 1, "what it has deleted is there again");
    let wrong = client.try_command("close_idle", &["soon"]).unwrap_err();
    assert!(wrong.message().contains("argument \"soon\""), "{wrong}");
    let unknown = client.try_command("close_idel", &[]).unwrap_err();
    assert!(unknown.message().contains("did you mean close_idle?"), "{unknown}");
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| client.command("close_idle", &["0"]))).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("the command close_idle failed: too eager: closed 1 (at ") && message.contains("testing.rs"), "{message}");
}

#[test]
fn a_restarted_application_brings_its_commands() {
    let client = tickets();
    let again = client.restart(App::new(Router::new()).command("count", "counts", |command| {
        let count: i64 = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM tickets").get_result(command.db()?)?;
        command.print(count);
        Ok(())
    }));
    assert_eq!(again.command("count", &[]), "1\n");
    assert!(again.try_command("close_idle", &[]).is_err());
}

#[cfg(feature = "auth")]
#[test]
fn the_commands_for_users_run_on_the_database_of_the_client() {
    let client = Client::with_settings(App::new(Router::new()).auth(), SETTINGS);
    assert_eq!(client.command("list_users", &[]), "there are no users yet; createsuperuser creates the first one\n");
    client.add_user("alice");
    assert!(client.command("list_users", &["--json"]).contains("\"username\":\"alice\""));
    assert_eq!(client.command("deactivate_user", &["alice"]), "alice cannot log in any more\n");
}

fn upload(req: &mut Request) -> Result<String> {
    let folder = req.app().media_dir();
    let file = req.multipart()?.file("photo").ok_or_else(|| Error::bad_request("no photo"))?;
    file.save(folder.join("photos/one.txt"))?;
    Ok(folder.display().to_string())
}

fn with_media() -> App {
    App::new(Router::new().post("/", upload)).stack(|stack| {
        stack.insert_after("StaticFiles", StaticFiles::media("/media/"))?;
        Ok(())
    })
}

#[test]
fn files_that_a_test_stores_are_in_a_folder_of_its_own_that_goes_with_it() {
    let folders: Vec<PathBuf> = ["", "\nMEDIA_DIR = 'uploads'"]
        .iter()
        .map(|line| {
            let client = Client::with_settings(with_media(), &format!("{SETTINGS}{line}"));
            let folder =
                PathBuf::from(client.post("/").multipart().file("photo", "x", "text/plain", "a photo").send().assert_status(200).text());
            assert!(folder.starts_with(std::env::temp_dir()) && folder.join("photos/one.txt").is_file(), "{}", folder.display());
            client.get("/media/photos/one.txt").send().assert_contains("a photo");
            let fork = client.fork();
            drop(client);
            fork.get("/media/photos/one.txt").send().assert_status(200);
            folder
        })
        .collect();
    assert_ne!(folders[0], folders[1]);
    assert!(folders.iter().all(|folder| !folder.exists()), "{folders:?}");
}

#[test]
fn a_folder_that_a_test_names_by_its_whole_path_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let client = Client::with_settings(with_media(), &format!("{SETTINGS}\nMEDIA_DIR = '{}'", folder.path().display()));
    client.post("/").multipart().file("photo", "x", "text/plain", "a photo").send().assert_status(200);
    drop(client);
    assert_eq!(fs::read_to_string(folder.path().join("photos/one.txt")).unwrap(), "a photo");
}

#[cfg(feature = "mail")]
#[test]
fn mail_in_files_is_in_that_folder_too() {
    let client = Client::with_settings(App::new(Router::new()).mail(), &format!("{SETTINGS}\nMAIL_BACKEND = 'file'"));
    let mailer = client.app().state::<lback::mail::Mailer>().unwrap();
    lback::testing::block_on(mailer.send_now(Mail::to("alice@example.com").subject("x").text("y"))).unwrap();
    let folder = client.app().media_dir().with_file_name("mail_dir");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    drop(client);
    assert!(!folder.exists());
}
