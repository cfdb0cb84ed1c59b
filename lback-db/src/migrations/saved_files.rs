//! Waits for migrations that are being edited.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use super::migration::Migration;

/// Minimum interval between two checks of the files.
const TICK: Duration = Duration::from_millis(100);

/// How long a start waits while files continue to be saved.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns whether a file of the migration was saved less than `quiet` ago.
pub(super) fn is_fresh(migration: &Migration, quiet: Duration) -> bool {
    age(migration).is_some_and(|age| age < quiet)
}

/// Waits until the files of all `pending` migrations have not been saved for `quiet`, or the wait has become too long.
pub(super) fn wait<E>(quiet: Duration, pending: impl Fn() -> Result<Vec<Migration>, E>) -> Result<(), E> {
    let mut waited = Duration::ZERO;
    while let Some(age) = pending()?.iter().filter_map(age).min().filter(|age| *age < quiet && waited < PATIENCE) {
        if waited.is_zero() {
            tracing::info!(target: "lback::db", "a migration is being written; it is applied once its files are left alone for {quiet:?}");
        }
        let pause = (quiet - age).max(TICK);
        sleep(pause);
        waited += pause;
    }
    Ok(())
}

/// Returns how long ago a file of the migration was last saved; `None` if it has no files.
fn age(migration: &Migration) -> Option<Duration> {
    let folder = Path::new(&migration.place).parent().filter(|_| migration.is_file)?;
    let files = ["up.sql", "down.sql", "metadata.toml"].map(|file| folder.join(file));
    let saved = files.iter().filter_map(|file| file.metadata().and_then(|file| file.modified()).ok());
    // A time in the future comes from another clock.
    saved.filter_map(|saved| SystemTime::now().duration_since(saved).ok()).min()
}
