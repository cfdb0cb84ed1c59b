//! The end of a request whose session travels in its cookie: nothing is stored, the response carries it.
//!
//! It leaves with the response, after the view's work was committed, or not at all.

use lback_core::{Error, Request, Response, Result};

use super::{Write, has_failed, headers, interrupted};
use crate::request::Slot;
use crate::store::Record;
use crate::{AppSession, SessionManager, cookie};

pub(super) fn finish(req: &mut Request, mut session: AppSession, mut result: Result<Response>) -> Result<Response> {
    let manager = session.manager().clone();
    let deleted = !session.take_deleted().is_empty();
    let mut sealed = None;
    if !has_failed(&result) {
        match seal(req, &manager, &session) {
            Ok(value) => sealed = value,
            Err(error) => result = Err(error),
        }
    }
    let headers = headers(&mut result);
    match &sealed {
        Some((record, value)) => {
            cookie::set(headers, manager.config(), value, record.expires_at, record.updated_at)?;
            session.stored_as(record.id);
        }
        None if deleted => cookie::remove(headers, manager.config())?,
        None => {}
    }
    cookie::vary(headers);
    if let Some(slot) = req.extensions_mut().get_mut::<Slot>() {
        slot.put_back(session);
    }
    result
}

/// The session as the request leaves it and the cookie's value for it; `None` where the browser's cookie may stay.
fn seal(req: &Request, manager: &SessionManager, session: &AppSession) -> Result<Option<(Record, String)>> {
    let Some(write) = Write::of(manager, session)? else { return Ok(None) };
    let record = match (write, session.base()) {
        (Write::Create(record), _) => record,
        (_, Some(base)) if base.expires_at <= manager.clock().now() => {
            interrupted(req, base.id);
            return Ok(None);
        }
        (Write::Renew(_, expires_at, now), Some(base)) => Record { expires_at, updated_at: now, ..base.clone() },
        (Write::Save(save), Some(base)) => {
            let update = save.first()?;
            Record {
                id: update.new_id,
                user_id: update.user_id,
                data: update.data,
                version: update.version + 1,
                expires_at: update.expires_at,
                created_at: base.created_at,
                updated_at: update.now,
            }
        }
        (_, None) => return Err(Error::internal("a session that its visitor did not bring was to be changed")),
    };
    let value = cookie::sealed::seal(&record, manager.config(), manager.keys())?;
    Ok(Some((record, value)))
}
