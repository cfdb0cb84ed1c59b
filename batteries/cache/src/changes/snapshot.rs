//! The committed changes that a transaction sees.

use std::fmt;
use std::str::FromStr;

/// The committed changes that are visible, as PostgreSQL describes them: `xmin:xmax:xip`.
///
/// The changes of SQLite have numbers in the order of their commits, so that a snapshot ends at one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// All changes before this number are visible.
    pub(crate) xmin: i64,
    /// No change from this number on is visible.
    pub(crate) xmax: i64,
    /// The invisible changes between the two, in order.
    invisible: Box<[i64]>,
}

impl Snapshot {
    /// Returns the snapshot that sees all changes up to this number.
    pub(crate) fn up_to(last: i64) -> Self {
        Snapshot { xmin: last.saturating_add(1), xmax: last.saturating_add(1), invisible: Box::default() }
    }

    /// Returns whether a change is visible.
    pub(crate) fn sees(&self, change: i64) -> bool {
        change < self.xmin || (change < self.xmax && self.invisible.binary_search(&change).is_err())
    }
}

impl FromStr for Snapshot {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, ':');
        let mut number = || parts.next()?.parse().ok();
        let (xmin, xmax) = (number().ok_or(())?, number().ok_or(())?);
        let list = parts.next().ok_or(())?;
        let mut invisible =
            list.split(',').filter(|id| !id.is_empty()).map(|id| id.parse().map_err(drop)).collect::<Result<Vec<i64>, ()>>()?;
        invisible.sort_unstable();
        Ok(Snapshot { xmin, xmax, invisible: invisible.into() })
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let invisible: Vec<String> = self.invisible.iter().map(ToString::to_string).collect();
        write!(f, "{}:{}:{}", self.xmin, self.xmax, invisible.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::Snapshot;

    #[test]
    fn a_snapshot_sees_what_postgresql_says() {
        let snapshot: Snapshot = "10:20:14,10,15".parse().unwrap();
        let seen: Vec<i64> = (8..22).filter(|change| snapshot.sees(*change)).collect();
        assert_eq!(seen, [8, 9, 11, 12, 13, 16, 17, 18, 19]);
        assert_eq!(snapshot.to_string(), "10:20:10,14,15");
        assert_eq!(Snapshot::up_to(7).to_string(), "8:8:");
        assert!(Snapshot::up_to(7).sees(7) && !Snapshot::up_to(7).sees(8));
        for wrong in ["", "1", "1:2", "a:2:", "1:2:x"] {
            assert!(wrong.parse::<Snapshot>().is_err(), "{wrong}");
        }
    }
}
