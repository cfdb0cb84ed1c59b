//! The application's clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The application's only source of the current time.
///
/// Everything that expires uses this clock, so that tests can set the time:
///
/// ```
/// use lback::app::Clock;
/// use std::time::Duration;
///
/// let clock = Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap());
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().to_rfc3339(), "2026-01-01T00:01:30+00:00");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Mutex<DateTime<Utc>>>>);

impl Clock {
    /// Returns the system clock.
    pub fn system() -> Self {
        Clock(None)
    }

    /// Returns a clock that stays at `time` until it is set or advanced. Its clones share the same time.
    pub fn fixed(time: DateTime<Utc>) -> Self {
        Clock(Some(Arc::new(Mutex::new(time))))
    }

    /// Returns the current time in UTC.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            None => Utc::now(),
            Some(time) => *time.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a fixed clock forward. Has no effect on the system clock.
    pub fn advance(&self, by: Duration) {
        if let Some(time) = &self.0 {
            let mut time = time.lock().unwrap_or_else(PoisonError::into_inner);
            let moved = TimeDelta::from_std(by).ok().and_then(|by| time.checked_add_signed(by));
            *time = moved.unwrap_or(DateTime::<Utc>::MAX_UTC);
        }
    }

    /// Sets a fixed clock. Has no effect on the system clock.
    pub fn set(&self, to: DateTime<Utc>) {
        if let Some(time) = &self.0 {
            *time.lock().unwrap_or_else(PoisonError::into_inner) = to;
        }
    }
}
