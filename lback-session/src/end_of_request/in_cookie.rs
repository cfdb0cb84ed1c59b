//! The end of a request whose session travels in its cookie: nothing is stored, the response carries it.
//!
//! It leaves with the response, after the view's work was committed, or not at all.

use lback_core::{Request, Response, Result};

use super::{Write, has_failed, headers, interrupted, keep_apart, put_back};
use crate::signals::{self, News};
use crate::store::Record;
use crate::{AppSession, SessionManager, cookie};

pub(super) fn finish(req: &mut Request, mut session: AppSession, mut result: Result<Response>) -> Result<Response> {
    let manager = session.manager().clone();
    let ids = session.take_deleted();
    let deleted = !ids.is_empty();
    let mut news = News { created: None, deleted: ids.into_iter().map(signals::deleted).collect() };
    let mut sealed = None;
    if !has_failed(&result) {
        match seal(req, &manager, &mut session) {
            Ok(value) => sealed = value,
            Err(error) => result = Err(error),
        }
    }
    let headers = headers(&mut result);
    match &sealed {
        Some((record, value)) => {
            cookie::set(headers, manager.config(), value, record.meta.expiry, record.expires_at, record.updated_at)?;
            news.created = session.is_new().then(|| signals::created(record.id, record.user_id));
            session.stored_as(record.id);
        }
        None if deleted => cookie::remove(headers, manager.config())?,
        None => {}
    }
    keep_apart(req, headers, sealed.is_some() || deleted);
    news.send_after_commit(req);
    put_back(req, session);
    result
}

/// The session as the request leaves it and the cookie's value for it; `None` where the browser's cookie may stay.
fn seal(req: &Request, manager: &SessionManager, session: &mut AppSession) -> Result<Option<(Record, String)>> {
    let Some(write) = Write::of(manager, session)? else { return Ok(None) };
    let record = match (write, session.base()) {
        (Write::Create(record), _) => record,
        (Write::Renew(_, expires_at, now), Some(base)) if base.expires_at > now => Record { expires_at, updated_at: now, ..base.clone() },
        (Write::Save(save), base) => match save.first()?.applied_to(base.cloned()) {
            Some(record) => record,
            None => {
                interrupted(req, save.base.id);
                return Ok(None);
            }
        },
        (Write::Renew(..), _) => return Ok(None),
    };
    let value = cookie::sealed::seal(&record, manager.config(), manager.keys())?;
    Ok(Some((record, value)))
}
