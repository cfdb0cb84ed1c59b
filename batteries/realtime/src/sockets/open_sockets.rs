//! Counts the open sockets of a process.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lback_core::{Error, Request, Result, StatusCode};
use lback_session::{RequestSession, SessionId};

use super::WebSocketSettings;

/// The open sockets of a process, in the state of the application: `app.state::<OpenSockets>()`.
#[derive(Clone, Debug)]
pub struct OpenSockets(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: WebSocketSettings,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_owner: HashMap<Owner, usize>,
}

/// The one to whom a socket is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    User(i64),
    Session(SessionId),
    Address(IpAddr),
}

impl OpenSockets {
    pub(super) fn new(settings: WebSocketSettings) -> Self {
        OpenSockets(Arc::new(Shared { settings, counts: Mutex::default() }))
    }

    /// Returns the number of open sockets.
    pub fn count(&self) -> usize {
        self.lock().total
    }

    pub(super) fn settings(&self) -> &WebSocketSettings {
        &self.0.settings
    }

    /// Counts a socket until the returned value is dropped.
    ///
    /// # Errors
    /// Returns 503 if the process has too many sockets, and 429 if the visitor or their address has.
    pub(super) fn open(&self, req: &Request) -> Result<OpenSocket> {
        let settings = self.settings();
        let owners = [visitor(req), address(req)];
        let limits = [settings.max_websockets_per_visitor, settings.max_websockets_per_address];
        let mut counts = self.lock();
        if counts.total >= settings.max_websockets {
            return Err(Error::unavailable(format!(
                "{} WebSockets are open, which is the limit; see MAX_WEBSOCKETS in settings.toml",
                counts.total
            )));
        }
        let is_full = |(owner, limit): (&Option<Owner>, usize)| owner.is_some_and(|owner| counts.of(owner) >= limit);
        if owners.iter().zip(limits).any(is_full) {
            return Err(Error::new(StatusCode::TOO_MANY_REQUESTS, "You have too many open connections to this site. Close some pages."));
        }
        counts.total += 1;
        for owner in owners.into_iter().flatten() {
            *counts.by_owner.entry(owner).or_default() += 1;
        }
        drop(counts);
        Ok(OpenSocket { all: self.clone(), owners })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn of(&self, owner: Owner) -> usize {
        self.by_owner.get(&owner).copied().unwrap_or_default()
    }
}

/// Returns the user of the session or, if there is none, the session. A session that no request has used is not loaded for this.
fn visitor(req: &Request) -> Option<Owner> {
    let session = req.session_if_loaded()?;
    match user_id(req) {
        Some(user) => Some(Owner::User(user)),
        None => (!session.is_new()).then(|| Owner::Session(session.id())),
    }
}

/// Returns the id of the user of the session, if the session is loaded.
pub(super) fn user_id(req: &Request) -> Option<i64> {
    req.session_if_loaded()?.get("user_id").ok()?
}

fn address(req: &Request) -> Option<Owner> {
    let network = match req.client_addr()? {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    };
    Some(Owner::Address(network))
}

/// A socket that is counted until this is dropped.
#[derive(Debug)]
pub(super) struct OpenSocket {
    all: OpenSockets,
    owners: [Option<Owner>; 2],
}

impl OpenSocket {
    pub(super) fn all(&self) -> &OpenSockets {
        &self.all
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        let mut counts = self.all.lock();
        counts.total -= 1;
        for owner in self.owners.into_iter().flatten() {
            if let Some(count) = counts.by_owner.get_mut(&owner) {
                *count -= 1;
                if *count == 0 {
                    counts.by_owner.remove(&owner);
                }
            }
        }
    }
}
