//! The status of a migration.

/// A migration and its status.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationStatus {
    /// The name of its folder, after that of its battery (`sessions/00000000000001_create_sessions`). For an unknown migration, the
    /// recorded version.
    pub name: String,
    /// The recorded key: the part of the name before the first underscore, without hyphens, after the name of its battery
    /// (`sessions:00000000000001`).
    pub version: String,
    /// Whether it is applied.
    pub state: Applied,
    /// Whether it is pending, and older than migrations that are applied already, as after the merge of two branches.
    pub is_late: bool,
    /// The file of an applied migration of the application, if its SQL was changed since.
    pub changed: Option<String>,
}

/// Whether a migration is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is applied.
    Yes,
    /// It is pending.
    No,
    /// The database has it recorded, but the application does not have it.
    Unknown,
}
