//! Server-sent events, in the format of the HTML standard, 9.2.

use std::convert::Infallible;
use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use hyper::body::{Body, Frame};
use serde::Serialize;
use tokio::time::{Sleep, sleep};

use crate::{Error, Result};

/// Maximum size of an event as it is sent, in bytes. Each client that does not read may keep a few of them in memory.
const MAX_EVENT_BYTES: usize = 64 * 1024;

/// Maximum length of an id or a name, in bytes. The browser sends the id in a header.
const MAX_FIELD_BYTES: usize = 1024;

/// Time after which a quiet stream sends a comment, so that broken connections are noticed and proxies keep the others open.
const PING_INTERVAL: Duration = Duration::from_secs(15);

/// A line that clients ignore.
const PING: Bytes = Bytes::from_static(b":\n");

/// An event that [`Response::events`](crate::Response::events) sends to the browser.
///
/// ```
/// use lback::http::Event;
/// # use lback::Result;
/// # fn event() -> Result<Event> {
/// let event = Event::text("Two parcels\nhave arrived")?.with_id(7)?.with_name("delivery")?;
/// # Ok(event)
/// # }
/// # event().unwrap();
/// ```
///
/// A page receives it as an event of the type `delivery`, with the text in `event.data`. A clone shares the memory of the original,
/// so one event can be sent to many clients.
#[derive(Clone, PartialEq, Eq)]
pub struct Event(Bytes);

impl Event {
    /// Creates an event with text. Its line breaks may be of any kind; the page receives each as `\n`.
    ///
    /// # Errors
    /// Returns an error if the event has more than 64 KiB. Each line takes 7 bytes more than its text.
    #[track_caller]
    pub fn text(data: impl AsRef<str>) -> Result<Self> {
        let data = data.as_ref().replace("\r\n", "\n");
        let mut lines = String::with_capacity(data.len() + 16);
        for line in data.split(['\n', '\r']) {
            lines.push_str("data: ");
            lines.push_str(line);
            lines.push('\n');
        }
        lines.push('\n');
        if lines.len() > MAX_EVENT_BYTES {
            let length = lines.len();
            return Err(Error::internal(format!(
                "an event has {length} bytes; the maximum is {MAX_EVENT_BYTES}. Send an id, and let the page request the rest"
            )));
        }
        Ok(Event(lines.into()))
    }

    /// Creates an event with `value` as JSON.
    ///
    /// # Errors
    /// Returns an error if `value` cannot be represented as JSON, and the errors of [`Event::text`].
    #[track_caller]
    pub fn json(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        Self::text(serde_json::to_string(value)?)
    }

    /// Creates an event that the page does not receive. It only sets the id that the browser sends when it connects again, for the start of
    /// a stream.
    ///
    /// # Errors
    /// As [`with_id`](Self::with_id).
    #[track_caller]
    pub fn last_id(id: impl Display) -> Result<Self> {
        Event(Bytes::from_static(b"\n")).with_id(id)
    }

    /// Sets the id. A browser that connects again sends the id of the last event that it has received, which
    /// [`Request::last_event_id`](crate::Request::last_event_id) returns.
    ///
    /// # Errors
    /// Returns an error if the id contains control characters, such as line breaks, or is longer than 1 KiB.
    #[track_caller]
    pub fn with_id(self, id: impl Display) -> Result<Self> {
        self.with_name_or_id("id", &id.to_string())
    }

    /// Sets the name, for `addEventListener(name, …)` in the page. Without a name, the page receives the event as `message`.
    ///
    /// # Errors
    /// Returns an error if the name contains control characters, such as line breaks, or is longer than 1 KiB.
    #[track_caller]
    pub fn with_name(self, name: impl Display) -> Result<Self> {
        self.with_name_or_id("event", &name.to_string())
    }

    /// Sets how long the browser waits before it connects again after the end of the stream. The default is a few seconds.
    #[must_use]
    pub fn with_retry(self, delay: Duration) -> Self {
        self.with_field("retry", &delay.as_millis().to_string())
    }

    #[track_caller]
    fn with_name_or_id(self, field: &str, value: &str) -> Result<Self> {
        if value.len() > MAX_FIELD_BYTES {
            let length = value.len();
            return Err(Error::internal(format!("the field \"{field}\" of an event has {length} bytes; the maximum is {MAX_FIELD_BYTES}")));
        }
        if value.contains(char::is_control) {
            return Err(Error::internal(format!("the field \"{field}\" of an event has a control character: {value:?}; send it as data")));
        }
        Ok(self.with_field(field, value))
    }

    /// Adds a field before the empty line at the end. If there are several of a name, the last one counts.
    fn with_field(self, field: &str, value: &str) -> Self {
        let fields = self.0.strip_suffix(b"\n").unwrap_or(&self.0);
        Event([fields, field.as_bytes(), b": ", value.as_bytes(), b"\n\n"].concat().into())
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Event").field(&String::from_utf8_lossy(&self.0)).finish()
    }
}

/// The body of [`Response::events`](crate::Response::events).
pub(super) struct EventBody<S> {
    events: Pin<Box<S>>,
    /// `None` until the stream first has to wait.
    ping: Option<Pin<Box<Sleep>>>,
}

impl<S> EventBody<S> {
    pub(super) fn new(events: S) -> Self {
        EventBody { events: Box::pin(events), ping: None }
    }
}

impl<S, E> Body for EventBody<S>
where
    S: Stream<Item = Result<Event, E>>,
    E: Into<Error>,
{
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let line = match this.events.as_mut().poll_next(cx) {
            Poll::Ready(Some(Ok(Event(lines)))) => lines,
            Poll::Ready(Some(Err(error))) => {
                let error: Error = error.into();
                tracing::error!(target: "lback::response", %error, "a stream of events failed and was ended");
                // Not an error of the body: hyper would discard the events that it has not sent yet.
                return Poll::Ready(None);
            }
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => {
                let ping = this.ping.get_or_insert_with(|| Box::pin(sleep(PING_INTERVAL)));
                ready!(ping.as_mut().poll(cx));
                PING
            }
        };
        this.ping = None;
        Poll::Ready(Some(Ok(Frame::data(line))))
    }
}
