//! The database: its connections, the request's transaction, and the commands for its tables.

use lback_core::Result;
use lback_core::middleware::Slot;
use lback_db::{Database, DbSessionMiddleware, DbSettings};

use crate::CommandSpec;
use crate::battery::{Battery, Setup};
use crate::command::{dbshell, migrate, rollback, showmigrations};
use crate::migrate::require_migrations;

pub(crate) struct DatabaseBattery;

impl Battery for DatabaseBattery {
    fn name(&self) -> &'static str {
        "database"
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![migrate::command(), rollback::command(), showmigrations::command(), dbshell::command()]
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> Result<()> {
        let database = Database::open(&setup.settings().section::<DbSettings>()?, setup.settings().root())?;
        setup.middleware(Slot::Unit, DbSessionMiddleware::new(database.clone()));
        setup.state(database.clone());
        setup.checks(move |app, checks| {
            checks.add("database", database.get().map(drop));
            checks.add("migrations", require_migrations(app));
        });
        Ok(())
    }
}
