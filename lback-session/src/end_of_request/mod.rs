//! The end of a request: what became of its session is written, and the response told.

mod in_cookie;

use std::time::Duration;

use chrono::{DateTime, Utc};
use lback_core::header::HeaderMap;
use lback_core::{Application, Caching, Error, Request, Response, Result};
use lback_db::{Db, DbSession, RequestDb};

use crate::request::Slot;
use crate::signals::{self, News, SessionCreated, SessionDeleted};
use crate::store::{RENEWAL, Record, Save, Saved};
use crate::stores::rows;
use crate::{AppSession, CreateSessions, SessionId, SessionManager, cookie};

pub(crate) async fn finish(req: &mut Request, mut session: AppSession, mut result: Result<Response>) -> Result<Response> {
    if let Some(error) = session.why_broken() {
        return if has_failed(&result) { result } else { Err(error) };
    }
    if !is_seen(&result) {
        session.leave_taken_flashes();
    }
    let manager = session.manager().clone();
    if manager.is_in_cookies() {
        return in_cookie::finish(req, session, result);
    }
    if let Some(id) = session.late_for() {
        if (session.modified() || session.cycles()) && !has_failed(&result) {
            interrupted(req, id);
        }
        keep_apart(req, headers(&mut result), false);
        put_back(req, session);
        return result;
    }
    let deletes = session.take_deleted();
    let failed = has_failed(&result);
    let write = if failed { Ok(None) } else { Write::of(&manager, &mut session) };
    let written = match write {
        Ok(write) => carry_out(req, &manager, Plan { deletes: deletes.clone(), write }, result.is_ok() && !failed).await,
        Err(error) => Err(error),
    };
    let written = match written {
        Ok(written) => written,
        Err(error) if deletes.is_empty() => return Err(error),
        // What was to be written is lost, and the request has failed. The sessions that it ended must end all the same.
        Err(error) => {
            if !failed {
                result = Err(error);
            }
            match Box::pin(carry_out(req, &manager, Plan { deletes: deletes.clone(), write: None }, false)).await {
                Ok(written) => written,
                Err(error) => {
                    tracing::error!(target: "lback::session", request = %req.id(), %error, "a session could not be deleted; trying again");
                    manager.delete_later(deletes);
                    return result;
                }
            }
        }
    };
    let headers = headers(&mut result);
    match written {
        Written::Session(id, expires_at) => {
            let value = cookie::seal(id, manager.config(), manager.keys());
            cookie::set(headers, manager.config(), &value, session.meta().expiry, expires_at, manager.clock().now())?;
        }
        Written::Nothing if !deletes.is_empty() => cookie::remove(headers, manager.config())?,
        Written::Nothing => {}
        Written::Interrupted(id) => interrupted(req, id),
    }
    keep_apart(req, headers, matches!(written, Written::Session(..)) || !deletes.is_empty());
    if let Written::Session(id, _) = written {
        session.stored_as(id);
    }
    put_back(req, session);
    result
}

fn put_back(req: &mut Request, session: AppSession) {
    if let Some(slot) = req.extensions_mut().get_mut::<Slot>() {
        slot.put_back(session);
    }
}

fn interrupted(req: &Request, id: SessionId) {
    let what = "interrupted: the session has ended; what a late request changed is dropped";
    tracing::warn!(target: "lback::session", request = %req.id(), %id, "{what}");
}

fn has_failed(result: &Result<Response>) -> bool {
    match result {
        Ok(response) => response.status().is_server_error(),
        Err(error) => error.is_server_error(),
    }
}

/// Returns whether a person sees the page that the view has made. Of an error another page is made.
fn is_seen(result: &Result<Response>) -> bool {
    result.as_ref().is_ok_and(|response| !response.status().is_redirection())
}

/// Keeps the response from caches that would hand it to another visitor, also if middleware further out changes its headers.
fn keep_apart(req: &mut Request, headers: &mut HeaderMap, sets_cookie: bool) {
    let caching = if sets_cookie { Caching::NotStored } else { Caching::PerVisitor };
    req.limit_caching(caching);
    caching.apply(headers);
}

fn headers(result: &mut Result<Response>) -> &mut HeaderMap {
    match result {
        Ok(response) => response.headers_mut(),
        Err(error) => error.headers_mut(),
    }
}

/// How long a request waits for its renewal.
const RENEWAL_PATIENCE: Duration = Duration::from_millis(500);

/// What is to be written at the end of a request.
struct Plan {
    deletes: Vec<SessionId>,
    write: Option<Write>,
}

enum Write {
    Create(Record),
    Save(Box<Save>),
    Renew(SessionId, DateTime<Utc>, DateTime<Utc>),
}

/// What was written.
enum Written {
    /// This session, until this time; the browser is told.
    Session(SessionId, DateTime<Utc>),
    /// The session was gone.
    Interrupted(SessionId),
    Nothing,
}

impl Plan {
    fn is_empty(&self) -> bool {
        self.deletes.is_empty() && self.write.is_none()
    }

    /// What is to be told when this was carried out.
    fn news(&self, app: &Application) -> News {
        let created = match &self.write {
            Some(Write::Create(record)) if app.wants::<SessionCreated>() => Some(signals::created(record.id, record.user_id)),
            _ => None,
        };
        let deletes = if app.wants::<SessionDeleted>() { &self.deletes[..] } else { &[] };
        News { created, deleted: deletes.iter().map(|id| signals::deleted(*id)).collect() }
    }

    /// In the store's own transaction.
    async fn run(self, manager: &SessionManager) -> Result<Written> {
        let store = manager.store();
        for id in self.deletes {
            store.end(id, manager.clock().now()).await?;
        }
        match self.write {
            None => Ok(Written::Nothing),
            Some(Write::Create(record)) => {
                let written = Written::Session(record.id, record.expires_at);
                store.create(record).await.map(|()| written)
            }
            Some(Write::Save(save)) => {
                let id = save.base.id;
                store.save(*save).await.map(|saved| saved.written(id))
            }
            Some(Write::Renew(id, expires_at, now)) => {
                // A page that only reads does not wait long for a store that is busy.
                let renewal = tokio::time::timeout(RENEWAL_PATIENCE, store.renew(id, expires_at, now)).await;
                let late = || Err(Error::unavailable("the store is too busy"));
                Ok(renewed(id, expires_at, renewal.unwrap_or_else(|_| late())))
            }
        }
    }

    /// In the request's transaction.
    fn run_within(self, db: &mut Db, now: DateTime<Utc>) -> Result<Written> {
        for id in self.deletes {
            rows::end(db, id, now)?;
        }
        match self.write {
            None => Ok(Written::Nothing),
            Some(Write::Create(record)) => rows::create(db, &record).map(|()| Written::Session(record.id, record.expires_at)),
            Some(Write::Save(save)) => rows::save(db, &save).map(|saved| saved.written(save.base.id)),
            Some(Write::Renew(id, expires_at, now)) => Ok(renewed(id, expires_at, rows::renew_within(db, id, expires_at, now))),
        }
    }
}

impl Saved {
    fn written(self, id: SessionId) -> Written {
        match self {
            Saved::As(id, expires_at) => Written::Session(id, expires_at),
            Saved::Gone => Written::Interrupted(id),
        }
    }
}

fn renewed(id: SessionId, expires_at: DateTime<Utc>, result: Result<bool>) -> Written {
    match result {
        Ok(true) => Written::Session(id, expires_at),
        Ok(false) => Written::Nothing,
        Err(error) => {
            tracing::error!(target: "lback::session", %id, %error, "a session could not be renewed");
            Written::Nothing
        }
    }
}

impl Write {
    fn of(manager: &SessionManager, session: &mut AppSession) -> Result<Option<Self>> {
        let now = manager.clock().now();
        let Some(base) = session.base() else {
            let store = session.holds_something() || manager.config().create == CreateSessions::Eager;
            if !store {
                return Ok(None);
            }
            let record = manager.new_record(session.id(), session.data().clone(), session.meta().clone(), session.created_at(), now)?;
            return Ok(Some(Write::Create(record)));
        };
        let (id, base_expires_at) = (base.id, base.expires_at);
        if let Some(save) = manager.save_of(session) {
            return Ok(Some(Write::Save(Box::new(save))));
        }
        // The time of the request's end, not that of its beginning: another one may have renewed the session meanwhile.
        let expires_at = session.expires_at_if_used(now);
        let due = expires_at - base_expires_at >= RENEWAL;
        Ok(due.then_some(Write::Renew(id, expires_at, now)))
    }
}

/// `keeps_view_work`: will the request's transaction be committed?
async fn carry_out(req: &mut Request, manager: &SessionManager, plan: Plan, keeps_view_work: bool) -> Result<Written> {
    if let Some(unit) = req.extensions_mut().get_mut::<DbSession>()
        && !keeps_view_work
    {
        // First of all: the store's own writer would wait for this transaction.
        unit.rollback().await;
    }
    if plan.is_empty() {
        return Ok(Written::Nothing);
    }
    let news = plan.news(req.app());
    let joins = match req.extensions_mut().get_mut::<DbSession>().filter(|unit| unit.is_open()) {
        Some(unit) if manager.shares(unit) => unit.joins_writes()?,
        Some(_) => {
            // A store elsewhere may wait for what this transaction holds, and must not be ahead of a commit that fails.
            req.commit_db().await?;
            false
        }
        None => false,
    };
    if joins {
        if let Some(unit) = req.extensions_mut().get_mut::<DbSession>()
            && !plan.deletes.is_empty()
        {
            // A session that was to end ends even where the commit fails.
            let (manager, deletes) = (manager.clone(), plan.deletes.clone());
            unit.on_rollback(move || manager.delete_now_or_later(deletes));
        }
        let now = manager.clock().now();
        let written = req.run_db(move |db| plan.run_within(db, now)).await?;
        news.send_after_commit(req);
        return Ok(written);
    }
    let written = plan.run(manager).await.map_err(|error| match error.is_server_error() {
        true => error,
        false => Error::internal(error.to_string()),
    })?;
    news.send(req.app());
    Ok(written)
}
