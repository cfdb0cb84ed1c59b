//! Channels in a request.

use lback_core::{Error, Request, Result};
use lback_db::RequestDb;
use serde::Serialize;

use super::middleware::Pending;
use super::{Channels, Member, Subscription};
use crate::open_connections::Owners;
use crate::sealed::Sealed;

/// Adds channels to [`Request`].
pub trait RequestChannels: Sealed {
    /// Broadcasts a message after the commit of the request, once. A view that returns an error or is rolled back sends nothing.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    /// use lback::serde_json::json;
    ///
    /// fn close(req: &mut Request) -> Result<Response> {
    ///     let id: i64 = req.param("id")?;
    ///     req.broadcast(&format!("tickets/{id}"), &json!({ "state": "closed" }))?;
    ///     Ok(Response::redirect("/tickets"))
    /// }
    /// ```
    ///
    /// The page receives the data as JSON. A channel needs no declaration, and a message to a channel without subscribers costs a row
    /// of the table `channel_messages`.
    ///
    /// # Errors
    /// Returns 500 if the application has no channels, the name of the channel is invalid, or the data cannot be represented as JSON or
    /// have more than `CHANNEL_MAX_MESSAGE_BYTES`.
    fn broadcast(&mut self, channel: &str, data: &(impl Serialize + ?Sized)) -> Result<()>;

    /// As [`broadcast`](Self::broadcast), with a name, for `addEventListener(name, …)` in the page.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast), and if the name is invalid.
    fn broadcast_named(&mut self, channel: &str, name: &str, data: &(impl Serialize + ?Sized)) -> Result<()>;

    /// Subscribes to a channel. A browser that connects again continues after the last message that it has received.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// fn ticket_events(req: &mut Request) -> Result<Response> {
    ///     let id: i64 = req.param("id")?;
    ///     Ok(Response::events(req.subscribe(&format!("tickets/{id}"))?.events()))
    /// }
    /// ```
    ///
    /// Check first whether the user may see what is broadcast. See [`Channels::subscribe`] for the time that it takes.
    ///
    /// # Errors
    /// Returns 500 if the application has no channels, or the name is invalid; 429 if the visitor or their address has too many
    /// subscriptions, and 503 if the process has, or the database cannot be read.
    fn subscribe(&mut self, channel: &str) -> Result<Subscription>;

    /// Subscribes to several channels. The client continues after the message with the id that it sends when it connects again, or
    /// otherwise after `after`, which can be a [`channel_position`](Self::channel_position).
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    fn subscribe_all<C: AsRef<str>>(&mut self, channels: impl IntoIterator<Item = C>, after: Option<&str>) -> Result<Subscription>;

    /// Returns the id of the last message of all channels that had arrived when the request began. A page can hand it to the stream that
    /// it opens, so that nothing that is committed between the two is missed:
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// fn page(req: &mut Request) -> Result<Response> {
    ///     let position = req.channel_position()?;
    ///     req.render("ticket.html", context! { position })
    /// }
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Since {
    ///     after: Option<String>,
    /// }
    ///
    /// fn events(req: &mut Request) -> Result<Response> {
    ///     let since: Since = req.query()?;
    ///     Ok(Response::events(req.subscribe_all(["tickets/7"], since.after.as_deref())?.events()))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 500 if the application has no channels, and 503 if the database cannot be read.
    fn channel_position(&mut self) -> Result<String>;

    /// Returns the members of a channel in all processes, in the order in which they joined: see [`Subscription::present_in`].
    ///
    /// # Errors
    /// Returns 500 if the application has no channels, and the errors of the database.
    fn channel_members(&mut self, channel: &str) -> Result<Vec<Member>>;

    /// Returns the channels of the application.
    ///
    /// # Errors
    /// Returns 500 if it has none.
    fn channels(&self) -> Result<Channels>;
}

impl RequestChannels for Request {
    #[track_caller]
    fn broadcast(&mut self, channel: &str, data: &(impl Serialize + ?Sized)) -> Result<()> {
        let message = self.channels()?.message(channel, None, data)?;
        pending(self)?.messages.push(message);
        Ok(())
    }

    #[track_caller]
    fn broadcast_named(&mut self, channel: &str, name: &str, data: &(impl Serialize + ?Sized)) -> Result<()> {
        let message = self.channels()?.message(channel, Some(name), data)?;
        pending(self)?.messages.push(message);
        Ok(())
    }

    #[track_caller]
    fn subscribe(&mut self, channel: &str) -> Result<Subscription> {
        self.subscribe_all([channel], None)
    }

    #[track_caller]
    fn subscribe_all<C: AsRef<str>>(&mut self, channels: impl IntoIterator<Item = C>, after: Option<&str>) -> Result<Subscription> {
        let all = self.channels()?;
        all.subscribe_for(Owners::of(self), channels, self.last_event_id().or(after.filter(|after| !after.is_empty())))
    }

    #[track_caller]
    fn channel_position(&mut self) -> Result<String> {
        match self.extensions().get::<Pending>().and_then(|pending| pending.position.as_deref()) {
            Some(position) => Ok(position.to_owned()),
            None => self.channels()?.position(),
        }
    }

    #[track_caller]
    fn channel_members(&mut self, channel: &str) -> Result<Vec<Member>> {
        let channels = self.channels()?;
        match channels.0.database {
            Some(_) => self.read_db(|db| channels.members(db, channel)),
            None => Ok(channels.members_here(channel)),
        }
    }

    #[track_caller]
    fn channels(&self) -> Result<Channels> {
        Channels::of(self.app())
    }
}

#[track_caller]
fn pending(req: &mut Request) -> Result<&mut Pending> {
    let missing = || {
        Error::internal(
            "this request can broadcast nothing: the ChannelsMiddleware is not in the stack, or stands inside the one that asks",
        )
    };
    req.extensions_mut().get_mut::<Pending>().ok_or_else(missing)
}
