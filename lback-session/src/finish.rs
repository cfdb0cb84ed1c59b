//! The end of a request: what became of its session is written, and the response told.

use chrono::{DateTime, Utc};
use lback_core::header::HeaderMap;
use lback_core::{Error, Request, Response, Result};
use lback_db::{Db, DbSession, RequestDb};

use crate::request::Slot;
use crate::store::{Record, Save, Saved};
use crate::stores::rows;
use crate::{AppSession, CreateSessions, SessionId, SessionManager, cookie};

pub(crate) async fn finish(req: &mut Request, mut session: AppSession, mut result: Result<Response>) -> Result<Response> {
    let failed = match &result {
        Ok(response) => response.status().is_server_error(),
        Err(error) => error.is_server_error(),
    };
    if let Some(error) = session.why_broken() {
        return if failed { result } else { Err(error) };
    }
    let manager = session.manager().clone();
    let plan = Plan::new(&manager, &mut session, failed)?;
    let deletes = !plan.deletes.is_empty();
    let expires_at = session.expires_at();

    let written = match carry_out(req, &manager, plan, result.is_ok() && !failed).await {
        Ok(written) => written,
        Err(error) if failed => {
            tracing::error!(target: "lback::session", request = %req.id(), %error, "the session could not be deleted");
            Written::Nothing
        }
        Err(error) => return Err(error),
    };
    let headers = headers(&mut result);
    match written {
        Written::Session(id) => cookie::set(headers, manager.config(), manager.keys(), id, expires_at, manager.clock().now())?,
        Written::Nothing if deletes => cookie::remove(headers, manager.config())?,
        Written::Nothing => {}
        Written::Interrupted(id) => {
            tracing::warn!(target: "lback::session", request = %req.id(), %id, "interrupted: the session ended while a request worked on it; its changes are dropped");
        }
    }
    cookie::vary(headers);
    if let Some(slot) = req.extensions_mut().get_mut::<Slot>() {
        slot.put_back(session);
    }
    result
}

fn headers(result: &mut Result<Response>) -> &mut HeaderMap {
    match result {
        Ok(response) => response.headers_mut(),
        Err(error) => error.headers_mut(),
    }
}

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
    /// This session; the browser is told its id.
    Session(SessionId),
    /// The session was gone.
    Interrupted(SessionId),
    Nothing,
}

impl Plan {
    fn new(manager: &SessionManager, session: &mut AppSession, failed: bool) -> Result<Self> {
        let write = if failed { None } else { Write::of(manager, session)? };
        Ok(Plan { deletes: session.take_deleted(), write })
    }

    fn is_empty(&self) -> bool {
        self.deletes.is_empty() && self.write.is_none()
    }

    /// In the store's own transaction.
    async fn run(self, manager: &SessionManager) -> Result<Written> {
        let store = manager.store();
        for id in self.deletes {
            store.delete(id).await?;
        }
        match self.write {
            None => Ok(Written::Nothing),
            Some(Write::Create(record)) => {
                let id = record.id;
                store.create(record).await.map(|()| Written::Session(id))
            }
            Some(Write::Save(save)) => {
                let id = save.base.id;
                store.save(*save).await.map(|saved| saved.written(id))
            }
            Some(Write::Renew(id, expires_at, now)) => Ok(renewed(id, store.renew(id, expires_at, now).await)),
        }
    }

    /// In the request's transaction.
    fn run_within(self, db: &mut Db) -> Result<Written> {
        for id in self.deletes {
            rows::delete(db, id)?;
        }
        match self.write {
            None => Ok(Written::Nothing),
            Some(Write::Create(record)) => rows::create(db, &record).map(|()| Written::Session(record.id)),
            Some(Write::Save(save)) => rows::save(db, &save).map(|saved| saved.written(save.base.id)),
            Some(Write::Renew(id, expires_at, now)) => Ok(renewed(id, rows::renew(db, id, expires_at, now))),
        }
    }
}

impl Saved {
    fn written(self, id: SessionId) -> Written {
        match self {
            Saved::As(id) => Written::Session(id),
            Saved::Gone => Written::Interrupted(id),
        }
    }
}

fn renewed(id: SessionId, result: Result<bool>) -> Written {
    match result {
        Ok(true) => Written::Session(id),
        Ok(false) => Written::Nothing,
        Err(error) => {
            tracing::error!(target: "lback::session", %id, %error, "a session could not be renewed");
            Written::Nothing
        }
    }
}

impl Write {
    fn of(manager: &SessionManager, session: &AppSession) -> Result<Option<Self>> {
        let now = manager.clock().now();
        let expires_at = session.expires_at();
        let Some(base) = session.base() else {
            let store = !session.data().is_empty() || manager.config().create == CreateSessions::Eager;
            if !store {
                return Ok(None);
            }
            let record = manager.new_record(session.id(), session.data().clone(), session.created_at(), expires_at, now)?;
            return Ok(Some(Write::Create(record)));
        };
        if let Some(save) = manager.save_of(session) {
            return Ok(Some(Write::Save(Box::new(save))));
        }
        // At most once a second.
        let due = (expires_at - base.expires_at).num_milliseconds() >= 1000;
        Ok(due.then_some(Write::Renew(base.id, expires_at, now)))
    }
}

/// `keeps_view_work`: will the request's transaction be committed?
async fn carry_out(req: &mut Request, manager: &SessionManager, plan: Plan, keeps_view_work: bool) -> Result<Written> {
    if let Some(unit) = req.extensions_mut().get_mut::<DbSession>()
        && !keeps_view_work
    {
        // First of all: the store's own writer would wait for this transaction.
        unit.rollback();
    }
    if plan.is_empty() {
        return Ok(Written::Nothing);
    }
    let joins = match req.extensions_mut().get_mut::<DbSession>() {
        Some(unit) if manager.is_in_database() => unit.joins_writes()?,
        _ => false,
    };
    if joins {
        return req.run_db(move |db| plan.run_within(db)).await;
    }
    plan.run(manager).await.map_err(|error| match error.is_server_error() {
        true => error,
        false => Error::internal(error.to_string()),
    })
}
