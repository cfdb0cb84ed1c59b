//! Sends the messages of a request if the request succeeds.

use std::sync::Arc;

use lback_core::{Middleware, Next, Request, Response, Result};
use lback_db::{DbSession, RequestDb};

use super::Channels;
use super::store::NewMessage;

/// Makes [`req.broadcast()`](super::RequestChannels::broadcast) work: the messages of a request are stored directly before its commit.
#[derive(Debug)]
pub(crate) struct ChannelsMiddleware {
    channels: Channels,
}

/// The messages of a request so far, and the position at which it began.
pub(super) struct Pending {
    pub(super) messages: Vec<NewMessage>,
    pub(super) position: Option<Arc<str>>,
}

impl ChannelsMiddleware {
    pub(crate) fn new(channels: Channels) -> Self {
        ChannelsMiddleware { channels }
    }

    async fn hand_over(&self, req: &mut Request, messages: Vec<NewMessage>) -> Result<()> {
        let channels = self.channels.clone();
        let Some(database) = channels.0.database.clone() else {
            return match req.extensions().get::<DbSession>() {
                Some(_) => req.on_commit(move || channels.push(messages)),
                None => {
                    channels.push(messages);
                    Ok(())
                }
            };
        };
        match req.extensions().get::<DbSession>() {
            Some(_) => {
                req.before_commit(move |db| channels.store(db, &messages))?;
                req.on_commit(move || database.listen_now())
            }
            // The view has committed by itself.
            None => {
                database.run_write(move |db| channels.store(db, &messages)).await?;
                database.listen_now();
                Ok(())
            }
        }
    }
}

impl Middleware for ChannelsMiddleware {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        req.extensions_mut().insert(Pending { messages: Vec::new(), position: self.channels.position_if_started() });
        let result = next.run(req).await;
        let Some(Pending { messages, .. }) = req.extensions_mut().remove::<Pending>() else { return result };
        if messages.is_empty() {
            return result;
        }
        if req.conclude(result.as_ref()).commits() {
            self.hand_over(req, messages).await?;
        } else {
            tracing::info!(target: "lback::realtime", request = %req.id(), "{} messages are not sent: the request has failed", messages.len());
        }
        result
    }
}
