//! A bound on how long a view may take.

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
        match tokio::time::timeout(limit, next.run(req)).await {
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
