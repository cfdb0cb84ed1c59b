//! What is known of a migration.

/// A migration, and whether it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The name of its folder, below that of its battery (`sessions/00000000000001_create_sessions`); only what is recorded if
    /// the migration is unknown.
    pub name: String,
    /// What it is recorded under: what stands before the first underscore, without hyphens, and behind the name of its battery
    /// (`sessions:00000000000001`).
    pub version: String,
    /// Is it applied?
    pub state: Applied,
    /// The file of an applied migration of the application, if its SQL is not what was applied.
    pub changed: Option<String>,
}

/// Whether a migration is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is.
    Yes,
    /// It is pending.
    No,
    /// The database says it is, and the application does not have it.
    Unknown,
}
