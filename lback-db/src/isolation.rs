//! How much a transaction sees of what others commit while it runs.

use serde::Deserialize;

/// The isolation of a request's transaction on PostgreSQL. A transaction of SQLite always sees one state of the database and never
/// meets another writer, so there is no difference there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Isolation {
    /// Each statement sees what was committed before it began. Statements that only read run without a transaction until the request
    /// writes.
    #[default]
    #[serde(rename = "read committed")]
    ReadCommitted,
    /// All statements see what was committed before the first one began. The request gets 503 if it changes a row that another one has
    /// changed in the meantime.
    #[serde(rename = "repeatable read")]
    RepeatableRead,
    /// As if transactions ran one after another. A request that cannot be fitted in gets 503, even if it only reads.
    #[serde(rename = "serializable")]
    Serializable,
}

#[cfg(feature = "postgres")]
impl Isolation {
    /// Returns the name that PostgreSQL and the settings have for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Isolation::ReadCommitted => "read committed",
            Isolation::RepeatableRead => "repeatable read",
            Isolation::Serializable => "serializable",
        }
    }

    pub(crate) fn begin(self) -> &'static str {
        match self {
            Isolation::ReadCommitted => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Isolation::RepeatableRead => "BEGIN ISOLATION LEVEL REPEATABLE READ",
            Isolation::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE",
        }
    }

    /// Returns whether statements that only read may run outside of the transaction: each then sees another state of the database.
    pub(crate) fn sees_each_commit(self) -> bool {
        self == Isolation::ReadCommitted
    }
}
