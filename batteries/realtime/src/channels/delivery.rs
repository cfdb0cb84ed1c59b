//! Reads the messages that processes have committed, and hands them to the subscribers.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use lback_core::Result;
use lback_db::{Db, Heard};

use super::hub::{Content, Incoming};
use super::{Channels, Inner, store};

/// The interval at which a process that broadcasts deletes old messages.
const CLEAN_EVERY: Duration = Duration::from_secs(60);
/// Maximum number of transactions in which it does so.
const MOST_STEPS: usize = 100;
/// Maximum number of messages whose contents are read at once.
const MOST_CONTENTS: usize = 100;

/// The last time when old messages were deleted.
#[derive(Default)]
pub(super) struct Cleaning(Mutex<Option<Instant>>);

impl Cleaning {
    fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= CLEAN_EVERY);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

impl Inner {
    pub(super) fn heard(&self, db: &mut Db, heard: Heard<'_>) -> Result<()> {
        match heard {
            Heard::Notices(notices) => {
                let messages = notices.iter().filter_map(|notice| {
                    let (id, channel) = notice.split_once(' ')?;
                    Some((id.parse().ok()?, channel.to_owned()))
                });
                self.deliver(db, messages.collect())
            }
            Heard::Look => self.look(db),
        }
    }

    /// Delivers what has been committed since the last message, in the order of the ids.
    fn look(&self, db: &mut Db) -> Result<()> {
        let (mut last, missing) = self.hub.arrived();
        let mut messages = store::after(db, last)?;
        if messages.first().is_some_and(|(first, _)| last > 0 && *first > last + 1)
            && store::oldest(db)?.is_some_and(|oldest| oldest > last + 1)
        {
            // Messages that this process has not received were deleted.
            self.hub.lose_all();
        }
        for missing in missing.chunks(store::ROWS) {
            let found = store::found(db, missing)?;
            self.deliver(db, found)?;
        }
        while let Some((newest, _)) = messages.last() {
            last = *newest;
            self.deliver(db, messages)?;
            messages = store::after(db, last)?;
        }
        Ok(())
    }

    /// Delivers messages in this order.
    fn deliver(&self, db: &mut Db, mut messages: Vec<(i64, String)>) -> Result<()> {
        while !messages.is_empty() {
            let rest = messages.split_off(messages.len().min(MOST_CONTENTS));
            self.deliver_some(db, std::mem::replace(&mut messages, rest))?;
        }
        Ok(())
    }

    /// Delivers messages in this order. The contents are read only for channels whose messages are kept.
    fn deliver_some(&self, db: &mut Db, messages: Vec<(i64, String)>) -> Result<()> {
        let unread = |(number, channel): (i64, String)| Incoming { number, channel: channel.into(), content: Content::Unread };
        let mut messages: Vec<Incoming> = messages.into_iter().map(unread).collect();
        loop {
            let heard = |message: &&mut Incoming| matches!(message.content, Content::Unread) && self.hub.keeps(&message.channel);
            let heard: Vec<&mut Incoming> = messages.iter_mut().filter(heard).collect();
            let ids: Vec<i64> = heard.iter().map(|message| message.number).collect();
            let mut contents = store::contents(db, &ids)?;
            for message in heard {
                message.content = contents.remove(&message.number).unwrap_or(Content::Gone);
            }
            match self.hub.deliver(messages) {
                Ok(()) => return Ok(()),
                Err(back) => messages = back,
            }
        }
    }
}

impl Channels {
    /// Deletes old messages in the background, if none were deleted for a while. Only processes that broadcast do this, so an idle
    /// database is not written to.
    pub(super) fn clean_sometimes(&self) {
        let Some(database) = self.0.database.clone() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.0.cleaning.is_due() {
            return;
        }
        let (clock, settings) = (self.0.clock.clone(), self.0.settings.clone());
        let keep = TimeDelta::minutes(settings.channel_keep_minutes.into());
        runtime.spawn(async move {
            for _ in 0..MOST_STEPS {
                let now = clock.now();
                let delete = move |db: &mut Db| store::delete_old(db, now, keep, settings.channel_keep_messages.into());
                match database.run_write(delete).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        return tracing::warn!(target: "lback::realtime", %error, "old messages of channels cannot be deleted yet");
                    }
                }
            }
        });
    }
}
