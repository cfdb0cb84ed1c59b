//! The tables of the app, and the queries on them.

use lback::prelude::*;

diesel::table! {
    __APP___items (id) {
        id -> BigInt,
        title -> Text,
    }
}

/// A row of the table.
#[derive(Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = __APP___items)]
pub struct Item {
    pub id: i64,
    pub title: String,
}

impl Item {
    /// Returns the newest items.
    pub fn newest(db: &mut Db) -> Result<Vec<Item>> {
        let newest = __APP___items::table.order(__APP___items::id.desc()).limit(20);
        Ok(newest.select(Item::as_select()).load(db)?)
    }

    /// Adds an item.
    pub fn add(db: &mut Db, title: &str) -> Result<()> {
        let item = __APP___items::title.eq(title);
        diesel::insert_into(__APP___items::table).values(item).execute(db)?;
        Ok(())
    }
}
