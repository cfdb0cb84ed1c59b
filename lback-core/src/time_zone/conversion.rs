//! Makes [`TimeZone`] a time zone of chrono.

use std::fmt;

use chrono::{Days, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset};

use super::TimeZone;

/// The offset of a [`TimeZone`] from UTC at a moment.
#[derive(Clone, Copy, PartialEq)]
pub struct TimeZoneOffset {
    zone: TimeZone,
    offset: FixedOffset,
    abbreviation: &'static str,
}

impl Offset for TimeZoneOffset {
    fn fix(&self) -> FixedOffset {
        self.offset
    }
}

/// Shows the abbreviation, such as `CEST`: what `%Z` stands for in a format.
impl fmt::Display for TimeZoneOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.abbreviation)
    }
}

impl fmt::Debug for TimeZoneOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl chrono::TimeZone for TimeZone {
    type Offset = TimeZoneOffset;

    fn from_offset(offset: &TimeZoneOffset) -> Self {
        offset.zone
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<TimeZoneOffset> {
        self.offset_from_local_datetime(&local.and_time(NaiveTime::MIN))
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<TimeZoneOffset> {
        // A change of the offset concerns local times that are less than a day away: offsets are between -24 and 24 hours.
        let at = |day: Option<NaiveDateTime>| self.offset_from_utc_datetime(&day.unwrap_or(*local));
        let (before, after) = (at(local.checked_sub_days(Days::new(1))), at(local.checked_add_days(Days::new(1))));
        let holds = |offset: &TimeZoneOffset| {
            let utc = local.checked_sub_offset(offset.offset);
            utc.is_some_and(|utc| self.offset_from_utc_datetime(&utc).offset == offset.offset)
        };
        match (holds(&before), holds(&after)) {
            (true, true) if before.offset != after.offset => MappedLocalTime::Ambiguous(before, after),
            (true, _) => MappedLocalTime::Single(before),
            (false, true) => MappedLocalTime::Single(after),
            (false, false) => MappedLocalTime::None,
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> TimeZoneOffset {
        self.offset_from_utc_datetime(&utc.and_time(NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> TimeZoneOffset {
        let found = self.0.and_then(|zone| zone.offset(utc.and_utc().timestamp()));
        let (offset, abbreviation) = found.unwrap_or((chrono::Utc.fix(), "UTC"));
        TimeZoneOffset { zone: *self, offset, abbreviation }
    }
}
