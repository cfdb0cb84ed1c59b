//! Limits on the number of connections that a process, a visitor and an address keep open.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lback_app::{MetricKind, Metrics};
use lback_core::header::{HeaderValue, RETRY_AFTER};
use lback_core::{Error, Request, Result, StatusCode};
use lback_session::{RequestSession, SessionId};

/// The seconds after which a client that has too many connections may try again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("30");

/// A maximum number, and the setting that sets it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) most: usize,
    pub(crate) setting: &'static str,
}

/// The maximum numbers of open connections of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) process: Limit,
    pub(crate) visitor: Limit,
    pub(crate) address: Limit,
}

/// Counts the open connections of one kind in this process. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct OpenConnections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_owner: HashMap<Owner, usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    User(i64),
    Session(SessionId),
    /// An IPv4 address, or an IPv6 network (/64).
    Address(IpAddr),
}

/// The visitor and the address to which a connection is counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Owners {
    visitor: Option<Owner>,
    address: Option<Owner>,
}

impl Owners {
    /// Returns the owners of the connection that a request opens. A session that the request has not used is not loaded for this.
    pub(crate) fn of(req: &Request) -> Self {
        Owners { visitor: visitor(req), address: req.client_network().map(Owner::Address) }
    }
}

/// Returns the user of the session or, if there is none, the session.
fn visitor(req: &Request) -> Option<Owner> {
    let session = req.session_if_loaded()?;
    match user_id(req) {
        Some(user) => Some(Owner::User(user)),
        None => (!session.is_new()).then(|| Owner::Session(session.id())),
    }
}

/// Returns the id of the user of the session, if the session is loaded.
pub(crate) fn user_id(req: &Request) -> Option<i64> {
    req.session_if_loaded()?.get("user_id").ok()?
}

impl OpenConnections {
    pub(crate) fn new(limits: Limits) -> Self {
        OpenConnections(Arc::new(Shared { limits, counts: Mutex::default() }))
    }

    /// Returns the number of open connections.
    pub(crate) fn count(&self) -> usize {
        self.counts().all
    }

    /// Counts a connection until the returned value is dropped.
    ///
    /// # Errors
    /// Returns 503 if the process has too many connections, and 429 if the visitor or their address has.
    #[track_caller]
    pub(crate) fn open(&self, owners: Owners) -> Result<OpenConnection> {
        let Limits { process, visitor, address } = self.0.limits;
        let mut counts = self.counts();
        if counts.all >= process.most {
            return Err(Error::unavailable(format!("{} connections are open, which is {}", counts.all, process.setting)));
        }
        for (owner, limit) in [(owners.visitor, visitor), (owners.address, address)] {
            if owner.is_some_and(|owner| counts.of(owner) >= limit.most) {
                tracing::debug!(target: "lback::realtime", ?owner, "{} connections are open, which is {}", limit.most, limit.setting);
                let error = Error::new(StatusCode::TOO_MANY_REQUESTS, "You have too many open connections to this site. Close some pages.");
                return Err(error.with_header(RETRY_AFTER, RETRY_SECONDS));
            }
        }
        counts.all += 1;
        for owner in [owners.visitor, owners.address].into_iter().flatten() {
            *counts.by_owner.entry(owner).or_default() += 1;
        }
        drop(counts);
        Ok(OpenConnection { all: self.clone(), owners })
    }

    /// Adds the number of open connections, and its maximum, to the metrics.
    pub(crate) fn measure(&self, metrics: &mut Metrics, open: (&'static str, &str), max: &'static str) {
        let Limit { most, setting } = self.0.limits.process;
        metrics.family(open.0, MetricKind::Gauge, open.1).sample(&[], self.count());
        metrics.family(max, MetricKind::Gauge, &format!("Their maximum number: {setting}.")).sample(&[], most);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn of(&self, owner: Owner) -> usize {
        self.by_owner.get(&owner).copied().unwrap_or_default()
    }
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    all: OpenConnections,
    owners: Owners,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        counts.all -= 1;
        for owner in [self.owners.visitor, self.owners.address].into_iter().flatten() {
            if let Entry::Occupied(mut count) = counts.by_owner.entry(owner) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }
}
