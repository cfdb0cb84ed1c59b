//! The background task that sends waiting mail.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;

use crate::Mailer;
use crate::mailer::{Pass, pause_after};
use crate::outbox::Outbox;

/// How often the outbox is checked without being woken: another process may have put mail there.
const LOOK: Duration = Duration::from_secs(30);

/// How long a stopping server continues to send.
const LAST_MAILS: Duration = Duration::from_secs(10);

/// Sends mail as it becomes due, until `stopping` turns true. Then it sends the waiting mail for at most ten seconds. The rest stays in
/// the outbox.
pub async fn send_regularly(mailer: Mailer, stopping: watch::Receiver<bool>) {
    let mut cut_off = pin!(async {
        stopped(stopping.clone()).await;
        tokio::time::sleep(LAST_MAILS).await;
    });
    // While the mail server is unavailable, attempts become rarer.
    let mut in_vain = 0;
    loop {
        let last = *stopping.borrow();
        let pass = tokio::select! {
            pass = mailer.pass() => pass,
            () = &mut cut_off => break,
        };
        if last {
            break;
        }
        let pause = match pass {
            Ok(Pass::Done(next)) => {
                in_vain = 0;
                let until_due = next.map(|next| (next - mailer.now()).to_std().unwrap_or_default());
                until_due.map_or(LOOK, |until_due| until_due.min(LOOK))
            }
            Ok(Pass::Unreachable) => {
                in_vain += 1;
                pause_after(in_vain).min(LOOK * 10)
            }
            Err(error) => {
                in_vain += 1;
                tracing::error!(target: "lback::mail", %error, "the outbox cannot be used");
                pause_after(in_vain).min(LOOK * 10)
            }
        };
        // New mail is no reason to try a server again that was just unavailable.
        let woken = async { if in_vain > 0 { std::future::pending().await } else { mailer.woken().await } };
        tokio::select! {
            () = stopped(stopping.clone()) => {}
            () = woken => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    if let Outbox::Memory(waiting) = mailer.outbox()
        && waiting.len() > 0
    {
        tracing::error!(target: "lback::mail", "{} mails are lost: they waited in memory, as this application has no database", waiting.len());
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
