//! Through a mail server on a real socket, which fails in every way.

use std::time::{Duration, Instant};

use lback::testing::ClientJobs;
use lback_core::testing::block_on;
use lback_mail::Mailer;
use lback_test_servers::{Smtp, SmtpFault, free_port};
use tempfile::TempDir;

use super::{Office, mail, try_mailer};

/// Settings for a server that speaks in clear.
fn plain(server: &Smtp) -> String {
    settings(server.port(), "none")
}

fn settings(port: u16, tls: &str) -> String {
    format!("MAIL_BACKEND = 'smtp'\nMAIL_FROM = 'Shop <shop@example.com>'\nSMTP_HOST = 'localhost'\nSMTP_PORT = {port}\nSMTP_TLS = '{tls}'")
}

/// Returns a mailer without an application.
fn mailer(settings: &str) -> Mailer {
    try_mailer(&TempDir::with_prefix("lback-test-").unwrap(), settings).unwrap()
}

fn why_not(mailer: &Mailer) -> String {
    block_on(mailer.send_now(mail())).unwrap_err().to_string()
}

#[test]
fn a_mail_arrives_with_its_envelope() {
    let server = Smtp::start();
    let mail = mail().cc("cora@example.com").bcc("bob@example.com").text("First\n.\n..dots\nlast");
    block_on(mailer(&plain(&server)).send_now(mail)).unwrap();
    let received = server.received().remove(0);
    assert_eq!(received.from, "shop@example.com");
    assert_eq!(received.to, ["alice@example.com", "cora@example.com", "bob@example.com"]);
    assert!(received.data.contains("\n\nFirst\n.\n..dots\nlast") && !received.data.contains("bob@"), "{}", received.data);
    assert!(!received.encrypted && received.credentials.is_none());
}

#[test]
fn no_text_ends_a_mail_and_begins_another() {
    let server = Smtp::start();
    let evil = "a\r\n.\r\nMAIL FROM:<eve@example.com>\r\nb\n.\nRCPT TO:<eve@example.com>\r.\rDATA";
    block_on(mailer(&plain(&server)).send_now(mail().text(evil))).unwrap();
    let received = server.received();
    assert!(received.len() == 1 && received[0].to == ["alice@example.com"], "{received:?}");
    assert!(received[0].data.contains("\nMAIL FROM:") && received[0].data.contains("\nRCPT TO:"), "{received:?}");
}

#[test]
fn greylisting_is_waited_for() {
    let server = Smtp::start();
    let office = Office::new(&plain(&server));
    server.fail(Some(SmtpFault::Greylists));
    (0..6).for_each(|n| office.queue(&format!("Mail {n}")));
    office.send_due();
    // One that is refused for now says nothing of the others.
    let rows = office.rows();
    assert!(rows.iter().all(|(attempts, waits, error)| *attempts == 1 && *waits && error.as_deref().unwrap().contains("451")), "{rows:?}");
    server.fail(None);
    office.send_due();
    assert!(server.received().is_empty(), "it is not time yet");
    office.client.clock().advance(Duration::from_secs(13));
    office.send_due();
    assert_eq!((server.received().len(), office.rows().len()), (6, 0));
    let id = |n: usize| server.received()[n].data.lines().find(|line| line.starts_with("Message-ID")).unwrap().to_owned();
    assert_ne!(id(0), id(1));
}

#[test]
fn what_is_refused_for_good_is_not_tried_again() {
    let server = Smtp::start();
    let office = Office::new(&plain(&server));
    server.fail(Some(SmtpFault::RefusesRecipients));
    office.queue("Hello");
    office.send_due();
    let rows = office.rows();
    assert!(rows[0].0 == 1 && !rows[0].1 && rows[0].2.as_deref().unwrap().contains("no such user"), "{rows:?}");
    assert!(why_not(&office.mailer).contains("no such user"));
}

#[test]
fn senders_that_work_at_the_same_time_send_each_mail_once() {
    let server = Smtp::start();
    let office = Office::new(&plain(&server));
    (0..40).for_each(|n| office.queue(&format!("Mail {n}.")));
    let others: Vec<_> = (0..4).map(|_| office.client.restart(Office::app())).collect();
    std::thread::scope(|scope| {
        for client in &others {
            scope.spawn(|| client.run_jobs());
        }
    });
    office.send_due();
    let received = server.received();
    assert_eq!((received.len(), office.rows().len()), (40, 0));
    assert!((0..40).all(|n| received.iter().any(|mail| mail.data.contains(&format!("Subject: Mail {n}.")))));
}

#[test]
fn a_server_that_is_away_loses_no_mail() {
    let port = free_port().unwrap();
    let office = Office::new(&settings(port, "none"));
    (0..20).for_each(|n| office.queue(&format!("Mail {n}")));
    office.send_due();
    let rows = office.rows();
    assert!(rows.len() == 20 && rows.iter().all(|(attempts, waits, _)| *attempts == 1 && *waits), "{rows:?}");
    assert!(why_not(&office.mailer).contains(&format!("localhost:{port}")), "{}", why_not(&office.mailer));
}

#[test]
fn a_server_that_hangs_up_in_a_mail_gets_it_again() {
    let server = Smtp::start();
    let office = Office::new(&plain(&server));
    server.fail(Some(SmtpFault::HangsUpInData));
    office.queue("Hello");
    office.send_due();
    assert!(office.rows()[0].1 && server.received().is_empty());
    server.fail(None);
    office.client.clock().advance(Duration::from_secs(13));
    office.send_due();
    assert_eq!((server.received().len(), office.rows().len()), (1, 0));
}

#[test]
fn a_server_that_hangs_is_left_in_time() {
    let server = Smtp::start();
    let office = Office::new(&format!("{}\nSMTP_TIMEOUT_SECONDS = 1", plain(&server)));
    server.fail(Some(SmtpFault::Hangs));
    office.queue("Hello");
    let begun = Instant::now();
    office.send_due();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let rows = office.rows();
    assert!(rows[0].1 && rows[0].2.as_deref().unwrap().contains("within 1 s (SMTP_TIMEOUT_SECONDS)"), "{rows:?}");
}

#[test]
fn a_mail_that_is_taken_is_not_sent_again_however_the_goodbye_goes() {
    let server = Smtp::start();
    let office = Office::new(&format!("{}\nSMTP_TIMEOUT_SECONDS = 1", plain(&server)));
    server.fail(Some(SmtpFault::HangsAtGoodbye));
    office.queue("Hello");
    office.send_due();
    assert!(office.rows().is_empty());
    office.client.clock().advance(Duration::from_secs(3600));
    office.send_due();
    assert_eq!(server.received().len(), 1);
}

#[test]
fn whoever_logs_in_is_named_and_a_wrong_password_gives_up_no_mail() {
    let server = Smtp::start();
    let office = Office::new(&format!("{}\nSMTP_USERNAME = 'shop'\nSMTP_PASSWORD = 'hunter2'", plain(&server)));
    block_on(office.mailer.send_now(mail())).unwrap();
    // "\0shop\0hunter2" in base64.
    assert_eq!(server.received()[0].credentials.as_deref(), Some("AHNob3AAaHVudGVyMg=="));
    server.fail(Some(SmtpFault::RefusesPasswords));
    let why = why_not(&office.mailer);
    assert!(why.contains("wrong password") && !why.contains("hunter2"), "{why}");
    office.queue("Hello");
    office.send_due();
    assert!(office.rows()[0].1, "the password can be mended");

    let half = |more: &str| try_mailer(&office.folder, &format!("{}\n{more}", plain(&server))).err().unwrap().to_string();
    assert!(half("SMTP_USERNAME = 'shop'").contains("SMTP_PASSWORD") && half("SMTP_PASSWORD = 'hunter2'").contains("SMTP_USERNAME"));
}

#[test]
fn over_tls_only_a_server_that_is_vouched_for_is_spoken_to() {
    for (start, tls) in [(Smtp::start_with_starttls as fn() -> Option<Smtp>, "starttls"), (Smtp::start_with_tls, "tls")] {
        let Some(server) = start() else { return };
        let settings = format!("{}\nSMTP_TIMEOUT_SECONDS = 20", settings(server.port(), tls));
        let trusting = format!("{settings}\nSMTP_CA_FILE = '{}'", server.certificate().unwrap().display());
        let credentials = "\nSMTP_USERNAME = 'shop'\nSMTP_PASSWORD = 'hunter2'";
        block_on(mailer(&format!("{trusting}{credentials}")).send_now(mail())).unwrap();
        let received = server.received().remove(0);
        assert!(received.encrypted && received.credentials.is_some(), "{tls}: {received:?}");

        // The system does not vouch for it, and its certificate is for another name.
        let stranger = why_not(&mailer(&settings));
        assert!(stranger.contains("certificate"), "{tls}: {stranger}");
        let misnamed = why_not(&mailer(&trusting.replace("'localhost'", "'127.0.0.1'")));
        assert!(misnamed.contains("certificate"), "{tls}: {misnamed}");
        assert_eq!(server.received().len(), 1);
    }
}

#[test]
fn a_server_without_tls_gets_nothing_where_tls_is_asked_for() {
    let server = Smtp::start();
    let mailer = mailer(&format!("{}\nSMTP_USERNAME = 'shop'\nSMTP_PASSWORD = 'hunter2'", settings(server.port(), "starttls")));
    let why = why_not(&mailer);
    assert!(why.contains("STARTTLS") && server.received().is_empty(), "{why}");
    let folder = TempDir::with_prefix("lback-test-").unwrap();
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    for (file, part) in
        [("missing.pem", "a file that exists, but is the text \"missing.pem\""), ("empty.pem", "it contains no certificate")]
    {
        let error = try_mailer(&folder, &format!("{}\nSMTP_CA_FILE = '{file}'", settings(1, "tls"))).err().unwrap().to_string();
        assert!(error.contains("SMTP_CA_FILE") && error.contains(part), "{error}");
    }
}
