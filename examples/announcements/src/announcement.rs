//! The announcement: its row in the database, and the copy in memory that requests read.

use std::sync::{Arc, PoisonError, RwLock};

use lback::prelude::*;
use lback::serde::Serialize;

diesel::table! {
    announcements (id) {
        id -> BigInt,
        text -> Text,
        closes_site -> Bool,
    }
}

/// The table has at most one row.
const ID: i64 = 1;

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(crate = "lback::serde")]
pub struct Announcement {
    pub text: String,
    pub closes_site: bool,
}

impl Announcement {
    pub fn load(db: &mut Db) -> Result<Option<Self>> {
        let row = announcements::table.find(ID).select((announcements::text, announcements::closes_site));
        let row: Option<(String, bool)> = row.first(db).optional()?;
        Ok(row.map(|(text, closes_site)| Announcement { text, closes_site }))
    }

    /// Replaces the announcement, or removes it if `announcement` is `None`.
    pub fn save(db: &mut Db, announcement: Option<&Self>) -> Result<()> {
        diesel::delete(announcements::table).execute(db)?;
        if let Some(Announcement { text, closes_site }) = announcement {
            let row = (announcements::id.eq(ID), announcements::text.eq(text), announcements::closes_site.eq(closes_site));
            diesel::insert_into(announcements::table).values(row).execute(db)?;
        }
        Ok(())
    }
}

/// The copy of the announcement in this process, which saves every page a query.
#[derive(Clone, Default)]
pub struct Current(Arc<RwLock<Option<Announcement>>>);

impl Current {
    pub fn get(&self) -> Option<Announcement> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set(&self, announcement: Option<Announcement>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = announcement;
    }
}
