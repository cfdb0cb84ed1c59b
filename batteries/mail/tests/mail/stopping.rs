//! The background task, and its end.

use std::time::Duration;

use lback_mail::send_regularly;
use lback_test_servers::{Smtp, SmtpFault};
use tokio::sync::watch;

use super::Office;

fn settings(server: &Smtp) -> String {
    format!("MAIL_BACKEND = 'smtp'\nSMTP_PORT = {}\nSMTP_HOST = '127.0.0.1'\nSMTP_TLS = 'none'\nSMTP_TIMEOUT_SECONDS = 3600", server.port())
}

#[test]
fn what_waits_at_a_stop_is_sent_first() {
    let (office, server) = (Office::new(), Smtp::start());
    let mailer = office.mailer(&settings(&server));
    (0..10).for_each(|n| office.queue(&mailer, &format!("Mail {n}")));
    let (_stop, stopping) = watch::channel(true);
    lback_core::testing::block_on(send_regularly(mailer, stopping));
    assert_eq!((server.received().len(), office.rows().len()), (10, 0));
}

/// Time stands still but for what is waited for, so the hour that the server may take passes at once.
#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_holds_up_no_stop_and_the_mail_stays() {
    let (office, server) = (Office::new(), Smtp::start());
    server.fail(Some(SmtpFault::Hangs));
    let mailer = office.mailer(&settings(&server));
    office.queue(&mailer, "Hello");
    let (_stop, stopping) = watch::channel(true);
    let begun = tokio::time::Instant::now();
    send_regularly(mailer, stopping).await;
    let took = begun.elapsed();
    assert!((Duration::from_secs(10)..Duration::from_secs(11)).contains(&took), "{took:?}");
    assert_eq!(office.rows().len(), 1);
}
