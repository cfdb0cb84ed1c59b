//! The cache of a request.

use std::time::Instant;

use lback_core::{Error, Request, Result};
use lback_db::DbSession;

use crate::Cache;
use crate::cache::{ONE_LOOK, View};
use crate::changes::{Snapshot, seen_by};
use crate::sealed::Sealed;

/// Adds the cache to [`Request`].
pub trait RequestCache: Sealed {
    /// Returns the cache for this request. See [`CacheEntry`](crate::CacheEntry) for an example.
    ///
    /// # Errors
    /// Returns 500 if the application has no cache, and the errors of the database.
    fn cache(&mut self) -> Result<Cache>;
}

/// The knowledge of a request about the database.
struct Known {
    /// The time of the first use, and how many commits this process had made.
    since: (Instant, u64),
    /// The begin of the open transaction, and what it sees.
    seen: Option<(u64, Snapshot)>,
}

impl RequestCache for Request {
    #[track_caller]
    fn cache(&mut self) -> Result<Cache> {
        let missing = || Error::internal("this application has no cache. Write App::new(urls).cache()");
        let cache = self.app().state::<Cache>().ok_or_else(missing)?;
        let inner = cache.inner.clone();
        let Some(looker) = &inner.looker else { return Ok(Cache { inner, view: View::default() }) };
        let now = (Instant::now(), looker.database().recorded_commits());
        let known = self.extensions_mut().get_or_insert_with(|| Known { since: now, seen: None });
        if known.since.1 != now.1 || now.0.duration_since(known.since.0) >= ONE_LOOK {
            known.since = now;
        }
        let (since, seen) = (known.since, known.seen.clone());
        let mut view = View { since: Some(since), ..View::default() };
        let Some(unit) = self.extensions_mut().get_mut::<DbSession>() else { return Ok(Cache { inner, view }) };
        view.unit = Some(unit.changes());
        view.sees_one_state = unit.sees_one_state();
        if view.sees_one_state && unit.is_open() {
            let begun = unit.changes().begun().map_or(0, |begun| begun.number);
            match seen.filter(|(of, _)| *of == begun) {
                Some((_, seen)) => view.seen = Some(seen),
                None => {
                    view.seen = unit.run(|db| Ok(seen_by(db)?))?;
                    if let (Some(seen), Some(known)) = (view.seen.clone(), self.extensions_mut().get_mut::<Known>()) {
                        known.seen = Some((begun, seen));
                    }
                }
            }
        }
        Ok(Cache { inner, view })
    }
}
