//! Channels: messages from one request to the open streams of others, in all processes.

mod delivery;
mod hub;
mod log;
mod members;
mod message;
mod middleware;
mod monitoring;
mod pages;
mod position;
mod presence;
mod request;
mod store;
mod subscription;
mod testing;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lback_core::{Application, Clock, Error, Result};
use lback_db::{Database, Db, Listening};
use serde::Serialize;

use self::hub::Hub;
use self::position::Position;
use self::presence::Presence;
use self::store::NewMessage;
use crate::RealtimeSettings;
use crate::open_connections::{Limit, Limits, OpenConnections, Owners};

pub use self::message::{Message, Received};
pub(crate) use self::middleware::ChannelsMiddleware;
pub(crate) use self::monitoring::{health, metrics};
pub(crate) use self::pages::page;
pub use self::presence::Member;
pub use self::request::RequestChannels;
pub(crate) use self::store::tables;
pub use self::store::{channel_members, channel_messages, channel_processes};
pub use self::subscription::{Subscription, SubscriptionEvents};
pub use self::testing::ClientChannels;

/// Maximum length of the name of a channel or a message, in bytes.
const MOST_NAME_BYTES: usize = 200;
/// Maximum number of channels of a subscription.
pub(crate) const MOST_CHANNELS: usize = 64;
/// The bytes that an event takes besides its data.
const EVENT_BYTES: usize = 8;

/// The channels of an application. Cheap to clone.
///
/// Views use [`req.broadcast()`](RequestChannels::broadcast) and [`req.subscribe()`](RequestChannels::subscribe). This is for jobs,
/// commands and background work, which find it by its type:
///
/// ```no_run
/// use lback::prelude::*;
/// use lback::realtime::Channels;
///
/// fn announce(command: &mut Command) -> ProgramResult {
///     let channels = command.state::<Channels>()?.clone();
///     channels.broadcast(command.db()?, "news", "The site is down for maintenance at 22:00.")?;
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Channels(Arc<Inner>);

struct Inner {
    database: Option<Database>,
    settings: RealtimeSettings,
    clock: Clock,
    hub: Hub,
    open: OpenConnections,
    listening: Mutex<Option<Listening>>,
    is_started: AtomicBool,
    cleaning: delivery::Cleaning,
    presence: Presence,
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels").field("subscriptions", &self.subscription_count()).finish_non_exhaustive()
    }
}

impl Channels {
    pub(crate) fn new(database: Option<Database>, settings: RealtimeSettings, clock: Clock) -> Self {
        let hub = Hub::new(settings.channel_history);
        if database.is_none() {
            // Larger than the ids before a restart, so that clients are told that they have missed messages.
            hub.begin(position::Arrived::begin(vec![chrono::Utc::now().timestamp_micros()], 0));
        }
        let open = OpenConnections::new(Limits {
            process: Limit { most: settings.channel_max_streams, setting: "CHANNEL_MAX_STREAMS" },
            visitor: Limit { most: settings.channel_max_streams_per_visitor, setting: "CHANNEL_MAX_STREAMS_PER_VISITOR" },
            address: Limit { most: settings.channel_max_streams_per_address, setting: "CHANNEL_MAX_STREAMS_PER_ADDRESS" },
        });
        Channels(Arc::new(Inner {
            database,
            settings,
            clock,
            hub,
            open,
            listening: Mutex::default(),
            is_started: AtomicBool::new(false),
            cleaning: delivery::Cleaning::default(),
            presence: Presence::default(),
        }))
    }

    /// Broadcasts a message in the transaction of `db`. Subscribers receive it after the commit, or not at all if it is rolled back.
    ///
    /// From a job: `channels.broadcast(job.db()?, "orders", &order)?`.
    ///
    /// # Errors
    /// Returns 500 if the name of the channel is invalid, or the data cannot be represented as JSON or have more than
    /// `CHANNEL_MAX_MESSAGE_BYTES`; those of the database.
    #[track_caller]
    pub fn broadcast(&self, db: &mut Db, channel: &str, data: &(impl Serialize + ?Sized)) -> Result<()> {
        let message = self.message(channel, None, data)?;
        self.store(db, &[message])
    }

    /// As [`broadcast`](Self::broadcast), with a name, which is the type of the event in the browser.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast), and if the name is invalid.
    #[track_caller]
    pub fn broadcast_named(&self, db: &mut Db, channel: &str, name: &str, data: &(impl Serialize + ?Sized)) -> Result<()> {
        let message = self.message(channel, Some(name), data)?;
        self.store(db, &[message])
    }

    /// Broadcasts a message in this process, if the application has no database.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast), and if the application has a database.
    #[track_caller]
    pub fn broadcast_here(&self, channel: &str, data: &(impl Serialize + ?Sized)) -> Result<()> {
        if self.0.database.is_some() {
            return Err(Error::internal("messages are stored in the database. Call channels.broadcast(db, channel, data)"));
        }
        self.push(vec![self.message(channel, None, data)?]);
        Ok(())
    }

    /// Subscribes to channels, from the next message on, or after the one with the id `after`. If messages may be missing since then, the
    /// first item is a [gap](Received::Gap).
    ///
    /// It may wait for the database, for the first subscription of a process, and for the first client of a channel that connects again.
    ///
    /// # Errors
    /// Returns 500 if the name of a channel is invalid; 503 if too many subscriptions are open, or the database cannot be read.
    pub fn subscribe<C: AsRef<str>>(&self, channels: impl IntoIterator<Item = C>, after: Option<&str>) -> Result<Subscription> {
        self.subscribe_for(Owners::default(), channels, after)
    }

    #[track_caller]
    fn subscribe_for<C: AsRef<str>>(
        &self,
        owners: Owners,
        channels: impl IntoIterator<Item = C>,
        after: Option<&str>,
    ) -> Result<Subscription> {
        let channels: Vec<C> = channels.into_iter().collect();
        let names: Vec<&str> = channels.iter().map(AsRef::as_ref).collect();
        if !(1..=MOST_CHANNELS).contains(&names.len()) {
            let count = names.len();
            return Err(Error::internal(format!("a subscription to {count} channels is impossible; it can have 1 to {MOST_CHANNELS}")));
        }
        names.iter().try_for_each(|name| check_name("channel", name))?;
        self.start()?;
        let open = self.0.open.open(owners)?;
        let time = Duration::from_secs(60 * u64::from(self.0.settings.channel_stream_minutes));
        let mut subscription = Subscription::new(self.clone(), &names, open, spread(time));
        if let Some(after) = after {
            subscription.resume(Position::parse(after))?;
        }
        Ok(subscription)
    }

    /// Returns the members of a channel in all processes, in the order in which they joined: see
    /// [`Subscription::present_in`].
    ///
    /// # Errors
    /// Returns the errors of the database.
    pub fn members(&self, db: &mut Db, channel: &str) -> Result<Vec<Member>> {
        members::list(db, channel)
    }

    /// Returns the members of a channel in this process.
    pub fn members_here(&self, channel: &str) -> Vec<Member> {
        self.0.presence.members().into_iter().filter(|(other, _)| **other == *channel).map(|(_, member)| member).collect()
    }

    /// Returns the id of the last message of all channels. A page that contains it can subscribe to what comes after the page: see
    /// [`RequestChannels::channel_position`].
    ///
    /// # Errors
    /// Returns 503 if the database cannot be read.
    pub fn position(&self) -> Result<String> {
        self.start()?;
        Ok(self.0.hub.position().to_string())
    }

    /// As [`position`](Self::position), or `None` if this process does not listen yet.
    fn position_if_started(&self) -> Option<Arc<str>> {
        let is_started = self.0.database.is_none() || self.0.is_started.load(Ordering::Acquire);
        is_started.then(|| self.0.hub.position())
    }

    /// Returns the number of open subscriptions in this process.
    pub fn subscription_count(&self) -> usize {
        self.0.open.count()
    }

    /// Returns whether this process receives the messages of others now.
    pub fn is_connected(&self) -> bool {
        self.0.database.as_ref().is_none_or(Database::is_listening)
    }

    fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// Begins to listen to other processes, if this process does not yet.
    fn start(&self) -> Result<()> {
        let Some(database) = &self.0.database else { return Ok(()) };
        if self.0.is_started.load(Ordering::Acquire) {
            return Ok(());
        }
        // Before it listens, so that it finds what is committed from now on. Without the lock: if the database does not answer, no request
        // waits for the timeouts of others.
        let arrived = database.read(store::arrived)?;
        let mut listening = self.0.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if listening.is_none() {
            self.0.hub.begin(arrived);
            let inner = Arc::downgrade(&self.0);
            let heard = move |db: &mut Db, heard: lback_db::Heard<'_>| inner.upgrade().map_or(Ok(()), |inner| inner.heard(db, heard));
            *listening = Some(database.listen(store::TOPIC, heard)?);
            self.0.is_started.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Reads the messages of a channel that arrived before it had subscribers, if that is necessary to continue after this position.
    fn complete(&self, channel: &Arc<str>, after: &Position) -> Result<()> {
        let Some(database) = &self.0.database else { return Ok(()) };
        if self.0.hub.needs_table(channel, after) {
            let (stored, all_from) = database.read(|db| store::last(db, channel, self.0.settings.channel_history))?;
            self.0.hub.complete(channel, stored, all_from);
        }
        Ok(())
    }

    /// Returns whether there can be a client at this position. There cannot if the database was replaced.
    fn is_known(&self, position: &Position) -> Result<bool> {
        if position.last <= self.0.hub.arrived().0 {
            return Ok(true);
        }
        // Another process may be ahead of this one.
        let Some(database) = &self.0.database else { return Ok(false) };
        Ok(database.read(store::newest)?.is_some_and(|newest| position.last <= newest))
    }

    /// Returns the channels of an application.
    ///
    /// # Errors
    /// Returns 500 if it has none.
    #[track_caller]
    pub(crate) fn of(app: &Application) -> Result<Self> {
        let missing = || Error::internal("this application has no channels. Write App::new(urls).realtime()");
        app.state::<Channels>().cloned().ok_or_else(missing)
    }

    #[track_caller]
    fn message(&self, channel: &str, name: Option<&str>, data: &(impl Serialize + ?Sized)) -> Result<NewMessage> {
        check_name("channel", channel)?;
        name.map_or(Ok(()), |name| check_name("message", name))?;
        let json = serde_json::to_string(data)?;
        let (length, most) = (json.len() + EVENT_BYTES, self.0.settings.channel_max_message_bytes);
        if length > most {
            return Err(Error::internal(format!(
                "a message to the channel {channel:?} has {length} bytes; the maximum is {most}, which is CHANNEL_MAX_MESSAGE_BYTES. Send \
                 an id, and let the page request the rest"
            )));
        }
        Ok(NewMessage { channel: channel.to_owned(), name: name.map(str::to_owned), json })
    }

    /// Stores messages in the transaction of `db`.
    fn store(&self, db: &mut Db, messages: &[NewMessage]) -> Result<()> {
        store::insert(db, messages)?;
        self.clean_sometimes();
        Ok(())
    }

    /// Delivers messages in this process only.
    fn push(&self, messages: Vec<NewMessage>) {
        for message in messages {
            self.0.hub.push(message.channel.into(), message.name.map(Into::into), message.json.into());
        }
    }
}

/// Checks the name of a channel or a message.
#[track_caller]
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    match (1..=MOST_NAME_BYTES).contains(&name.len()) && !name.contains(char::is_control) {
        true => Ok(()),
        false => Err(Error::internal(format!(
            "the name of the {what} {name:?} is invalid: it should have 1 to {MOST_NAME_BYTES} bytes and no control characters"
        ))),
    }
}

/// Shortens a time by up to a tenth, so that streams that began together do not end together.
fn spread(time: Duration) -> Duration {
    let random = uuid::Uuid::new_v4().as_u128() % 100;
    time - time / 1000 * u32::try_from(random).unwrap_or(0)
}
