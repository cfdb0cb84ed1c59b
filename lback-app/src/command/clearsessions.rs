//! The command `clearsessions`.

use super::CommandSpec;
use super::spec::none;

pub(crate) fn command() -> CommandSpec {
    CommandSpec::new("clearsessions", "deletes expired sessions\nA running server also deletes them from time to time.", |command| {
        command.require_migrations()?;
        let deleted = command.ready().sessions()?.clear_expired()?;
        command.print(format!("deleted {deleted} expired sessions"));
        Ok(())
    })
    .arguments(none)
}
