//! Gives every request its unit of work, and ends it.

use std::sync::Arc;

use lback_core::{Method, Middleware, Next, Request, Response, Result};

use crate::connection::Intent;
use crate::unit_of_work::EndHooks;
use crate::{Database, DbSession, error};

/// Puts a [`DbSession`] into the request and ends it on the way out: a response with a status below 500 commits, an error, a panic
/// and a 5xx roll back.
///
/// The commit is finished before the response leaves. If it fails, the request is answered with an error instead. A request that
/// never uses the database takes no connection.
#[derive(Debug)]
pub struct DbSessionMiddleware {
    /// Shared with the units of work: a clone of the database itself is one of several `Arc`s.
    database: Arc<Database>,
}

impl DbSessionMiddleware {
    /// Returns the middleware for this database.
    pub fn new(database: Database) -> Self {
        DbSessionMiddleware { database: Arc::new(database) }
    }
}

impl Middleware for DbSessionMiddleware {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        let writes = matches!(*req.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
        let intent = if writes { Intent::Write } else { Intent::Read };
        req.extensions_mut().insert(DbSession::new(self.database.clone(), intent));
        let result = next.run(req).await;
        match req.extensions_mut().remove::<DbSession>() {
            // Boxed, so that requests without database work carry no room for its end.
            Some(unit) if unit.has_work() => Box::pin(finish(req, unit, result)).await,
            Some(_) => result.map_err(error::with_status),
            None => ended_before(req, result.map_err(error::with_status)),
        }
    }
}

async fn finish(req: &mut Request, mut unit: DbSession, result: Result<Response>) -> Result<Response> {
    let end_hooks = unit.take_end_hooks();
    let result = if req.conclude(result.as_ref()).commits() {
        match unit.commit_aside().await {
            Ok(()) => result,
            Err(error) => Err(error),
        }
    } else {
        unit.rollback().await;
        result
    };
    let mut result = result.map_err(error::with_status);
    // A commit that failed has turned success into failure.
    req.conclude(result.as_ref());
    end_hooks.run(req, &mut result);
    result
}

/// Runs the end hooks of a unit of work that was [committed before](crate::RequestDb::commit_db).
fn ended_before(req: &mut Request, mut result: Result<Response>) -> Result<Response> {
    if let Some(end_hooks) = req.extensions_mut().remove::<EndHooks>() {
        req.conclude(result.as_ref());
        end_hooks.run(req, &mut result);
    }
    result
}
