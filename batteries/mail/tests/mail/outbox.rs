//! What waits to be sent: kept until it is sent, and given up only after many attempts.

use std::time::Duration;

use lback::jobs::Jobs;

use super::Office;

const FILE: &str = "MAIL_BACKEND = 'file'";

#[test]
fn what_is_queued_is_sent_once_and_gone() {
    let office = Office::new(FILE);
    (0..10).for_each(|n| office.queue(&format!("Mail {n}")));
    assert_eq!(office.rows().len(), 10);
    office.send_due();
    assert_eq!((office.rows().len(), office.files().len()), (0, 10));
    office.send_due();
    assert_eq!(office.files().len(), 10);
}

#[test]
fn a_transaction_that_is_rolled_back_sends_nothing() {
    let office = Office::new(FILE);
    let mut unit = lback_db::DbSession::for_writing(office.client.database().clone());
    office.mailer.queue(unit.connection().unwrap(), super::mail()).unwrap();
    drop(unit);
    assert!(office.rows().is_empty());
}

#[test]
fn what_cannot_be_written_waits_longer_each_time_and_is_not_lost() {
    let office = Office::new(FILE);
    // A file where the folder should be.
    std::fs::write(office.folder.path().join("mails"), "").unwrap();
    office.queue("Patience");
    for (attempt, seconds) in (1..=12).zip([10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]) {
        office.send_due();
        let (attempts, waits, error) = office.rows().remove(0);
        assert!(attempts == attempt && waits && error.unwrap().contains("mails"));
        // Pauses vary by a quarter.
        office.client.clock().advance(Duration::from_secs(seconds * 7 / 10));
        office.send_due();
        assert_eq!(office.rows()[0].0, attempt);
        office.client.clock().advance(Duration::from_secs(seconds * 6 / 10));
    }
    std::fs::remove_file(office.folder.path().join("mails")).unwrap();
    office.send_due();
    assert_eq!((office.rows().len(), office.files().len()), (0, 1));
}

#[test]
fn what_was_tried_often_enough_is_given_up_and_can_be_sent_again() {
    let office = Office::new("MAIL_BACKEND = 'file'\nMAIL_MAX_ATTEMPTS = 2");
    std::fs::write(office.folder.path().join("mails"), "").unwrap();
    office.queue("Hello");
    for _ in 0..2 {
        office.send_due();
        office.client.clock().advance(Duration::from_secs(15));
    }
    let (attempts, waits, error) = office.rows().remove(0);
    assert!(attempts == 2 && !waits && error.is_some());
    std::fs::remove_file(office.folder.path().join("mails")).unwrap();
    office.client.clock().advance(Duration::from_secs(3600));
    office.send_due();
    assert!(office.files().is_empty(), "what was given up stays so");
    let jobs: &Jobs = office.client.app().state().unwrap();
    assert_eq!(office.client.db(|db| jobs.retry_failed(db)), 1);
    office.send_due();
    assert_eq!((office.files().len(), office.rows().len()), (1, 0));
}

#[test]
fn what_cannot_be_read_holds_up_nobody() {
    let office = Office::new(FILE);
    office.queue("Unreadable");
    office.client.db(|db| {
        use diesel::prelude::*;
        diesel::sql_query("UPDATE job_queue SET payload = '{'").execute(db)
    });
    office.queue("Hello");
    office.send_due();
    assert_eq!(office.files().len(), 1);
    let rows = office.rows();
    assert!(rows.len() == 1 && rows[0].2.as_deref().unwrap().contains("cannot be read"), "{rows:?}");
}

#[test]
fn mails_of_an_earlier_version_become_jobs() {
    use diesel::connection::SimpleConnection;
    let office = Office::new(FILE);
    office.queue("Waits");
    office.queue("Given up");
    let migration = |up: bool| match up {
        true => include_str!("../../migrations/sqlite/00000000000051_mails_are_jobs/up.sql"),
        false => include_str!("../../migrations/sqlite/00000000000051_mails_are_jobs/down.sql"),
    };
    let given_up = "UPDATE mail_outbox SET due_at = NULL, attempts = 30, last_error = 'no' WHERE mail LIKE '%Given up%'";
    for sql in [migration(false), given_up, migration(true)] {
        office.client.db(|db| db.batch_execute(sql));
    }
    assert_eq!(office.rows(), [(0, true, None), (30, false, Some("no".to_owned()))]);
    office.send_due();
    assert_eq!((office.files().len(), office.rows().len()), (1, 1));
}
