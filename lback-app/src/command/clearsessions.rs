//! The command `clearsessions`.

use super::CommandSpec;
use super::spec::none;

pub(crate) fn command() -> CommandSpec {
    CommandSpec::new("clearsessions", "deletes expired sessions\nA server does this by itself every now and then.", |command| {
        command.require_migrations()?;
        println!("deleted {} expired sessions", command.ready().sessions()?.clear_expired()?);
        Ok(())
    })
    .arguments(none)
}
