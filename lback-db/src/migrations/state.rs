//! The migrations of an application, compared with those that the database has recorded.

use std::collections::HashSet;

use lback_core::{Error, Result};

use super::migration::{Migration, SEPARATOR};
use super::record::Recorded;
use super::status::{Applied, MigrationStatus};

/// The migrations in use, and those that the database has recorded.
///
/// A squashed migration and those that it replaces are never in use together.
pub(super) struct State {
    pub(super) known: Vec<Migration>,
    pub(super) applied: Vec<Recorded>,
    /// Squashed migrations that are applied, since all that they replace are, and are not recorded yet.
    pub(super) unrecorded: Vec<Migration>,
}

impl State {
    /// # Errors
    /// Returns an error if the database has only some of the migrations that a squashed one replaces, and the others are missing, or if
    /// a squashed one replaces another squashed one.
    pub(super) fn new(mut known: Vec<Migration>, mut applied: Vec<Recorded>) -> Result<Self> {
        let mut unrecorded = Vec::new();
        check_replaced(&known)?;
        for squashed in known.iter().filter(|migration| !migration.replaces.is_empty()).cloned().collect::<Vec<_>>() {
            let is_recorded = |key: &str| applied.iter().any(|recorded| recorded.key == key);
            let (done, missing): (Vec<_>, Vec<_>) = squashed.replaced().partition(|(_, key)| is_recorded(key));
            if !is_recorded(&squashed.key()) && !done.is_empty() && !missing.is_empty() {
                require_files(&squashed, &done, &missing, &known)?;
                known.retain(|migration| migration.key() != squashed.key());
                continue;
            }
            if missing.is_empty() && !is_recorded(&squashed.key()) {
                applied.push(Recorded { key: squashed.key(), checksum: None });
                unrecorded.push(squashed.clone());
            }
            let replaced: HashSet<String> = squashed.replaced().map(|(_, key)| key).collect();
            known.retain(|migration| !replaced.contains(&migration.key()));
            applied.retain(|recorded| !replaced.contains(&recorded.key));
        }
        Ok(State { known, applied, unrecorded })
    }

    pub(super) fn is_applied(&self, migration: &Migration) -> bool {
        let key = migration.key();
        self.applied.iter().any(|recorded| recorded.key == key)
    }

    /// Returns the pending migrations, in order.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Migration> {
        self.known.iter().filter(|migration| !self.is_applied(migration))
    }

    /// Returns whether a pending migration of the application is older than one that is applied: it comes from another branch.
    pub(super) fn is_late(&self, migration: &Migration) -> bool {
        let own = self.applied.iter().filter(|recorded| !recorded.key.contains(SEPARATOR));
        migration.battery.is_none() && !self.is_applied(migration) && own.into_iter().any(|recorded| recorded.key > migration.version)
    }

    /// Returns the migration with a recorded key.
    pub(super) fn find(&self, key: &str) -> Option<&Migration> {
        self.known.iter().find(|migration| migration.key() == key)
    }

    /// Returns the status of every migration.
    pub(super) fn status(&self) -> Vec<MigrationStatus> {
        let recorded = |key: &str| self.applied.iter().find(|recorded| recorded.key == key);
        let of_known = self.known.iter().map(|migration| {
            let key = migration.key();
            let recorded = recorded(&key);
            let checksum = recorded.and_then(|recorded| recorded.checksum.as_deref()).filter(|_| migration.battery.is_none());
            MigrationStatus {
                name: migration.title(),
                version: key,
                state: if recorded.is_some() { Applied::Yes } else { Applied::No },
                is_late: self.is_late(migration),
                changed: checksum.filter(|checksum| *checksum != migration.checksum()).map(|_| migration.place.clone()),
            }
        });
        let mut all: Vec<MigrationStatus> = of_known.collect();
        for Recorded { key, .. } in &self.applied {
            if all.iter().all(|known| known.version != *key) {
                // Unknown migrations are sorted among the application's, by version.
                let at = all.iter().rposition(|known| known.version.contains(SEPARATOR) || known.version < *key).map_or(0, |last| last + 1);
                let (name, version) = (key.clone(), key.clone());
                all.insert(at, MigrationStatus { name, version, state: Applied::Unknown, is_late: false, changed: None });
            }
        }
        all
    }
}

/// Checks that squashed migrations, which `metadata.toml` may name by hand, do not replace each other: none of them would be applied.
fn check_replaced(known: &[Migration]) -> Result<()> {
    let is_squashed = |key: &str| known.iter().any(|migration| !migration.replaces.is_empty() && migration.key() == key);
    for migration in known {
        if let Some((name, _)) = migration.replaced().find(|(_, key)| is_squashed(key)) {
            return Err(Error::internal(format!(
                "the migration {} replaces {name}, which is squashed itself. Correct the list replaces in its metadata.toml",
                migration.title()
            )));
        }
    }
    Ok(())
}

/// Returns an error unless the files of all `missing` migrations are there, so that the database can catch up.
fn require_files(squashed: &Migration, done: &[(&str, String)], missing: &[(&str, String)], known: &[Migration]) -> Result<()> {
    let names = |all: &[(&str, String)]| all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if missing.iter().all(|(_, key)| known.iter().any(|migration| migration.key() == *key)) {
        return Ok(());
    }
    Err(Error::internal(format!(
        "the migration {} replaces several migrations, and the database has only some of them: it has {}, and not {}. Migrate it first \
         with the release before, or bring the folders of those migrations back, as from git, and migrate again",
        squashed.title(),
        names(done),
        names(missing)
    )))
}
