//! The command `clearcache`.

use lback_app::CommandSpec;
use lback_core::ProgramError;

use crate::Cache;

pub(crate) fn clearcache() -> CommandSpec {
    let about = "removes all values from the cache\nWith CACHE_URL = \"memory:\", each process has its own values, which this command does not reach.";
    CommandSpec::new("clearcache", about, |command| {
        let cache = command.app().state::<Cache>().ok_or_else(|| ProgramError::new("this application has no cache"))?;
        if !cache.inner.store.blocks() {
            return Err(ProgramError::new("the values are in the memory of the server. Restart it to remove them"));
        }
        cache.clear()?;
        cache.inner.store.flush();
        command.print("removed all values");
        Ok(())
    })
    .arguments(|arguments| if arguments.is_empty() { Ok(()) } else { Err(String::new()) })
}
