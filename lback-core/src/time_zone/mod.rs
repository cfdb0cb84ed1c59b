//! Time zones.

mod conversion;
mod database;
mod unknown;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use conversion::TimeZoneOffset;
use database::Zone;
pub use unknown::UnknownTimeZone;

/// A time zone: UTC, or with the feature `time-zones` any of the IANA database, such as `Europe/Berlin`.
///
/// The database is part of the program. It needs no files of the system, and gives the same results on every machine.
///
/// It is a time zone of [`chrono`], so that times are converted with the methods of that crate:
///
/// ```
/// use lback::TimeZone;
/// use lback::chrono::{DateTime, Utc};
///
/// let at: DateTime<Utc> = "2026-07-01T22:30:00Z".parse().unwrap();
/// assert_eq!(at.with_timezone(&TimeZone::UTC).format("%d.%m. %H:%M %Z").to_string(), "01.07. 22:30 UTC");
/// # #[cfg(feature = "time-zones")] {
///
/// let berlin: TimeZone = "Europe/Berlin".parse().unwrap();
/// assert_eq!(at.with_timezone(&berlin).format("%d.%m. %H:%M %Z").to_string(), "02.07. 00:30 CEST");
/// # }
/// ```
///
/// The time zone of a request is [`Request::time_zone`](crate::Request::time_zone), and that of the application, which `TIME_ZONE` in
/// the settings names, [`Application::time_zone`](crate::Application::time_zone).
#[derive(Clone, Copy, Default)]
pub struct TimeZone(Option<&'static Zone>);

impl TimeZone {
    /// UTC.
    pub const UTC: TimeZone = TimeZone(None);

    /// Returns the name: `UTC`, `Europe/Berlin`.
    pub fn name(self) -> &'static str {
        self.0.map_or("UTC", Zone::name)
    }

    /// Returns the names of all time zones, for a field with choices. Without the feature `time-zones`, there is only `UTC`.
    ///
    /// ```
    /// use lback::TimeZone;
    /// use lback::forms::Field;
    ///
    /// let field = Field::text("time_zone").choices(TimeZone::names());
    /// # assert!(TimeZone::names().any(|name| name == "UTC"));
    /// ```
    pub fn names() -> impl Iterator<Item = &'static str> {
        database::names()
    }

    /// Returns the first moment of a day. That is not always midnight: some time zones set their clocks forward at midnight.
    ///
    /// ```
    /// use lback::TimeZone;
    /// use lback::chrono::{DateTime, Days, NaiveDate, Utc};
    ///
    /// fn is_on(at: DateTime<Utc>, day: NaiveDate, zone: TimeZone) -> bool {
    ///     zone.start_of_day(day) <= at && at < zone.start_of_day(day + Days::new(1))
    /// }
    /// assert!(is_on("2026-07-01T23:59:59Z".parse().unwrap(), "2026-07-01".parse().unwrap(), TimeZone::UTC));
    /// ```
    pub fn start_of_day(self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.and_time(NaiveTime::MIN);
        if let Some(start) = self.from_local_datetime(&midnight).earliest() {
            return start.to_utc();
        }
        // The clocks skip midnight. The day starts at the moment at which they are set forward.
        let utc = midnight.and_utc();
        let mut before = utc.checked_sub_days(Days::new(2)).unwrap_or(utc);
        let mut start = utc.checked_add_days(Days::new(1)).unwrap_or(utc);
        while start - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((start - before).num_seconds() / 2);
            if self.local(middle).date() < day { before = middle } else { start = middle }
        }
        start
    }

    /// Returns the moment of a local time, or `None` if the clocks skip this time, because they are set forward. A time that they show
    /// twice, because they are set back, is the first of both.
    pub fn moment(self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        Some(self.from_local_datetime(&local).earliest()?.to_utc())
    }

    /// Returns the time that the clocks show.
    pub fn local(self, at: DateTime<Utc>) -> NaiveDateTime {
        // The first and the last representable times have no local time everywhere.
        let offset = self.offset_from_utc_datetime(&at.naive_utc()).fix();
        at.naive_utc().checked_add_offset(offset).unwrap_or(at.naive_utc())
    }
}

impl PartialEq for TimeZone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for TimeZone {}

impl Hash for TimeZone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl FromStr for TimeZone {
    type Err = UnknownTimeZone;

    /// Finds a time zone by its name, in any case.
    fn from_str(name: &str) -> Result<Self, UnknownTimeZone> {
        if name.eq_ignore_ascii_case("UTC") {
            return Ok(TimeZone::UTC);
        }
        database::find(name).map(|zone| TimeZone(Some(zone))).ok_or_else(|| UnknownTimeZone::new(name))
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TimeZone").field(&self.name()).finish()
    }
}

impl Serialize for TimeZone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
