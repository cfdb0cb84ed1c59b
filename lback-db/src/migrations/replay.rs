//! Migrations that are applied to an empty database, to see what they make.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use lback_core::{Error, Result};

use super::Migrations;
use super::migration::Migration;
use super::run::Script;
use super::state::State;
use crate::{Db, Kind, Sqlite};

impl Migrations {
    /// Applies all migrations for SQLite to an empty database in memory, and returns it. Migrations without SQL are skipped, and so are
    /// [functions](Self::function), which change rows and may do more than that.
    ///
    /// # Errors
    /// Returns an error that names the migration that failed, or if the folder cannot be read.
    pub fn replay(&self) -> Result<Db> {
        let cannot = |error| Error::internal("a SQLite database in memory cannot be opened").with_source(error);
        let mut db = Db::Sqlite(Sqlite::establish(":memory:").map_err(cannot)?);
        db.batch_execute("PRAGMA foreign_keys = OFF")?;
        for migration in State::new(self.load(Kind::Sqlite)?, Vec::new())?.known {
            if migration.is_blank(Kind::Sqlite) {
                continue;
            }
            let context = format!("the migration {} failed in an empty database", migration.title());
            let Migration { up, place, in_transaction, .. } = &migration;
            let script = Script { sql: up, place, in_transaction: *in_transaction, functions: None, context };
            script.run(&mut db, |_| Ok(()))?;
        }
        Ok(db)
    }
}
