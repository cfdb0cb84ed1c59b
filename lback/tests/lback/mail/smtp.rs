//! Mail of an application through a mail server, well or not.

use std::time::{Duration, Instant};

use lback::prelude::*;
use lback::testing::Client;
use lback_test_servers::{Smtp, SmtpFault};

use super::{SETTINGS, urls, waiting};
use crate::unit_of_work::on_each_database;
use crate::{number, sql};

on_each_database!(a_server_sends_by_itself, senders_share_the_outbox, a_mail_server_that_hangs_holds_up_no_request_and_loses_no_mail);

fn settings(on: &str, server: &Smtp) -> String {
    let port = server.port();
    format!(
        "{SETTINGS}\n{on}\nMAIL_BACKEND = 'smtp'\nMAIL_FROM = 'shop@example.com'\nSMTP_HOST = '127.0.0.1'\nSMTP_PORT = {port}\nSMTP_TLS = 'none'"
    )
}

fn subjects(server: &Smtp, count: usize) -> Vec<String> {
    let subject = |data: &str| data.split("Subject: ").nth(1)?.lines().next().map(str::to_owned);
    let mut subjects: Vec<String> = server.wait_for_mail(count).iter().filter_map(|mail| subject(&mail.data)).collect();
    subjects.sort_unstable();
    subjects
}

fn a_server_sends_by_itself(on: &str) {
    let server = Smtp::start();
    let client = Client::over_socket_with_settings(App::new(urls()).mail(), &settings(on, &server));
    client.post("/plain").send().assert_status(204);
    client.post("/two").send().assert_status(204);
    assert_eq!(subjects(&server, 3), ["one", "plain", "two"]);
}

#[test]
fn a_server_without_a_database_sends_by_itself() {
    let server = Smtp::start();
    let app = App::new(urls()).mail().without_database().without_sessions();
    let client = Client::over_socket_with_settings(app, &settings("", &server));
    client.post("/two").send().assert_status(204);
    assert_eq!(subjects(&server, 2), ["one", "two"]);
}

fn senders_share_the_outbox(on: &str) {
    let server = Smtp::start();
    let client = Client::with_settings(App::new(urls()).mail(), &settings(on, &server));
    (0..30).for_each(|_| drop(client.post("/plain").send()));
    let others: Vec<Client> = (0..3).map(|_| client.restart(App::new(urls()).mail())).collect();
    std::thread::scope(|scope| {
        for client in &others {
            scope.spawn(|| client.run_jobs());
        }
    });
    client.run_jobs();
    assert_eq!((waiting(&client), server.received().len()), (0, 30));
}

fn a_mail_server_that_hangs_holds_up_no_request_and_loses_no_mail(on: &str) {
    let server = Smtp::start();
    server.fail(Some(SmtpFault::Hangs));
    let client = Client::over_socket_with_settings(App::new(urls()).mail(), &settings(on, &server));
    sql(&client, "CREATE TABLE notes (n BIGINT)");
    let begun = Instant::now();
    let note = || assert_eq!(client.post("/note").send().status(), 204);
    note();
    server.wait_for_connections(1);
    (0..20).for_each(|_| note());
    // SMTP_TIMEOUT_SECONDS is a minute.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!((number(&client, "SELECT count(*) FROM notes"), waiting(&client)), (21, 21));
    // Its connections end, so that nothing is waited for when the application stops.
    drop(server);
}
