//! Through a mail server on a real socket, which fails in every way.

use std::time::{Duration, Instant};

use lback_core::testing::block_on;
use lback_mail::Mailer;
use lback_test_servers::{Smtp, SmtpFault, free_port};

use super::{Office, mail};

/// Settings for a server that speaks in clear.
fn plain(server: &Smtp) -> String {
    settings(server.port(), "none")
}

fn settings(port: u16, tls: &str) -> String {
    format!("MAIL_BACKEND = 'smtp'\nMAIL_FROM = 'Shop <shop@example.com>'\nSMTP_HOST = 'localhost'\nSMTP_PORT = {port}\nSMTP_TLS = '{tls}'")
}

fn why_not(mailer: &Mailer) -> String {
    block_on(mailer.send_now(mail())).unwrap_err().to_string()
}

#[test]
fn a_mail_arrives_with_its_envelope() {
    let (office, server) = (Office::new(), Smtp::start());
    let mail = mail().cc("cora@example.com").bcc("bob@example.com").text("First\n.\n..dots\nlast");
    block_on(office.mailer(&plain(&server)).send_now(mail)).unwrap();
    let received = server.received().remove(0);
    assert_eq!(received.from, "shop@example.com");
    assert_eq!(received.to, ["alice@example.com", "cora@example.com", "bob@example.com"]);
    assert!(received.data.contains("\n\nFirst\n.\n..dots\nlast") && !received.data.contains("bob@"), "{}", received.data);
    assert!(!received.encrypted && received.credentials.is_none());
}

#[test]
fn no_text_ends_a_mail_and_begins_another() {
    let (office, server) = (Office::new(), Smtp::start());
    let evil = "a\r\n.\r\nMAIL FROM:<eve@example.com>\r\nb\n.\nRCPT TO:<eve@example.com>\r.\rDATA";
    block_on(office.mailer(&plain(&server)).send_now(mail().text(evil))).unwrap();
    let received = server.received();
    assert!(received.len() == 1 && received[0].to == ["alice@example.com"], "{received:?}");
    assert!(received[0].data.contains("\nMAIL FROM:") && received[0].data.contains("\nRCPT TO:"), "{received:?}");
}

#[test]
fn greylisting_is_waited_for() {
    let (office, server) = (Office::new(), Smtp::start());
    let mailer = office.mailer(&plain(&server));
    server.fail(Some(SmtpFault::Greylists));
    (0..6).for_each(|n| office.queue(&mailer, &format!("Mail {n}")));
    block_on(mailer.send_due()).unwrap();
    // One that is refused for now says nothing of the others.
    let rows = office.rows();
    assert!(rows.iter().all(|(attempts, waits, error)| *attempts == 1 && *waits && error.as_deref().unwrap().contains("451")), "{rows:?}");
    server.fail(None);
    block_on(mailer.send_due()).unwrap();
    assert!(server.received().is_empty(), "it is not time yet");
    office.clock.advance(Duration::from_secs(10));
    block_on(mailer.send_due()).unwrap();
    assert_eq!((server.received().len(), office.rows().len()), (6, 0));
    let id = |n: usize| server.received()[n].data.lines().find(|line| line.starts_with("Message-ID")).unwrap().to_owned();
    assert_ne!(id(0), id(1));
}

#[test]
fn what_is_refused_for_good_is_not_tried_again() {
    let (office, server) = (Office::new(), Smtp::start());
    let mailer = office.mailer(&plain(&server));
    server.fail(Some(SmtpFault::RefusesRecipients));
    office.queue(&mailer, "Hello");
    block_on(mailer.send_due()).unwrap();
    let rows = office.rows();
    assert!(rows[0].0 == 1 && !rows[0].1 && rows[0].2.as_deref().unwrap().contains("no such user"), "{rows:?}");
    assert!(why_not(&mailer).contains("no such user"));
}

#[test]
fn senders_that_work_at_the_same_time_send_each_mail_once() {
    let (office, server) = (Office::new(), Smtp::start());
    let first = office.mailer(&plain(&server));
    (0..40).for_each(|n| office.queue(&first, &format!("Mail {n}.")));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| block_on(office.mailer(&plain(&server)).send_due()).unwrap());
        }
    });
    let received = server.received();
    assert_eq!((received.len(), office.rows().len()), (40, 0));
    assert!((0..40).all(|n| received.iter().any(|mail| mail.data.contains(&format!("Subject: Mail {n}.")))));
}

#[test]
fn a_server_that_is_away_is_asked_for_few_mails_and_loses_none() {
    let office = Office::new();
    let port = free_port().unwrap();
    let mailer = office.mailer(&settings(port, "none"));
    (0..20).for_each(|n| office.queue(&mailer, &format!("Mail {n}")));
    block_on(mailer.send_due()).unwrap();
    let tried = office.rows().iter().filter(|(attempts, ..)| *attempts > 0).count();
    assert!((1..=4).contains(&tried), "{tried}");
    assert!(why_not(&mailer).contains(&format!("localhost:{port}")), "{}", why_not(&mailer));

    let server = Smtp::start();
    office.clock.advance(Duration::from_secs(10));
    block_on(office.mailer(&plain(&server)).send_due()).unwrap();
    assert_eq!((server.received().len(), office.rows().len()), (20, 0));
}

#[test]
fn a_server_that_hangs_up_in_a_mail_gets_it_again() {
    let (office, server) = (Office::new(), Smtp::start());
    let mailer = office.mailer(&plain(&server));
    server.fail(Some(SmtpFault::HangsUpInData));
    office.queue(&mailer, "Hello");
    block_on(mailer.send_due()).unwrap();
    assert!(office.rows()[0].1 && server.received().is_empty());
    server.fail(None);
    office.clock.advance(Duration::from_secs(10));
    block_on(mailer.send_due()).unwrap();
    assert_eq!((server.received().len(), office.rows().len()), (1, 0));
}

#[test]
fn a_server_that_hangs_is_left_in_time() {
    let (office, server) = (Office::new(), Smtp::start());
    let mailer = office.mailer(&format!("{}\nSMTP_TIMEOUT_SECONDS = 1", plain(&server)));
    server.fail(Some(SmtpFault::Hangs));
    office.queue(&mailer, "Hello");
    let begun = Instant::now();
    block_on(mailer.send_due()).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let rows = office.rows();
    assert!(rows[0].1 && rows[0].2.as_deref().unwrap().contains("within 1 s (SMTP_TIMEOUT_SECONDS)"), "{rows:?}");
}

#[test]
fn a_mail_that_is_taken_is_not_sent_again_however_the_goodbye_goes() {
    let (office, server) = (Office::new(), Smtp::start());
    let mailer = office.mailer(&format!("{}\nSMTP_TIMEOUT_SECONDS = 1", plain(&server)));
    server.fail(Some(SmtpFault::HangsAtGoodbye));
    office.queue(&mailer, "Hello");
    block_on(mailer.send_due()).unwrap();
    assert!(office.rows().is_empty());
    office.clock.advance(Duration::from_secs(3600));
    block_on(mailer.send_due()).unwrap();
    assert_eq!(server.received().len(), 1);
}

#[test]
fn what_a_sender_that_was_killed_had_begun_is_sent_by_another_and_only_then() {
    let (office, server) = (Office::new(), Smtp::start());
    let mailer = office.mailer(&plain(&server));
    office.queue(&mailer, "Hello");
    server.fail(Some(SmtpFault::Hangs));
    let mut sender = tokio::task::JoinSet::new();
    block_on(async { drop(sender.spawn(async move { mailer.send_due().await })) });
    server.wait_for_connections(1);
    drop(sender);
    server.fail(None);
    let other = office.mailer(&plain(&server));
    block_on(other.send_due()).unwrap();
    assert_eq!((server.received().len(), office.rows()[0].0), (0, 1), "its sender may still live");
    // SMTP_TIMEOUT_SECONDS, and a minute.
    office.clock.advance(Duration::from_secs(120));
    block_on(other.send_due()).unwrap();
    assert_eq!((server.received().len(), office.rows().len()), (1, 0));
}

#[test]
fn whoever_logs_in_is_named_and_a_wrong_password_gives_up_no_mail() {
    let (office, server) = (Office::new(), Smtp::start());
    let mailer = office.mailer(&format!("{}\nSMTP_USERNAME = 'shop'\nSMTP_PASSWORD = 'hunter2'", plain(&server)));
    block_on(mailer.send_now(mail())).unwrap();
    // "\0shop\0hunter2" in base64.
    assert_eq!(server.received()[0].credentials.as_deref(), Some("AHNob3AAaHVudGVyMg=="));
    server.fail(Some(SmtpFault::RefusesPasswords));
    let why = why_not(&mailer);
    assert!(why.contains("wrong password") && !why.contains("hunter2"), "{why}");
    office.queue(&mailer, "Hello");
    block_on(mailer.send_due()).unwrap();
    assert!(office.rows()[0].1, "the password can be mended");

    let half = |more: &str| office.try_mailer(&format!("{}\n{more}", plain(&server))).err().unwrap().to_string();
    assert!(half("SMTP_USERNAME = 'shop'").contains("SMTP_PASSWORD") && half("SMTP_PASSWORD = 'hunter2'").contains("SMTP_USERNAME"));
}

#[test]
fn over_tls_only_a_server_that_is_vouched_for_is_spoken_to() {
    for (start, tls) in [(Smtp::start_with_starttls as fn() -> Option<Smtp>, "starttls"), (Smtp::start_with_tls, "tls")] {
        let (office, Some(server)) = (Office::new(), start()) else { return };
        let settings = format!("{}\nSMTP_TIMEOUT_SECONDS = 20", settings(server.port(), tls));
        let trusting = format!("{settings}\nSMTP_CA_FILE = '{}'", server.certificate().unwrap().display());
        let credentials = "\nSMTP_USERNAME = 'shop'\nSMTP_PASSWORD = 'hunter2'";
        block_on(office.mailer(&format!("{trusting}{credentials}")).send_now(mail())).unwrap();
        let received = server.received().remove(0);
        assert!(received.encrypted && received.credentials.is_some(), "{tls}: {received:?}");

        // The system does not vouch for it, and its certificate is for another name.
        let stranger = why_not(&office.mailer(&settings));
        assert!(stranger.contains("certificate"), "{tls}: {stranger}");
        let misnamed = why_not(&office.mailer(&trusting.replace("'localhost'", "'127.0.0.1'")));
        assert!(misnamed.contains("certificate"), "{tls}: {misnamed}");
        assert_eq!(server.received().len(), 1);
    }
}

#[test]
fn a_server_without_tls_gets_nothing_where_tls_is_asked_for() {
    let (office, server) = (Office::new(), Smtp::start());
    let mailer = office.mailer(&format!("{}\nSMTP_USERNAME = 'shop'\nSMTP_PASSWORD = 'hunter2'", settings(server.port(), "starttls")));
    let why = why_not(&mailer);
    assert!(why.contains("STARTTLS") && server.received().is_empty(), "{why}");
    for (file, part) in
        [("missing.pem", "a file that exists, and is the text \"missing.pem\""), ("db.sqlite", "it contains no certificate")]
    {
        let error = office.try_mailer(&format!("{}\nSMTP_CA_FILE = '{file}'", settings(1, "tls"))).err().unwrap().to_string();
        assert!(error.contains("SMTP_CA_FILE") && error.contains(part), "{error}");
    }
}
