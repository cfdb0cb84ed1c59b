//! A time limit for views.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::router::ViewTimeout;
use crate::{Error, Middleware, Next, Request, Response, Result, StatusCode};

/// Answers 503 if the view takes longer than `REQUEST_TIMEOUT_SECONDS` or than its route's own limit.
///
/// An async view is stopped at the `.await` that it has reached. A plain view cannot be stopped: it runs to its end on its
/// thread, and its changes to the database are rolled back.
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
            // Most async views answer without waiting and need no timer.
            match poll_fn(|cx| Poll::Ready(rest.as_mut().poll(cx))).await {
                Poll::Ready(result) => return result,
                // Boxed, so that those views take no space for a timer. A view cannot be stopped before it first waits.
                Poll::Pending => Box::pin(tokio::time::timeout(limit, rest)).await,
            }
        };
        match result {
            Ok(result) => result,
            Err(_) => {
                if let Some(cookies) = req.pending_cookies() {
                    cookies.discard();
                }
                let message =
                    format!("the view did not answer within {limit:?}; add .timeout(…) to its route or raise REQUEST_TIMEOUT_SECONDS");
                Err(Error::new(StatusCode::SERVICE_UNAVAILABLE, message))
            }
        }
    }
}
