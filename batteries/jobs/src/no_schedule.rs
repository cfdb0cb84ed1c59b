//! Stands for schedules if their feature is off.

use chrono::{DateTime, Utc};
use lback_core::{ProgramResult, Result, TimeZone};
use lback_db::Db;

use crate::registry::Registry;

/// A schedule. Without the feature, there are none.
#[derive(Clone, Debug)]
pub(crate) enum Schedule {}

impl Schedule {
    pub(crate) fn prepare(&mut self, _: &Registry, _: TimeZone) -> ProgramResult {
        match *self {}
    }

    pub(crate) fn name_in_use(&self) -> &str {
        match *self {}
    }

    pub(crate) fn expression(&self) -> &str {
        match *self {}
    }

    pub(crate) fn zone_in_use(&self) -> TimeZone {
        match *self {}
    }

    pub(crate) fn next(&self, _: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match *self {}
    }

    pub(crate) fn begin(&self, _: &mut Db) -> Result<()> {
        match *self {}
    }

    pub(crate) fn last(&self, _: &mut Db) -> Result<Option<DateTime<Utc>>> {
        match *self {}
    }

    pub(crate) fn run(&self, _: &mut Db) -> Result<Option<DateTime<Utc>>> {
        match *self {}
    }
}
