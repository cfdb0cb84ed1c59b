//! A bound on how long a view may take.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::router::ViewTimeout;
use crate::{Error, Middleware, Next, Request, Response, Result, StatusCode};

/// Answers 503 when the view takes longer than `REQUEST_TIMEOUT_SECONDS`, or than its route allows.
///
/// An async view is stopped where it waits. A plain one cannot be stopped: it runs on to its end on its thread, and what
/// it did to the database is rolled back.
#[derive(Clone, Copy, Debug)]
pub struct Timeout;

impl Middleware for Timeout {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        let own = req.route().and_then(|route| route.option::<ViewTimeout>()).map(|timeout| timeout.0);
        let limit = own.unwrap_or(Duration::from_secs(req.app().config().request_timeout_seconds));
        if limit.is_zero() {
            return next.run(req).await;
        }
        let result = {
            let mut rest = pin!(next.run(req));
            // Most async views have their answer at once, and need no timer.
            match poll_fn(|cx| Poll::Ready(rest.as_mut().poll(cx))).await {
                Poll::Ready(result) => return result,
                // Boxed, so that those carry no room for one. What a view does before it first waits cannot be stopped.
                Poll::Pending => Box::pin(tokio::time::timeout(limit, rest)).await,
            }
        };
        match result {
            Ok(result) => result,
            Err(_) => {
                if let Some(cookies) = req.pending_cookies() {
                    cookies.discard();
                }
                let what = format!("the view did not answer within {limit:?}; give its route .timeout(…) or raise REQUEST_TIMEOUT_SECONDS");
                Err(Error::new(StatusCode::SERVICE_UNAVAILABLE, what))
            }
        }
    }
}
