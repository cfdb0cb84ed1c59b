//! What waits in the outbox: claimed by one sender, kept until it is sent.

use std::time::Duration;

use diesel::prelude::*;
use lback_core::testing::block_on;

use super::Office;

const FILE: &str = "MAIL_BACKEND = 'file'";

#[test]
fn what_is_queued_is_sent_once_and_gone() {
    let office = Office::new();
    let mailer = office.mailer(FILE);
    (0..10).for_each(|n| office.queue(&mailer, &format!("Mail {n}")));
    assert_eq!(office.rows().len(), 10);
    block_on(mailer.send_due()).unwrap();
    assert_eq!((office.rows().len(), office.files().len()), (0, 10));
    block_on(mailer.send_due()).unwrap();
    assert_eq!(office.files().len(), 10);
}

#[test]
fn a_transaction_that_is_rolled_back_sends_nothing() {
    let office = Office::new();
    let mailer = office.mailer(FILE);
    let mut unit = lback_db::DbSession::for_writing(office.database());
    mailer.queue(unit.connection().unwrap(), super::mail()).unwrap();
    drop(unit);
    assert!(office.rows().is_empty());
}

#[test]
fn what_cannot_be_written_waits_longer_each_time_and_is_not_lost() {
    let office = Office::new();
    let mailer = office.mailer(FILE);
    // A file where the folder should be.
    std::fs::write(office.folder.path().join("mails"), "").unwrap();
    office.queue(&mailer, "Patience");
    let mut waited = Vec::new();
    for attempt in 1..=12 {
        block_on(mailer.send_due()).unwrap();
        let (attempts, waits, error) = office.rows().remove(0);
        assert!(attempts == attempt && waits && error.unwrap().contains("mails"));
        // Not a second too early.
        let due = due_in(&office);
        office.clock.advance(Duration::from_secs(due - 1));
        block_on(mailer.send_due()).unwrap();
        assert_eq!(office.rows()[0].0, attempt);
        office.clock.advance(Duration::from_secs(1));
        waited.push(due);
    }
    assert_eq!(waited, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]);
    std::fs::remove_file(office.folder.path().join("mails")).unwrap();
    block_on(mailer.send_due()).unwrap();
    assert_eq!((office.rows().len(), office.files().len()), (0, 1));
}

/// In how many seconds the next mail is due.
fn due_in(office: &Office) -> u64 {
    let now = office.clock.now().naive_utc();
    let due = diesel::dsl::sql::<diesel::sql_types::Timestamp>("(SELECT min(due_at) FROM mail_outbox)");
    let due: chrono::NaiveDateTime = diesel::select(due).get_result(&mut *office.database().get().unwrap()).unwrap();
    (due - now).num_seconds().try_into().unwrap()
}

#[test]
fn what_was_tried_often_enough_is_given_up_and_kept_for_a_week() {
    let office = Office::new();
    let mailer = office.mailer("MAIL_BACKEND = 'file'\nMAIL_MAX_ATTEMPTS = 2");
    std::fs::write(office.folder.path().join("mails"), "").unwrap();
    let fail_for_good = |subject: &str| {
        office.queue(&mailer, subject);
        for _ in 0..2 {
            block_on(mailer.send_due()).unwrap();
            office.clock.advance(Duration::from_secs(10));
        }
    };
    fail_for_good("First");
    let (attempts, waits, error) = office.rows().remove(0);
    assert!(attempts == 2 && !waits && error.is_some());
    office.clock.advance(Duration::from_secs(6 * 24 * 3600));
    fail_for_good("Second");
    assert_eq!(office.rows().len(), 2);
    office.clock.advance(Duration::from_secs(2 * 24 * 3600));
    fail_for_good("Third");
    assert_eq!(office.rows().len(), 2);
    std::fs::remove_file(office.folder.path().join("mails")).unwrap();
    office.clock.advance(Duration::from_secs(3600));
    block_on(mailer.send_due()).unwrap();
    assert!(office.files().is_empty(), "what was given up stays so");
    // Unless somebody says otherwise, in the words of the guide.
    let again = "UPDATE mail_outbox SET due_at = created_at, attempts = 0 WHERE due_at IS NULL";
    diesel::sql_query(again).execute(&mut *office.database().get().unwrap()).unwrap();
    block_on(mailer.send_due()).unwrap();
    assert_eq!((office.files().len(), office.rows().len()), (2, 0));
}

#[test]
fn what_cannot_be_read_is_given_up_and_holds_up_nobody() {
    let office = Office::new();
    let mailer = office.mailer(FILE);
    let row = "INSERT INTO mail_outbox (mail, attempts, due_at, created_at) VALUES ('{', 0, '2000-01-01 00:00:00', '2026-01-01 00:00:00')";
    diesel::sql_query(row).execute(&mut *office.database().get().unwrap()).unwrap();
    office.queue(&mailer, "Hello");
    block_on(mailer.send_due()).unwrap();
    assert_eq!(office.files().len(), 1);
    let rows = office.rows();
    assert!(rows.len() == 1 && !rows[0].1 && rows[0].2.as_deref().unwrap().contains("cannot be read"), "{rows:?}");
}
