//! The events of a page.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use lback_core::{Error, Event, Request, Rerender, Response, Result, blocking};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};

use super::difference;
use super::fragment::Fragment;
use super::limits::{Kept, Limits};
use super::shown::{Shown, render};
use crate::channels::{RequestChannels, Subscription};

/// The time between two re-renders for a viewer.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
struct Query {
    /// The path and query of the page.
    page: String,
    /// The fragments that the browser shows: `live-tickets=0123456789abcdef,…`.
    have: String,
}

/// Answers with the events of a page: the changes to its live fragments.
///
/// The page is rendered as its viewer would see it now. The channels are those of its fragments, so a browser cannot choose others.
pub(super) async fn open(req: &mut Request) -> Result<Response> {
    if req.header("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(Error::forbidden("The events of a page are for that page only."));
    }
    let query: Query = req.query()?;
    let page = Rerender::of(req, &query.page)?;
    let limits = req.state::<Limits>()?.clone();
    let channels = req.channels()?;
    // Taken before the page is rendered, so that no message is missed.
    let position = blocking::in_place(|| channels.position())?;
    let fragments = match render(&page, limits.render().await?).await {
        Shown::Page(fragments) => fragments,
        Shown::Other => return reload(),
        Shown::Failed => return Err(Error::unavailable("The page cannot be shown at the moment.")),
    };
    let have: HashMap<&str, &str> = query.have.split(',').filter_map(|pair| pair.split_once('=')).collect();
    if fragments.is_empty() || fragments.len() != have.len() || !fragments.iter().all(|fragment| have.contains_key(&*fragment.id)) {
        return reload();
    }
    let names: Vec<&str> = names(&fragments);
    let mut subscription = blocking::in_place(|| req.subscribe_all(names, Some(&position)))?;
    for fragment in &fragments {
        if let (Some(member), Some(channel)) = (&fragment.member, fragment.channels.first()) {
            subscription = subscription.present_in(channel, member.clone());
        }
    }
    let mut begin = Vec::new();
    let mut viewer = Viewer { page, limits, subscription, rendered_at: Instant::now(), sent: Vec::new() };
    for fragment in fragments {
        let is_new = have.get(&*fragment.id) != Some(&&*fragment.hash);
        if is_new {
            begin.extend(difference::events(None, &fragment)?);
        }
        let html = if is_new { viewer.limits.keep(fragment.html) } else { None };
        viewer.sent.push(Sent { id: fragment.id, channels: fragment.channels, hash: fragment.hash, html });
    }
    Ok(Response::events(Events { next: None, viewer: Some(Box::new(viewer)), waiting: begin.into() }))
}

/// Tells the browser to load the page again: it is not what the browser shows.
fn reload() -> Result<Response> {
    Ok(Response::events(Events { next: None, viewer: None, waiting: VecDeque::from([difference::reload()?]) }))
}

/// Returns the channels of these fragments, each once.
fn names(fragments: &[Fragment]) -> Vec<&str> {
    let mut names: Vec<&str> = fragments.iter().flat_map(|fragment| &fragment.channels).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A fragment as the browser has it.
struct Sent {
    id: String,
    channels: Vec<String>,
    hash: String,
    /// The HTML, if this stream has sent it and there was room to keep it.
    html: Option<Kept>,
}

/// A browser that shows a page.
struct Viewer {
    page: Rerender,
    limits: Limits,
    subscription: Subscription,
    rendered_at: Instant,
    sent: Vec<Sent>,
}

/// The answer to a message.
enum Step {
    Events(Box<Viewer>, Vec<Event>),
    /// The last event: the page has changed as a whole.
    Reload,
    /// The end of the stream: the browser connects again.
    End,
}

impl Viewer {
    /// Waits for a message, and renders the page. Several messages in a short time are answered together: the first at once, and others
    /// after a pause.
    async fn step(mut self: Box<Self>) -> Result<Step> {
        if self.subscription.next().await.is_none() {
            return Ok(Step::End);
        }
        sleep_until(self.rendered_at + PAUSE).await;
        let permit = self.limits.render().await?;
        self.subscription.skip_received().await;
        self.rendered_at = Instant::now();
        let fragments = match render(&self.page, permit).await {
            Shown::Page(fragments) => fragments,
            Shown::Other => return Ok(Step::Reload),
            Shown::Failed => return Ok(Step::End),
        };
        if !fragments.iter().map(|fragment| &fragment.id).eq(self.sent.iter().map(|sent| &sent.id)) {
            return Ok(Step::Reload);
        }
        if fragments.iter().zip(&self.sent).any(|(fragment, sent)| fragment.channels != sent.channels) {
            // The subscription is to the old ones.
            return Ok(Step::End);
        }
        let mut events = Vec::new();
        for (fragment, sent) in fragments.into_iter().zip(&mut self.sent) {
            if fragment.hash != sent.hash {
                events.extend(difference::events(sent.html.as_deref(), &fragment)?);
                // The old one first, to make room.
                sent.html = None;
                sent.html = self.limits.keep(fragment.html);
                sent.hash = fragment.hash;
            }
        }
        Ok(Step::Events(self, events))
    }
}

type NextStep = Pin<Box<dyn Future<Output = Result<Step>> + Send>>;

/// The stream of events to a viewer.
struct Events {
    /// Events that have not been sent.
    waiting: VecDeque<Event>,
    /// The viewer between two steps.
    viewer: Option<Box<Viewer>>,
    next: Option<NextStep>,
}

impl Stream for Events {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        let this = self.get_mut();
        loop {
            if let Some(event) = this.waiting.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if let Some(viewer) = this.viewer.take() {
                this.next = Some(Box::pin(viewer.step()));
            }
            let Some(next) = &mut this.next else { return Poll::Ready(None) };
            let step = ready!(next.as_mut().poll(cx));
            this.next = None;
            match step? {
                Step::Events(viewer, events) => {
                    this.viewer = Some(viewer);
                    this.waiting.extend(events);
                }
                Step::Reload => this.waiting.push_back(difference::reload()?),
                Step::End => {}
            }
        }
    }
}
