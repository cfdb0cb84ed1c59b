//! Subscriptions to channels.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use lback_core::{Event, Result};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Channels;
use super::hub::{Added, Place, Wake};
use super::message::Received;
use super::position::Position;
use super::presence::{Member, Present};
use crate::open_connections::OpenConnection;

/// The time after which a browser connects again.
const RETRY: Duration = Duration::from_secs(1);

/// A subscription to channels: a stream of what it receives, in the order in which it was committed.
///
/// It begins with the first message after the call that created it, or continues after the one that the client has received. It ends
/// after `CHANNEL_STREAM_MINUTES`: the client then connects again, and its permissions are checked again.
#[must_use = "a subscription ends when it is dropped"]
pub struct Subscription {
    channels: Channels,
    id: u64,
    places: Vec<Place>,
    wake: Arc<Wake>,
    /// Messages that the client has are left out.
    after: Option<Position>,
    has_gap: bool,
    begins_at: Arc<str>,
    ends_at: Instant,
    /// `None` until the stream first has to wait.
    end: Option<Pin<Box<Sleep>>>,
    present: Vec<Present>,
    _open: OpenConnection,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channels: Vec<&str> = self.places.iter().map(|place| &*place.channel).collect();
        f.debug_struct("Subscription").field("channels", &channels).finish_non_exhaustive()
    }
}

impl Subscription {
    pub(super) fn new(channels: Channels, names: &[&str], open: OpenConnection, time: Duration) -> Self {
        let wake = Arc::new(Wake::default());
        let Added { id, places, position: begins_at } = channels.hub().add(names, &wake);
        let ends_at = Instant::now() + time;
        Subscription {
            channels,
            id,
            places,
            wake,
            after: None,
            has_gap: false,
            begins_at,
            ends_at,
            end: None,
            present: Vec::new(),
            _open: open,
        }
    }

    /// Continues after this position. If messages may be missing, the first item is a gap.
    pub(super) fn resume(&mut self, after: Option<Position>) -> Result<()> {
        let Some(after) = after else {
            self.has_gap = true;
            return Ok(());
        };
        for place in &self.places {
            self.channels.complete(&place.channel, &after)?;
        }
        self.has_gap = !self.channels.is_known(&after)? || !self.channels.hub().resume(&mut self.places, &after);
        if !self.has_gap {
            self.after = Some(after);
        }
        Ok(())
    }

    /// Adds a member to a channel for as long as the subscription exists. The first member with an id, in all processes, is announced to
    /// the channel by a message with the name `joined`, and five seconds after the last one has left, a message with the name `left`
    /// follows. Their data are the [`Member`].
    ///
    /// ```no_run
    /// use lback::prelude::*;
    /// use lback::realtime::Member;
    ///
    /// fn ticket_events(req: &mut Request) -> Result<Response> {
    ///     let member = Member::new(7, "Alice");
    ///     Ok(Response::events(req.subscribe("tickets/7")?.present_in("tickets/7", member).events()))
    /// }
    ///
    /// fn present(req: &mut Request) -> Result<String> {
    ///     let members = req.channel_members("tickets/7")?;
    ///     Ok(members.into_iter().map(|member| member.label).collect::<Vec<_>>().join(", "))
    /// }
    /// ```
    ///
    /// The members of a process that dies leave after `CHANNEL_LEASE_SECONDS`. If the name of the channel is invalid, the member is left
    /// out, which is logged.
    pub fn present_in(mut self, channel: &str, member: Member) -> Self {
        self.present.extend(self.channels.join(channel, member));
        self
    }

    /// Returns the next message, or `None` at the end.
    pub async fn next(&mut self) -> Option<Received> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Turns the subscription into events for [`Response::events`](lback_core::Response::events): the messages with their ids, their
    /// names and their data as JSON. If messages may be missing, there is an event with the name `gap`.
    pub fn events(self) -> SubscriptionEvents {
        SubscriptionEvents { subscription: self, has_begun: false }
    }

    /// Returns the id with which a client can connect again before it has received a message.
    pub fn id(&self) -> &str {
        &self.begins_at
    }

    /// Skips what has been received so far.
    pub(crate) async fn skip_received(&mut self) {
        std::future::poll_fn(|cx| {
            while let Poll::Ready(Some(_)) = self.poll(cx) {}
            Poll::Ready(())
        })
        .await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Received>> {
        if Instant::now() >= self.ends_at {
            return Poll::Ready(None);
        }
        // First, so that nothing that arrives from now on is missed.
        self.wake.wait(cx.waker());
        if std::mem::take(&mut self.has_gap) {
            return Poll::Ready(Some(Received::Gap(self.channels.hub().position())));
        }
        if let Some(received) = self.channels.hub().next(&mut self.places, self.after.as_ref()) {
            return Poll::Ready(Some(received));
        }
        let ends_at = self.ends_at;
        self.end.get_or_insert_with(|| Box::pin(sleep_until(ends_at))).as_mut().poll(cx).map(|()| None)
    }
}

impl Stream for Subscription {
    type Item = Received;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Received>> {
        self.get_mut().poll(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.channels.hub().remove(self.id, &self.places);
    }
}

/// The events of a [`Subscription`].
#[derive(Debug)]
#[must_use = "a subscription ends when it is dropped"]
pub struct SubscriptionEvents {
    subscription: Subscription,
    has_begun: bool,
}

impl Stream for SubscriptionEvents {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.has_begun, true) && this.subscription.after.is_none() && !this.subscription.has_gap {
            let id = Event::last_id(this.subscription.id()).map(|event| event.with_retry(RETRY));
            return Poll::Ready(Some(id));
        }
        this.subscription.poll(cx).map(|received| received.map(|received| received.event()))
    }
}

#[cfg(test)]
mod tests {
    use lback_core::Clock;

    use super::*;
    use crate::RealtimeSettings;

    #[tokio::test(start_paused = true)]
    async fn a_subscription_ends_after_its_time() {
        let settings = RealtimeSettings { channel_stream_minutes: 1, ..RealtimeSettings::default() };
        let mut subscription = Channels::new(None, settings, Clock::system()).subscribe(["news"], None).unwrap();
        let begin = Instant::now();
        assert!(subscription.next().await.is_none());
        let seconds = begin.elapsed().as_secs();
        assert!((54..=60).contains(&seconds), "{seconds}");
    }
}
