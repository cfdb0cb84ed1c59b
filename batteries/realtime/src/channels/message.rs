//! Messages of channels.

use std::fmt;
use std::sync::{Arc, OnceLock};

use lback_core::{Error, Event, Result};
use serde::de::DeserializeOwned;

/// A message of a channel. Cheap to clone.
#[derive(Clone)]
pub struct Message(Arc<Inner>);

struct Inner {
    number: i64,
    position: Arc<str>,
    channel: Arc<str>,
    name: Option<Box<str>>,
    json: Box<str>,
    /// Created once for all streams.
    event: OnceLock<Event>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { position, channel, name, json, .. } = &*self.0;
        f.debug_struct("Message").field("id", position).field("channel", channel).field("name", name).field("json", json).finish()
    }
}

impl Message {
    pub(crate) fn new(number: i64, position: Arc<str>, channel: Arc<str>, name: Option<Box<str>>, json: Box<str>) -> Self {
        Message(Arc::new(Inner { number, position, channel, name, json, event: OnceLock::new() }))
    }

    /// Returns the number in the table `channel_messages`.
    pub(crate) fn number(&self) -> i64 {
        self.0.number
    }

    /// Returns the approximate size in memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        // Twice, as the event has the text again.
        200 + 2 * self.0.json.len()
    }

    /// Returns the id, with which a client that connects again names the last message that it has received.
    pub fn id(&self) -> &str {
        &self.0.position
    }

    /// Returns the name of the channel.
    pub fn channel(&self) -> &str {
        &self.0.channel
    }

    /// Returns the name of the message, or `None` if it has none.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Returns the data as JSON.
    pub fn json(&self) -> &str {
        &self.0.json
    }

    /// Returns the data.
    ///
    /// # Errors
    /// Returns an error if the data cannot be read as a `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.0.json).map_err(|error| {
            let message = format!("a message of the channel {:?} cannot be read as {}", self.0.channel, std::any::type_name::<T>());
            Error::internal(message).with_source(error)
        })
    }

    /// Returns the message as an event for the browser, with its id, its name and the data as JSON.
    ///
    /// # Errors
    /// Returns the errors of [`Event::text`].
    pub fn event(&self) -> Result<Event> {
        if let Some(event) = self.0.event.get() {
            return Ok(event.clone());
        }
        let mut event = Event::text(&*self.0.json)?.with_id(&self.0.position)?;
        if let Some(name) = &self.0.name {
            event = event.with_name(name)?;
        }
        Ok(self.0.event.get_or_init(|| event).clone())
    }
}

/// An item of a [`Subscription`](crate::Subscription).
#[derive(Clone, Debug)]
pub enum Received {
    /// A message.
    Message(Message),
    /// Messages may have been missed: the client was away for too long, or does not read fast enough. It should load the page again.
    /// The text is the [id](Received::id).
    Gap(Arc<str>),
}

impl Received {
    /// Returns the id for the event, with which a client that connects again continues after this.
    pub fn id(&self) -> &str {
        match self {
            Received::Message(message) => message.id(),
            Received::Gap(position) => position,
        }
    }

    /// Returns the message, or `None` for a gap.
    pub fn message(&self) -> Option<&Message> {
        match self {
            Received::Message(message) => Some(message),
            Received::Gap(_) => None,
        }
    }

    /// Returns an event for the browser: that of the message, or one with the name `gap`.
    ///
    /// # Errors
    /// Returns the errors of [`Message::event`].
    pub fn event(&self) -> Result<Event> {
        match self {
            Received::Message(message) => message.event(),
            Received::Gap(position) => Event::text("null")?.with_id(position)?.with_name("gap"),
        }
    }
}
