//! The generic cell rate algorithm (GCRA): one number for each client says how much of its burst is left.
//!
//! All times are in microseconds since 1970, which the doubles of Redis can count until the year 2255.

/// The number of requests that are let through: a burst, and then one per interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// At least one microsecond.
    pub(crate) interval: i64,
    /// At least one request.
    pub(crate) burst: i64,
}

/// The decision about a request, and the state after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) is_allowed: bool,
    /// The time at which the whole burst is available again.
    pub(crate) full_at: i64,
}

impl Rate {
    /// Decides about a request at `now`. A refused request changes nothing, so that a client that does not wait is not shut out.
    pub(crate) fn take(self, full_at: i64, now: i64) -> Verdict {
        let next = full_at.max(now).saturating_add(self.interval);
        if next <= self.latest(now) { Verdict { is_allowed: true, full_at: next } } else { Verdict { is_allowed: false, full_at } }
    }

    /// Returns the latest time at which the burst may be full again after a request at `now`.
    pub(crate) fn latest(self, now: i64) -> i64 {
        now.saturating_add(self.interval.saturating_mul(self.burst))
    }

    /// Returns the number of requests that are let through at `now`.
    pub(crate) fn remaining(self, full_at: i64, now: i64) -> i64 {
        (self.latest(now) - full_at.max(now)).max(0) / self.interval
    }

    /// Returns the time until the next request is let through.
    pub(crate) fn wait(self, full_at: i64, now: i64) -> i64 {
        full_at.saturating_add(self.interval).saturating_sub(self.latest(now)).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the times at which requests are let through, of a client that sends one every microsecond.
    fn allowed(rate: Rate, begin: i64, end: i64) -> Vec<i64> {
        let mut full_at = 0;
        let mut times = Vec::new();
        for now in begin..end {
            let remaining = rate.remaining(full_at, now);
            let verdict = rate.take(full_at, now);
            assert_eq!(verdict.is_allowed, remaining > 0 && rate.wait(full_at, now) == 0, "at {now}");
            full_at = verdict.full_at;
            if verdict.is_allowed {
                assert_eq!(rate.remaining(full_at, now), remaining - 1);
                times.push(now);
            } else {
                assert!(rate.take(full_at, now + rate.wait(full_at, now)).is_allowed);
                assert!(!rate.take(full_at, now + rate.wait(full_at, now) - 1).is_allowed);
            }
        }
        times
    }

    #[test]
    fn a_burst_is_followed_by_one_request_per_interval() {
        assert_eq!(allowed(Rate { interval: 10, burst: 3 }, 1000, 1045), [1000, 1001, 1002, 1010, 1020, 1030, 1040]);
        assert_eq!(allowed(Rate { interval: 10, burst: 1 }, 1000, 1025), [1000, 1010, 1020]);
    }

    #[test]
    fn the_burst_returns_with_time() {
        let rate = Rate { interval: 10, burst: 3 };
        let full_at = (0..3).fold(0, |full_at, _| rate.take(full_at, 1000).full_at);
        assert_eq!([1000, 1009, 1010, 1029, 1030, 9999].map(|now| rate.remaining(full_at, now)), [0, 0, 1, 2, 3, 3]);
    }

    #[test]
    fn extreme_rates_do_not_overflow() {
        let rate = Rate { interval: i64::MAX / 2, burst: i64::MAX };
        let full_at = (0..9).fold(0, |full_at, _| rate.take(full_at, 1_800_000_000_000_000).full_at);
        assert!(rate.remaining(full_at, 1_800_000_000_000_000) >= 0 && rate.wait(full_at, 0) >= 0);
    }
}
