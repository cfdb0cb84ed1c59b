//! The end of a request whose session is in a store.
//!
//! If the view has written to the database that the sessions are in, the session is written directly before the commit of the
//! request's transaction, on the same connection and in the same hand-off between threads. Otherwise the store writes it by itself.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use lback_core::profile::Profile;
use lback_core::{Error, Request, Response, Result};
use lback_db::{DbSession, RequestDb};

use super::plan::{Plan, Write, Written};
use super::{BrowserCookie, End, log_interrupted, put_back};
use crate::request::Slot;
use crate::{AppSession, Expiry, SessionManager, cookie};

pub(super) fn finish(req: &mut Request, manager: SessionManager, mut session: AppSession, mut result: Result<Response>) -> End<'_> {
    if let Some(id) = session.late_for() {
        if (session.modified() || session.cycles()) && !req.outcome().has_failed() {
            log_interrupted(req, id);
        }
        return keep(req, session, result);
    }
    let mut plan = Plan { deletes: session.take_deleted(), write: None };
    if !req.outcome().has_failed() {
        match Write::of(&manager, &mut session) {
            Ok(write) => plan.write = write,
            Err(error) if plan.deletes.is_empty() => return End::Reached(Err(error)),
            Err(error) => fail(req, &mut result, error),
        }
    }
    match plan.is_empty() && req.outcome().commits() {
        true => keep(req, session, result),
        false => End::Writing(Box::pin(write(req, manager, session, result, plan))),
    }
}

/// Ends a request whose session stays as the store has it.
fn keep(req: &mut Request, session: AppSession, mut result: Result<Response>) -> End<'_> {
    BrowserCookie::Keep.send(req, &mut result);
    put_back(req, session);
    End::Reached(result)
}

async fn write(
    req: &mut Request,
    manager: SessionManager,
    session: AppSession,
    mut result: Result<Response>,
    plan: Plan,
) -> Result<Response> {
    let (deletes, expiry) = (plan.deletes.clone(), session.meta().expiry);
    let done = match carry_out(req, &manager, plan, expiry).await {
        Ok(done) => done,
        Err(error) if deletes.is_empty() => return Err(error),
        // What was to be written is lost, and the request has failed. The sessions that it has ended must end all the same.
        Err(error) => {
            if !req.outcome().has_failed() {
                fail(req, &mut result, error);
            }
            match Box::pin(carry_out(req, &manager, Plan { deletes: deletes.clone(), write: None }, expiry)).await {
                Ok(done) => done,
                Err(error) => {
                    tracing::error!(target: "lback::session", request = %req.id(), %error, "a session could not be deleted; trying again");
                    manager.delete_later(deletes);
                    return result;
                }
            }
        }
    };
    put_back(req, session);
    if let Done::Now(written) = done {
        tell(req, written);
        written.browser_cookie(&manager, expiry, !deletes.is_empty())?.send(req, &mut result);
    }
    result
}

fn fail(req: &mut Request, result: &mut Result<Response>, error: Error) {
    *result = Err(error);
    req.conclude(result.as_ref());
}

enum Done {
    Now(Written),
    /// The request's unit of work does it, and tells the browser.
    AtCommit,
}

async fn carry_out(req: &mut Request, manager: &SessionManager, plan: Plan, expiry: Expiry) -> Result<Done> {
    if !req.outcome().commits()
        && let Some(unit) = req.extensions_mut().get_mut::<DbSession>()
    {
        // First of all, as the store's own writer would wait for this transaction.
        unit.rollback().await;
    }
    if plan.is_empty() {
        return Ok(Done::Now(Written::Nothing));
    }
    let news = plan.news(req.app());
    if let Some(unit) = manager.backend().joined_at_end(req)? {
        join(unit, manager, plan, expiry);
        news.send_after_commit(req);
        return Ok(Done::AtCommit);
    }
    if req.extensions().get::<DbSession>().is_some_and(DbSession::needs_commit) {
        // A store elsewhere may wait for what this transaction holds, and must not be ahead of a commit that fails.
        req.commit_db().await?;
    }
    let store = manager.backend().store("none can be written")?;
    let written = plan.run(store, manager.clock().now()).await.map_err(|error| match error.is_server_error() {
        true => error,
        false => Error::internal(error.to_string()),
    })?;
    news.send(req.app());
    Ok(Done::Now(written))
}

/// The result for a session in the request's transaction.
#[derive(Default)]
enum Ending {
    /// It was rolled back.
    #[default]
    Undone,
    Written(Written, BrowserCookie),
    /// It was rolled back, and the sessions that were to end were ended in another transaction.
    Deleted,
}

/// Writes the session directly before the commit of `unit`, and tells the browser after it.
fn join(unit: &mut DbSession, manager: &SessionManager, plan: Plan, expiry: Expiry) {
    let ending = Arc::new(Mutex::new(Ending::default()));
    let set = |ending: &Arc<Mutex<Ending>>| {
        let ending = ending.clone();
        move |new| *ending.lock().unwrap_or_else(PoisonError::into_inner) = new
    };
    if !plan.deletes.is_empty() {
        // A session that was to end ends even if the commit fails.
        let (manager, deletes, set) = (manager.clone(), plan.deletes.clone(), set(&ending));
        unit.on_rollback(move || {
            if manager.delete_now_or_later(deletes) {
                set(Ending::Deleted);
            }
        });
    }
    let (writing, set) = (manager.clone(), set(&ending));
    unit.before_commit(move |db| {
        let deleted = !plan.deletes.is_empty();
        // Statements of the session are not counted as the view's, whichever connection they use.
        let written = Profile::within(None, || plan.run_within(db, writing.clock().now()))?;
        set(Ending::Written(written, written.browser_cookie(&writing, expiry, deleted)?));
        Ok(())
    });
    let manager = manager.clone();
    unit.on_end(move |req, result| {
        let ending = mem::take(&mut *ending.lock().unwrap_or_else(PoisonError::into_inner));
        let browser = match ending {
            Ending::Written(written, browser) if req.outcome().commits() => {
                tell(req, written);
                browser
            }
            Ending::Deleted => cookie::removal(manager.config()).map_or(BrowserCookie::Keep, BrowserCookie::Remove),
            _ => BrowserCookie::Keep,
        };
        browser.send(req, result);
    });
}

/// Tells the session that was put back into the request what was written of it.
fn tell(req: &mut Request, written: Written) {
    match written {
        Written::Session(id, _) => {
            if let Some(slot) = req.extensions_mut().get_mut::<Slot>() {
                slot.stored_as(id);
            }
        }
        Written::Interrupted(id) => log_interrupted(req, id),
        Written::Nothing => {}
    }
}
