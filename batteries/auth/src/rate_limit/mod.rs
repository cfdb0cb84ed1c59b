//! Rate limiting: after some attempts, the next one must wait.
//!
//! Attempts are counted in the table `auth_attempts`, so the counts survive a restart and hold for all processes. Half of a count is
//! dropped every hour, and all of it after a day without another attempt.

mod attempts;
mod counting;
mod login;
mod networks;
mod throttled;

pub use attempts::clean_attempts;
pub(crate) use attempts::{CLEAN_EVERY, clean};
pub(crate) use login::{Attempt, LoginLimits, admit};
pub use throttled::Throttled;

use std::time::Duration;

use chrono::TimeDelta;
use lback_core::{Request, Result};

use self::counting::{Counter, Kind};
use self::networks::networks;
use crate::request::app_auth;

/// The longest delay for a counter that several people share, such as a network, in seconds.
const SHARED_DELAY: u32 = 30;

/// Limits how often something is done: by a visitor, with an API key, to a mailbox.
///
/// The first attempts are free. Each further attempt that is let through sets a delay before the next one, which doubles from
/// [`first_delay`](Self::first_delay) to [`max_delay`](Self::max_delay). An attempt during a delay is refused with [`Throttled`], which
/// `?` turns into a 429 with `Retry-After`; it is not counted. Half of a count is dropped every hour, and all of it after a day
/// without another attempt.
///
/// ```
/// use lback::auth::RateLimit;
/// use lback::prelude::*;
///
/// /// Eleven searches, then one more after 2, 4, 8, 16 and at most 30 seconds.
/// const SEARCHES: RateLimit =
///     RateLimit::new("search").free(10).first_delay(Duration::from_secs(2)).max_delay(Duration::from_secs(30));
///
/// fn search(req: &mut Request) -> Result<&'static str> {
///     // The first `?` is for a database that cannot be reached, the second for a visitor who must wait.
///     SEARCHES.check(req)??;
///     Ok("results")
/// }
/// # use std::time::Duration;
/// # use lback::testing::Client;
/// # let client = Client::with_settings(App::new(Router::new().get("/search", search)).auth(), "SESSION_TIMEOUT_MINUTES = 30");
/// # for _ in 0..11 {
/// #     client.get("/search").send().assert_status(200);
/// # }
/// # let refused = client.get("/search").send();
/// # refused.assert_status(429);
/// # assert_eq!(refused.header("retry-after"), Some("2"));
/// # client.clock().advance(Duration::from_secs(2));
/// # client.get("/search").send().assert_status(200);
/// ```
///
/// The counts are kept in the table `auth_attempts`, which comes with `App::auth()`. They survive a restart and are shared by all
/// processes. The table holds digests: it shows neither addresses nor keys. An attempt is counted even if the request fails and its
/// transaction is rolled back.
///
/// Check a limit before the first `req.db()`. In an open transaction, its counts stay locked until the request ends, and other visitors
/// of the same network wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "nothing is limited before .check()"]
pub struct RateLimit {
    name: &'static str,
    free: u32,
    /// In seconds, as is the longest one.
    first_delay: u32,
    max_delay: u32,
}

impl RateLimit {
    /// Returns a limit with 20 free attempts and delays from a second to a minute.
    ///
    /// Limits of the same name share their counts, so each needs a name of its own.
    pub const fn new(name: &'static str) -> Self {
        RateLimit { name, free: 20, first_delay: 1, max_delay: 60 }
    }

    /// Sets the number of attempts before the delays begin.
    pub const fn free(self, attempts: u32) -> Self {
        RateLimit { free: attempts, ..self }
    }

    /// Sets the delay after the first attempt that is not free, rounded up to seconds. It doubles with each further attempt.
    pub const fn first_delay(self, delay: Duration) -> Self {
        RateLimit { first_delay: seconds(delay), ..self }
    }

    /// Sets the longest delay, rounded up to seconds. With the same value as the first delay, all delays are equal.
    pub const fn max_delay(self, delay: Duration) -> Self {
        RateLimit { max_delay: seconds(delay), ..self }
    }

    /// Counts an attempt by the visitor, or refuses it if they must wait.
    ///
    /// A visitor is the address from which the request comes; for IPv6, its /64 network. The surrounding networks have limits as well, so
    /// that they do not supply fresh addresses: 16 times the free attempts for an IPv4 /24 and an IPv6 /48, 4 times for an
    /// IPv6 /56, and delays of at most 30 seconds, because other people use them too. Behind a proxy, name it in
    /// `TRUSTED_PROXIES`; otherwise all visitors have its address.
    ///
    /// # Errors
    /// Returns 503 if the database cannot be reached; 500 without `App::auth()`.
    pub fn check(&self, req: &mut Request) -> Result<Result<(), Throttled>> {
        let auth = app_auth(req)?;
        let counter = |network: &networks::Network| {
            let limit = self.times(network.addresses_factor, network.is_shared);
            Counter::new(auth.attempt_keys(), &format!("{:?} by {}", self.name, network.name), limit, Kind::Own)
        };
        let mut counters: Vec<Counter> = req.client_addr().map(networks).unwrap_or_default().iter().map(counter).collect();
        if counters.is_empty() {
            // Requests without an address share a counter.
            counters.push(Counter::new(auth.attempt_keys(), &format!("{:?} by an unknown address", self.name), *self, Kind::Own));
        }
        counting::admit(req, counters, None)
    }

    /// Counts an attempt that concerns `key`, or refuses it if it must wait: an API key, the id of a user, an e-mail address.
    ///
    /// ```
    /// use lback::auth::{RateLimit, email_key};
    /// use lback::prelude::*;
    /// # use std::time::Duration;
    ///
    /// /// Three invitations to one address, then about two per hour, because half of the count is dropped every hour.
    /// const INVITATIONS: RateLimit =
    ///     RateLimit::new("invitations").free(2).first_delay(Duration::from_secs(3600)).max_delay(Duration::from_secs(3600));
    ///
    /// fn invite(req: &mut Request) -> Result<()> {
    ///     let address: String = req.param("address")?;
    ///     // In its normal form: otherwise other spellings of the address would be counted separately.
    ///     INVITATIONS.check_key(req, &email_key(&address))??;
    ///     // …
    ///     Ok(())
    /// }
    /// ```
    ///
    /// Each new key is a row in the table for a day. If visitors choose the key, [`check`](Self::check) the visitor first, or verify
    /// the key, so that invented keys do not fill the table.
    ///
    /// # Errors
    /// Returns 503 if the database cannot be reached; 500 without `App::auth()`.
    pub fn check_key(&self, req: &mut Request, key: &str) -> Result<Result<(), Throttled>> {
        let counter = Counter::new(app_auth(req)?.attempt_keys(), &format!("{:?} for {key}", self.name), *self, Kind::Own);
        counting::admit(req, vec![counter], None)
    }

    /// Returns the limit for a counter that may have `factor` times as many attempts, and that several people may share.
    fn times(self, factor: u32, is_shared: bool) -> Self {
        let max_delay = if is_shared { self.max_delay.min(SHARED_DELAY) } else { self.max_delay };
        RateLimit { free: self.free.saturating_mul(factor), max_delay, ..self }
    }

    /// Returns the delay after so many attempts.
    fn delay(self, attempts: u32) -> TimeDelta {
        let over = attempts.saturating_sub(self.free);
        let times = if over == 0 { 0 } else { 1_u32.checked_shl(over - 1).unwrap_or(u32::MAX) };
        let seconds = self.first_delay.saturating_mul(times).min(self.max_delay);
        TimeDelta::seconds(seconds.into())
    }
}

/// Returns a delay in seconds, rounded up; at most 136 years.
const fn seconds(delay: Duration) -> u32 {
    let seconds = delay.as_secs().saturating_add((delay.subsec_nanos() > 0) as u64);
    if seconds > u32::MAX as u64 { u32::MAX } else { seconds as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let limit = RateLimit::new("test").free(3);
        let seconds: Vec<i64> = (0..12).map(|attempts| limit.delay(attempts).num_seconds()).collect();
        assert_eq!(seconds, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(limit.delay(u32::MAX).num_seconds(), 60);
        assert_eq!(limit.first_delay(Duration::from_millis(1500)).delay(4).num_seconds(), 2);
        assert_eq!(limit.first_delay(Duration::MAX).max_delay(Duration::MAX).delay(9).num_seconds(), i64::from(u32::MAX));
    }
}
