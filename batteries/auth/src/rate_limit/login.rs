//! The delays of logins, which slow down password guessing without affecting other users.
//!
//! Failures are counted:
//!
//! - per account and address: after a few failures, each further one doubles the delay, up to `AUTH_MAX_DELAY_SECONDS`;
//! - per address, for all accounts: the same after four times as many failures;
//! - per network around the address (IPv4 /24; IPv6 /56 and /48): both of the above after more failures. Their delays are at most
//!   30 seconds, because other people use the network too;
//! - per account, for all addresses: after many failures, delays of at most 30 seconds, and only for addresses that have failed
//!   before. Otherwise anybody could lock a user out;
//! - per browser in which the user has logged in before, instead of all of the above: failures elsewhere do not affect it.
//!
//! Attempts by user name and by e-mail address are counted separately, even if both belong to the same user: otherwise a delay would
//! tell whose address it is.
//!
//! An attempt counts as a failure before the password is checked, so that concurrent attempts do not get around the limits; if the
//! password is right, the count is taken back.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use lback_core::{Keys, Request, Result};
use lback_db::Db;

use super::attempts::{self, Count};
use super::counting::{self, Counter, Kind, ids};
use super::networks::{Network, networks};
use super::{RateLimit, SHARED_DELAY, Throttled};
use crate::{Auth, AuthSettings, name};

/// The failures of an account from all addresses before the delays begin.
const ACCOUNT_FAILURES: u32 = 50;

/// An attempt to log in.
#[derive(Clone)]
pub(crate) struct Attempt {
    account: String,
    /// From the address outwards.
    networks: Vec<Network>,
    device: Option<String>,
    /// Set when the password was right.
    succeeded: Arc<AtomicBool>,
}

impl Attempt {
    /// `device` is the user for whom the browser is known, and the browser's id.
    pub(crate) fn new(user_id: Option<i64>, name: &str, address: Option<IpAddr>, device: Option<(i64, String)>) -> Self {
        Attempt {
            account: match user_id {
                Some(id) if name.contains('@') => format!("user {id} by address"),
                Some(id) => format!("user {id}"),
                None => format!("name {}", name::login_key(name)),
            },
            networks: address.map(networks).unwrap_or_default(),
            device: device.filter(|(known, _)| Some(*known) == user_id).map(|(_, device)| device),
            succeeded: Arc::default(),
        }
    }
}

/// Counts the attempt as a failure, or refuses it if it must wait.
pub(crate) fn admit(req: &mut Request, auth: &Auth, attempt: &Attempt) -> Result<Result<(), Throttled>> {
    let counters = auth.login_limits().counters(auth.attempt_keys(), attempt);
    counting::admit(req, counters, Some(attempt.succeeded.clone()))
}

/// The limits of logins.
pub(crate) struct LoginLimits {
    account_from_address: RateLimit,
    address: RateLimit,
    account: RateLimit,
}

impl LoginLimits {
    pub(crate) fn new(settings: &AuthSettings) -> Self {
        let (free, max_delay) = (settings.auth_free_attempts, settings.auth_max_delay_seconds);
        let limit = |free, max_delay| RateLimit { name: "login", free, first_delay: 1, max_delay };
        LoginLimits {
            account_from_address: limit(free, max_delay),
            address: limit(free.saturating_mul(4), max_delay),
            account: limit(free.max(ACCOUNT_FAILURES), max_delay.min(SHARED_DELAY)),
        }
    }

    fn counters(&self, keys: &Keys, attempt: &Attempt) -> Vec<Counter> {
        let Attempt { account, networks, device, .. } = attempt;
        let own = |what: &str, limit| Counter::new(keys, what, limit, Kind::Own);
        let of_account = || Counter::new(keys, account, self.account, Kind::Account);
        if let Some(device) = device {
            return vec![own(&format!("device {device} {account}"), self.account_from_address)];
        }
        if networks.is_empty() {
            return vec![own(&format!("{account} from nowhere"), self.account_from_address), of_account()];
        }
        let from_networks = networks.iter().map(|network| {
            let limit = self.account_from_address.times(network.account_factor, network.is_shared);
            own(&format!("{account} from {}", network.name), limit)
        });
        let of_networks = networks.iter().map(|network| {
            let limit = self.address.times(network.addresses_factor, network.is_shared);
            Counter::new(keys, &format!("address {}", network.name), limit, Kind::Network)
        });
        from_networks.chain([of_account()]).chain(of_networks).collect()
    }

    /// Takes the failure back: the password was right.
    pub(crate) fn succeeded(&self, db: &mut Db, keys: &Keys, attempt: &Attempt, now: DateTime<Utc>) -> Result<()> {
        attempt.succeeded.store(true, Ordering::Relaxed);
        let counters = self.counters(keys, attempt);
        // All at once, in the order in which others lock them too.
        let counts = attempts::lock(db, &ids(&counters), now)?;
        let is_of_network = |count: &Count| counters.iter().any(|counter| counter.id == count.id && counter.kind == Kind::Network);
        let (mut of_networks, own): (Vec<Count>, Vec<Count>) = counts.into_iter().partition(is_of_network);
        attempts::remove(db, own.iter().map(|count| count.id.as_str()))?;
        // Only this failure: otherwise the owner of an account could guess other passwords and log in between the guesses.
        for count in &mut of_networks {
            count.attempts = count.attempts.saturating_sub(1);
            count.blocked_until = DateTime::UNIX_EPOCH;
        }
        attempts::store(db, &of_networks)
    }
}
