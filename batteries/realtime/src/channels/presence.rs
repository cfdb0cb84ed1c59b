//! The members of channels, in all processes.
//!
//! A process stores a row for each member that it has in a channel, and one for itself with a lease that it extends while it has members.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use lback_core::Result;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::members::{self, Change};
use super::{Channels, Inner, check_name};

/// The time for which a member stays after its last stream has ended, so that a page that is loaded again is no change.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// The pause after a failure of the database.
const AGAIN: Duration = Duration::from_secs(1);
/// Maximum length of the id and the label of a member, in bytes.
const MOST_BYTES: usize = 200;

/// A member of a channel, such as a user who looks at a page: see [`Subscription::present_in`](super::Subscription::present_in).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Member {
    /// The id, such as that of a user.
    pub id: String,
    /// The name that pages show.
    pub label: String,
}

impl Member {
    /// Creates a member. Several streams with the same id are one member. The texts are cut off after 200 bytes, and lose null
    /// characters, which PostgreSQL does not store.
    pub fn new(id: impl Display, label: impl Into<String>) -> Self {
        Member { id: storable(id.to_string()), label: storable(label.into()) }
    }
}

fn storable(mut text: String) -> String {
    text.retain(|c| c != '\0');
    text.truncate(text.floor_char_boundary(MOST_BYTES));
    text
}

type Key = (Arc<str>, String);

/// A member of this process.
#[derive(Debug)]
struct Here {
    label: String,
    joined_at: Instant,
    streams: usize,
    /// The time when the last stream ended, if none is left.
    left_at: Option<Instant>,
    is_stored: bool,
}

/// The members of this process.
pub(super) struct Presence {
    /// Names the process in the database.
    pub(super) process: String,
    here: Mutex<HashMap<Key, Here>>,
    changed: Arc<Notify>,
    is_running: AtomicBool,
}

impl Default for Presence {
    fn default() -> Self {
        let process = uuid::Uuid::new_v4().simple().to_string();
        Presence { process, here: Mutex::default(), changed: Arc::default(), is_running: AtomicBool::new(false) }
    }
}

/// Wakes the task, which then ends.
impl Drop for Presence {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

/// Keeps a member in a channel while it exists.
#[derive(Debug)]
pub(super) struct Present {
    channels: Weak<Inner>,
    key: Key,
}

impl Drop for Present {
    fn drop(&mut self) {
        let Some(inner) = self.channels.upgrade() else { return };
        if let Some(member) = inner.presence.here().get_mut(&self.key) {
            member.streams = member.streams.saturating_sub(1);
            if member.streams == 0 {
                member.left_at = Some(Instant::now());
            }
        }
        inner.presence.changed.notify_one();
    }
}

impl Presence {
    fn here(&self) -> MutexGuard<'_, HashMap<Key, Here>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the members of this process, in the order in which they joined.
    pub(super) fn members(&self) -> Vec<(Arc<str>, Member)> {
        let here = self.here();
        let mut members: Vec<_> = here.iter().collect();
        members.sort_by_key(|(_, member)| member.joined_at);
        let member = |((channel, id), member): (&Key, &Here)| (channel.clone(), Member { id: id.clone(), label: member.label.clone() });
        members.into_iter().map(member).collect()
    }

    /// Returns the changes that are due, and the time until the next one.
    fn due(&self) -> (Vec<Change>, Option<Duration>) {
        let mut next: Option<Duration> = None;
        let mut changes = Vec::new();
        let mut here = self.here();
        here.retain(|_, member| member.is_stored || member.streams > 0);
        for ((channel, id), member) in here.iter() {
            let changed = || (channel.to_string(), Member { id: id.clone(), label: member.label.clone() });
            match member.left_at {
                _ if !member.is_stored => changes.push(Change::joined(changed())),
                Some(at) if at.elapsed() >= GRACE => changes.push(Change::left(changed())),
                Some(at) => next = Some(next.unwrap_or(GRACE).min(GRACE.saturating_sub(at.elapsed()))),
                None => {}
            }
            if changes.len() == members::MOST_CHANGES {
                return (changes, Some(Duration::ZERO));
            }
        }
        (changes, next)
    }

    fn done(&self, changes: &[Change]) {
        let mut here = self.here();
        for change in changes {
            let key = (Arc::from(change.channel.as_str()), change.member.id.clone());
            match here.get_mut(&key) {
                // It may have come back in the meantime.
                Some(member) if change.has_joined || member.streams > 0 => member.is_stored = change.has_joined,
                Some(_) => drop(here.remove(&key)),
                None => {}
            }
        }
    }
}

impl Channels {
    /// Adds a member to a channel until the result is dropped. It is left out if the name of the channel is invalid, and if clients come
    /// and go too fast.
    pub(super) fn join(&self, channel: &str, member: Member) -> Option<Present> {
        // What cannot be stored would keep the other members of the process out, which are stored in the same transaction.
        if let Err(error) = check_name("channel", channel) {
            tracing::warn!(target: "lback::realtime", %error, "a member is left out");
            return None;
        }
        let Member { id, label } = Member::new(member.id, member.label);
        let presence = &self.0.presence;
        let key: Key = (channel.into(), id);
        let new = Here { label, joined_at: Instant::now(), streams: 0, left_at: None, is_stored: false };
        let mut here = presence.here();
        if here.len() >= self.0.settings.channel_max_streams && !here.contains_key(&key) {
            return None;
        }
        let here_now = here.entry(key.clone()).or_insert(new);
        here_now.streams += 1;
        here_now.left_at = None;
        drop(here);
        if let Ok(runtime) = Handle::try_current()
            && !presence.is_running.swap(true, Ordering::AcqRel)
        {
            runtime.spawn(run(Arc::downgrade(&self.0)));
        }
        presence.changed.notify_one();
        Some(Present { channels: Arc::downgrade(&self.0), key })
    }

    /// Shortens the lease of this process, whose clients connect to another one.
    pub(crate) async fn leave(&self) {
        let Some(database) = self.0.database.clone().filter(|_| !self.0.presence.here().is_empty()) else { return };
        let process = self.0.presence.process.clone();
        if let Err(error) = database.run_write(move |db| members::extend_lease(db, &process, GRACE)).await {
            tracing::warn!(target: "lback::realtime", %error, "the members of this process leave when its lease ends");
        }
    }
}

/// Stores the changes of this process, and extends its lease, while there are members.
async fn run(channels: Weak<Inner>) {
    // The runtime of a test may end and take the task with it.
    let _running = Running(channels.clone());
    let mut extended_at: Option<Instant> = None;
    loop {
        let Some(inner) = channels.upgrade() else { return };
        let (changes, next) = inner.presence.due();
        let lease = Duration::from_secs(inner.settings.channel_lease_seconds.into());
        let has_members = !inner.presence.here().is_empty();
        let extends = has_members && extended_at.is_none_or(|at| at.elapsed() >= lease / 3);
        let mut pause = next.unwrap_or(lease / 3).min(lease / 3);
        if extends || !changes.is_empty() {
            match inner.store_changes(&changes, extends.then_some(lease)).await {
                Ok(has_more) => {
                    inner.presence.done(&changes);
                    if extends {
                        extended_at = (!has_more).then(Instant::now);
                    }
                    pause = Duration::ZERO;
                }
                Err(error) => {
                    tracing::warn!(target: "lback::realtime", %error, "the members of channels cannot be stored yet");
                    pause = AGAIN;
                }
            }
        } else if !has_members {
            extended_at = None;
            pause = Duration::from_secs(3600);
        }
        let changed = inner.presence.changed.clone();
        drop(inner);
        if !pause.is_zero() {
            let _ = timeout(pause, changed.notified()).await;
        }
    }
}

struct Running(Weak<Inner>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.presence.is_running.store(false, Ordering::Release);
        }
    }
}

impl Inner {
    /// Stores changes and, if there is a lease, extends it. Returns whether members of dead processes are left.
    async fn store_changes(&self, changes: &[Change], lease: Option<Duration>) -> Result<bool> {
        let Some(database) = &self.database else {
            for change in changes {
                let json = serde_json::to_string(&change.member)?;
                self.hub.push(change.channel.as_str().into(), Some(change.name().into()), json.into());
            }
            return Ok(false);
        };
        let (process, changes) = (self.presence.process.clone(), changes.to_vec());
        let stored = database.run_write(move |db| members::store(db, &process, &changes, lease)).await?;
        if stored.is_new {
            // Another process may have removed the members of this one, as it considered it dead.
            self.presence.here().values_mut().for_each(|member| member.is_stored = false);
        }
        database.listen_now();
        Ok(stored.has_more)
    }
}
