//! Slows down those who guess passwords, and nobody else.
//!
//! What is counted are failures, in the table `auth_attempts`, so that it survives a restart and holds for all processes:
//!
//! - of one account from one address: after a few, each further one doubles the delay, up to `AUTH_MAX_DELAY_SECONDS`;
//! - of one address, whatever the account: the same after four times as many;
//! - of the networks around the address (IPv4 /24; IPv6 /56 and /48), both likewise after more failures. Their delays grow to
//!   half a minute and no further, as other people are there, too;
//! - of one account, from wherever: after many the delay grows to half a minute, and no further, and it is only for those who
//!   have failed from their address before. Otherwise anybody could lock a user out;
//! - of a browser where the user has logged in before, instead of all of these: what happens elsewhere does not matter to it.
//!
//! Half of the failures are forgotten each hour.
//!
//! An account that is tried by user name and one that is tried by e-mail address are counted apart, be they the same user's:
//! otherwise a delay would tell whose address it is.
//!
//! An attempt counts as a failure before the password is looked at, so that many at once are no way around; when it was
//! right, that is taken back. One that must wait is not counted, and writes nothing.
//!
//! Whatever else should not be done too often is counted likewise, with limits of its own, and is never taken back.

mod networks;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lback_core::{Keys, Request, Result};
use lback_db::{Db, RequestDb};

use self::networks::{Network, networks};
use crate::attempts::{self, Counter};
use crate::auth::signature;
use crate::{Auth, AuthSettings, name};

/// The longest delay for what several people share, in seconds: an account that is attacked from many addresses, a network.
const SHARED_DELAY: u32 = 30;

/// How many failures an account takes from everywhere before that.
const ACCOUNT_FAILURES: u32 = 50;

/// That something was tried too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// After this time the next attempt is looked at.
    pub wait: Duration,
}

impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.wait.as_secs().max(1);
        let (number, unit) = if seconds < 90 { (seconds, "second") } else { (seconds.div_ceil(60), "minute") };
        let plural = if number == 1 { "" } else { "s" };
        write!(f, "There were too many attempts. Try again in {number} {unit}{plural}.")
    }
}

impl std::error::Error for Throttled {}

/// Who tries what, from where.
#[derive(Clone)]
pub(crate) struct Attempt {
    account: String,
    /// From the address outwards.
    networks: Vec<Network>,
    device: Option<String>,
    /// Was it right after all?
    right: Arc<AtomicBool>,
}

impl Attempt {
    /// `device` is for whom the browser is known, and by which name.
    pub(crate) fn new(user_id: Option<i64>, name: &str, address: Option<IpAddr>, device: Option<(i64, String)>) -> Self {
        Attempt {
            account: match user_id {
                Some(id) if name.contains('@') => format!("user {id} by address"),
                Some(id) => format!("user {id}"),
                None => format!("name {}", name::login_key(name)),
            },
            networks: address.map(networks).unwrap_or_default(),
            device: device.filter(|(known, _)| Some(*known) == user_id).map(|(_, device)| device),
            right: Arc::default(),
        }
    }
}

/// Looks whether the attempt may be made now, and counts it as a failure. That stays so even if what the request has done to the
/// database is undone: otherwise a view that answers a wrong password with an error would let everybody guess without end.
pub(crate) fn admit(req: &mut Request, auth: &Auth, attempt: &Attempt) -> Result<Result<(), Throttled>> {
    let admitted = admit_counters(req, auth, auth.throttle().counters(attempt))?;
    let unit = req.db_session()?;
    if admitted.is_ok() && unit.is_open() {
        let (auth, attempt, database, now) = (auth.clone(), attempt.clone(), unit.database().clone(), req.now());
        req.db_session()?.on_rollback(move || {
            if attempt.right.load(Ordering::Relaxed) {
                return;
            }
            let counted = database.write(|db| auth.throttle().count(db, &auth.throttle().counters(&attempt), now));
            if let Err(error) = counted {
                tracing::error!(target: "lback::auth", %error, "a failed login cannot be counted");
            }
        });
    }
    Ok(admitted)
}

/// The same for what is not a login and should not be done too often all the same.
#[cfg(feature = "pages")]
pub(crate) fn admit_other(req: &mut Request, auth: &Auth, what: &str, limit: Limit) -> Result<Result<(), Throttled>> {
    admit_counters(req, auth, vec![auth.throttle().counter(what, limit, Kind::Own)])
}

/// The same for what visitors do, by where they come from.
#[cfg(feature = "pages")]
pub(crate) fn admit_visitor(req: &mut Request, auth: &Auth, what: &str, limit: Limit) -> Result<Result<(), Throttled>> {
    let counter = |network: &Network| {
        let limit = limit.times(network.addresses_factor, network.is_shared);
        auth.throttle().counter(&format!("{what} from {}", network.name), limit, Kind::Own)
    };
    let counters: Vec<Counted> = req.client_addr().map(networks).unwrap_or_default().iter().map(counter).collect();
    // A visitor without an address is one of all that have none.
    if counters.is_empty() {
        return admit_other(req, auth, &format!("{what} from nowhere"), limit);
    }
    admit_counters(req, auth, counters)
}

fn admit_counters(req: &mut Request, auth: &Auth, counters: Vec<Counted>) -> Result<Result<(), Throttled>> {
    let now = req.now();
    // Who must wait costs a look. It is taken again where nobody else counts meanwhile.
    match req.read_db(|db| auth.throttle().look(db, &counters, now))? {
        Ok(()) => req.write_db(|db| auth.throttle().count(db, &counters, now)),
        refused => Ok(refused),
    }
}

/// What is allowed before the delays begin, and how long they get.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    free: u32,
    /// The first delay, which doubles, in seconds.
    first: u32,
    max_delay: u32,
}

impl Limit {
    /// For what honest visitors do a few times a day, from an address that a whole school may share.
    #[cfg(feature = "pages")]
    pub(crate) const OF_PAGES: Limit = Limit { free: 20, first: 1, max_delay: 60 };

    /// For mails to one mailbox, whoever asks for them: three, and then one in an hour.
    #[cfg(feature = "pages")]
    pub(crate) const OF_MAILBOX: Limit = Limit { free: 2, first: 3600, max_delay: 3600 };

    /// For so many times the failures, perhaps of several people.
    fn times(self, factor: u32, is_shared: bool) -> Limit {
        let max_delay = if is_shared { self.max_delay.min(SHARED_DELAY) } else { self.max_delay };
        Limit { free: self.free.saturating_mul(factor), max_delay, ..self }
    }

    /// How long to wait after so many failures.
    fn delay(self, failures: u32) -> TimeDelta {
        let over = failures.saturating_sub(self.free);
        let times = if over == 0 { 0 } else { 1_u32.checked_shl(over - 1).unwrap_or(u32::MAX) };
        let seconds = self.first.saturating_mul(times).min(self.max_delay);
        TimeDelta::seconds(seconds.into())
    }
}

/// The delays of an application.
pub(crate) struct Throttle {
    keys: Keys,
    one: Limit,
    address: Limit,
    account: Limit,
}

/// One of the counters of an attempt.
struct Counted {
    id: String,
    limit: Limit,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of an account from a network, or of something else that concerns one visitor.
    Own,
    /// Of an account as a whole.
    Account,
    /// Of a network, whatever the account.
    Network,
}

impl Throttle {
    pub(crate) fn new(keys: Keys, settings: &AuthSettings) -> Self {
        let (free, max_delay) = (settings.auth_free_attempts, settings.auth_max_delay_seconds);
        Throttle {
            keys,
            one: Limit { free, first: 1, max_delay },
            address: Limit { free: free.saturating_mul(4), first: 1, max_delay },
            account: Limit { free: free.max(ACCOUNT_FAILURES), first: 1, max_delay: max_delay.min(SHARED_DELAY) },
        }
    }

    /// A digest, as nobody who sees the table needs to see who tried what.
    fn counter(&self, what: &str, limit: Limit, kind: Kind) -> Counted {
        Counted { id: signature(&self.keys, what), limit, kind }
    }

    fn counters(&self, attempt: &Attempt) -> Vec<Counted> {
        let Attempt { account, networks, device, .. } = attempt;
        if let Some(device) = device {
            return vec![self.counter(&format!("device {device} {account}"), self.one, Kind::Own)];
        }
        if networks.is_empty() {
            let one = self.counter(&format!("{account} from nowhere"), self.one, Kind::Own);
            return vec![one, self.counter(account, self.account, Kind::Account)];
        }
        let one = networks.iter().map(|network| {
            let limit = self.one.times(network.account_factor, network.is_shared);
            self.counter(&format!("{account} from {}", network.name), limit, Kind::Own)
        });
        let all = networks.iter().map(|network| {
            let limit = self.address.times(network.addresses_factor, network.is_shared);
            self.counter(&format!("address {}", network.name), limit, Kind::Network)
        });
        one.chain([self.counter(account, self.account, Kind::Account)]).chain(all).collect()
    }

    /// Must who is counted by these wait?
    fn look(&self, db: &mut Db, counters: &[Counted], now: DateTime<Utc>) -> Result<Result<(), Throttled>> {
        Ok(refuse(counters, &attempts::look(db, &ids(counters), now)?, now))
    }

    /// The same where nobody else counts meanwhile; and counts a failure unless they must.
    fn count(&self, db: &mut Db, counters: &[Counted], now: DateTime<Utc>) -> Result<Result<(), Throttled>> {
        let mut rows = attempts::lock(db, &ids(counters), now)?;
        let refused = refuse(counters, &rows, now);
        if refused.is_ok() {
            for row in &mut rows {
                let Some(counter) = counters.iter().find(|counter| counter.id == row.id) else { continue };
                row.failures = row.failures.saturating_add(1);
                let delay = counter.limit.delay(row.failures);
                // Without a delay nobody waits: another attempt may have begun before this one, and look here after it.
                if delay > TimeDelta::zero() {
                    row.blocked_until = now + delay;
                }
            }
            attempts::store(db, &rows)?;
        }
        Ok(refused)
    }

    /// Takes the failure back: the password was right.
    pub(crate) fn succeeded(&self, db: &mut Db, attempt: &Attempt, now: DateTime<Utc>) -> Result<()> {
        attempt.right.store(true, Ordering::Relaxed);
        let counters = self.counters(attempt);
        // All at once, in the order in which others lock them too.
        let rows = attempts::lock(db, &ids(&counters), now)?;
        let is_of_network = |row: &Counter| counters.iter().any(|counter| counter.id == row.id && counter.kind == Kind::Network);
        let (mut of_networks, own): (Vec<Counter>, Vec<Counter>) = rows.into_iter().partition(is_of_network);
        attempts::remove(db, own.iter().map(|counter| counter.id.as_str()))?;
        // Not all of them: who has an account could guess the passwords of others in between.
        for row in &mut of_networks {
            row.failures = row.failures.saturating_sub(1);
            row.blocked_until = DateTime::UNIX_EPOCH;
        }
        attempts::store(db, &of_networks)
    }
}

fn ids(counters: &[Counted]) -> Vec<&str> {
    counters.iter().map(|counter| counter.id.as_str()).collect()
}

/// The longest wait that one of the counters asks for.
fn refuse(counters: &[Counted], rows: &[Counter], now: DateTime<Utc>) -> Result<(), Throttled> {
    let row = |counter: &Counted| rows.iter().find(|row| row.id == counter.id);
    // The first one is that of the address itself.
    let is_new_here = counters.first().and_then(row).is_none_or(|row| !row.failed);
    let counting = counters.iter().filter(|counter| !(counter.kind == Kind::Account && is_new_here));
    let wait = counting.filter_map(row).map(|row| row.blocked_until - now).max().unwrap_or_default();
    match wait.to_std() {
        Ok(wait) if !wait.is_zero() => Err(Throttled { wait }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_their_bound() {
        let limit = Limit { free: 3, first: 1, max_delay: 60 };
        let seconds: Vec<i64> = (0..12).map(|failures| limit.delay(failures).num_seconds()).collect();
        assert_eq!(seconds, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(limit.delay(u32::MAX).num_seconds(), 60);
    }

    #[test]
    fn the_wait_is_told_in_words() {
        let words = |seconds| Throttled { wait: Duration::from_secs(seconds) }.to_string();
        assert!(words(0).ends_with("in 1 second."));
        assert!(words(42).ends_with("in 42 seconds."));
        assert!(words(900).ends_with("in 15 minutes."));
    }
}
