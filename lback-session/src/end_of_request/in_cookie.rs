//! The end of a request whose session travels in its cookie: the response carries it.
//!
//! It leaves with the response, after the view's work was committed, or not at all.

use lback_core::{Request, Response, Result};

use super::plan::Write;
use super::{BrowserCookie, log_interrupted, put_back};
use crate::signals::{self, News};
use crate::store::Record;
use crate::{AppSession, SessionManager, cookie};

pub(super) fn finish(
    req: &mut Request,
    manager: &SessionManager,
    mut session: AppSession,
    mut result: Result<Response>,
) -> Result<Response> {
    let ids = session.take_deleted();
    let deleted = !ids.is_empty();
    let mut news = News { created: None, deleted: ids.into_iter().map(signals::deleted).collect() };
    let mut sealed = None;
    if !req.outcome().has_failed() {
        match seal(req, manager, &mut session) {
            Ok(value) => sealed = value,
            Err(error) => result = Err(error),
        }
    }
    let config = manager.config();
    let browser = match sealed {
        Some((record, value)) => {
            news.created = session.is_new().then(|| signals::created(record.id, record.user_id));
            session.stored_as(record.id);
            BrowserCookie::Set(cookie::header(config, &value, record.meta.expiry, record.expires_at, record.updated_at)?)
        }
        None if deleted => BrowserCookie::Remove(cookie::removal(config)?),
        None => BrowserCookie::Keep,
    };
    browser.send(req, &mut result);
    news.send_after_commit(req);
    put_back(req, session);
    result
}

/// Returns the session as the request leaves it and the cookie's value for it; `None` if the browser's cookie may stay.
fn seal(req: &Request, manager: &SessionManager, session: &mut AppSession) -> Result<Option<(Record, String)>> {
    let Some(write) = Write::of(manager, session)? else { return Ok(None) };
    let record = match (write, session.base()) {
        (Write::Create(record), _) => record,
        (Write::Renew(_, expires_at, now), Some(base)) if base.expires_at > now => Record { expires_at, updated_at: now, ..base.clone() },
        (Write::Save(save), base) => match save.first()?.applied_to(base.cloned()) {
            Some(record) => record,
            None => {
                log_interrupted(req, save.base.id);
                return Ok(None);
            }
        },
        (Write::Renew(..), _) => return Ok(None),
    };
    let value = cookie::sealed::seal(&record, manager.config(), manager.keys())?;
    Ok(Some((record, value)))
}
