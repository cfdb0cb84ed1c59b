//! LISTEN and NOTIFY.

use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use lback_core::{Error, Result};

use super::thread::Arrived;

/// The interval at which received notices are looked for, which costs no round trip. Diesel cannot wait for them.
pub(super) const PAUSE: Duration = Duration::from_millis(5);
/// The interval at which the connection is checked.
const CHECK: Duration = Duration::from_secs(30);

pub(super) struct Server {
    topics: Vec<&'static str>,
    checked_at: Instant,
}

impl Server {
    pub(super) fn new() -> Self {
        Server { topics: Vec::new(), checked_at: Instant::now() }
    }

    pub(super) fn begin(&mut self, connection: &mut PgConnection, topic: &'static str) -> Result<()> {
        if !self.topics.contains(&topic) {
            connection.batch_execute(&format!("LISTEN lback_{topic}"))?;
            self.topics.push(topic);
        }
        Ok(())
    }

    pub(super) fn arrived(&mut self, connection: &mut PgConnection) -> Result<Arrived> {
        let lost = |error| Error::unavailable("the connection was lost").with_source(error);
        let mut notices = Vec::new();
        for notice in connection.notifications_iter() {
            let notice = notice.map_err(lost)?;
            if let Some(topic) = notice.channel.strip_prefix("lback_") {
                notices.push((topic.to_owned(), notice.payload));
            }
        }
        if self.checked_at.elapsed() >= CHECK {
            connection.batch_execute("SELECT 1").map_err(lost)?;
            self.checked_at = Instant::now();
        }
        Ok(if notices.is_empty() { Arrived::Nothing } else { Arrived::Notices(notices) })
    }
}
