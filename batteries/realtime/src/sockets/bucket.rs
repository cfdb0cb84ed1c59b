//! Limits the rate of messages.

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket: it holds up to `burst` tokens and gains `rate` tokens per second.
#[derive(Debug)]
pub(super) struct Bucket {
    tokens: f64,
    rate: f64,
    burst: f64,
    filled_at: Instant,
}

impl Bucket {
    pub(super) fn new(rate: u32, burst: u32, now: Instant) -> Self {
        Bucket { tokens: burst.into(), rate: rate.into(), burst: burst.into(), filled_at: now }
    }

    /// Takes a token. Returns `false` if there is none.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.filled_at);
        self.filled_at = now;
        self.tokens = passed.as_secs_f64().mul_add(self.rate, self.tokens).min(self.burst);
        let has_token = self.tokens >= 1.0;
        if has_token {
            self.tokens -= 1.0;
        }
        has_token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_refills_at_its_rate_and_overflows_at_its_burst() {
        let start = Instant::now();
        let mut bucket = Bucket::new(2, 3, start);
        let mut taken = |at: Duration| (0..10).take_while(|_| bucket.take(start + at)).count();
        assert_eq!(taken(Duration::ZERO), 3);
        assert_eq!(taken(Duration::from_millis(400)), 0);
        assert_eq!(taken(Duration::from_secs(1)), 2);
        assert_eq!(taken(Duration::from_secs(100)), 3);
    }
}
