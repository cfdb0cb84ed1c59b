//! Writes the changes of a transaction into the table `cache_changes`, with its commit.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use diesel::prelude::*;
use lback_db::{ChangeRecorder, Changes, Db};

use super::graph::Graph;
use super::log::Log;
use super::slots::{self, EVERYTHING, Slot};

/// The most slots that are written one by one.
const MOST: usize = 256;

/// Tables that only the framework changes, all the time, and that no value can depend on.
const UNRECORDED: [&str; 15] = [
    "__lback_session_ends",
    "auth_attempts",
    "cache_changes",
    "cache_entries",
    "channel_members",
    "channel_messages",
    "channel_processes",
    "idempotency_keys",
    "job_batches",
    "job_counts",
    "job_queue",
    "job_schedules",
    "rate_limits",
    "sessions",
    "sqlite_sequence",
];

/// Returns whether changes of the table are recorded.
pub(crate) fn is_recorded(table: &str) -> bool {
    !UNRECORDED.contains(&table)
}

/// The knowledge of this process about the database: its changes, and the tables that change along with others.
pub(crate) struct Knowledge {
    pub(crate) log: RwLock<Log>,
    graph: RwLock<Option<Arc<Graph>>>,
}

impl Knowledge {
    pub(crate) fn new() -> Self {
        Knowledge { log: RwLock::new(Log::new()), graph: RwLock::default() }
    }

    /// Returns the graph of the tables, if it has been read.
    pub(crate) fn known_graph(&self) -> Option<Arc<Graph>> {
        self.graph.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the graph of the tables, which is read again if it is `outdated`.
    pub(crate) fn graph(&self, db: &mut Db, outdated: impl FnOnce(&Graph) -> bool) -> QueryResult<Arc<Graph>> {
        match self.known_graph().filter(|graph| !outdated(graph)) {
            Some(graph) => Ok(graph),
            None => {
                let graph = Arc::new(Graph::read(db)?);
                *self.graph.write().unwrap_or_else(PoisonError::into_inner) = Some(graph.clone());
                Ok(graph)
            }
        }
    }
}

/// Returns the slots of the changes.
fn slots_of(graph: &Graph, changes: &Changes) -> BTreeSet<Slot> {
    let mut found = BTreeSet::new();
    let all = |table: &str, found: &mut BTreeSet<Slot>| found.extend([slots::of_table(table), slots::of_all_rows(table)]);
    for (table, change) in changes.tables() {
        if !is_recorded(table) {
            continue;
        }
        if !graph.has(table) {
            found.insert(EVERYTHING);
        }
        match &change.rows {
            Some(rows) => {
                found.insert(slots::of_table(table));
                found.extend(rows.iter().map(|key| slots::of_row(table, key)));
            }
            None => all(table, &mut found),
        }
        graph.follow(table, change.verbs, &mut |table| all(table, &mut found));
    }
    if changes.is_everything() || found.len() > MOST || changes.calls().any(|name| graph.may_change_tables(name)) {
        found.insert(EVERYTHING);
    }
    found
}

/// Returns whether uncommitted changes of a request may concern one of these slots.
pub(crate) fn concern(knowledge: &Knowledge, changes: &Changes, of: &[Slot]) -> bool {
    if changes.is_empty() {
        return false;
    }
    match knowledge.known_graph() {
        Some(graph) => slots_of(&graph, changes).iter().any(|slot| *slot == EVERYTHING || of.contains(slot)),
        None => true,
    }
}

/// Returns SQL that inserts a row.
pub(crate) fn insert(db: &Db, slots: &str) -> String {
    let now = chrono::Utc::now().timestamp();
    match db.kind().is_server() {
        true => format!("INSERT INTO cache_changes (id, slots, created_at) VALUES (pg_current_xact_id()::text::bigint, '{slots}', {now})"),
        false => format!("INSERT INTO cache_changes (slots, created_at) VALUES ('{slots}', {now})"),
    }
}

/// Records that every table may have changed.
pub(crate) fn change_everything(db: &mut Db) -> QueryResult<()> {
    let sql = insert(db, &EVERYTHING.to_string());
    db.unrecorded(|db| diesel::sql_query(sql).execute(db)).map(drop)
}

pub(crate) struct Recorder(pub(crate) Arc<Knowledge>);

impl ChangeRecorder for Recorder {
    fn mark(&self) -> u64 {
        let last = self.0.log.read().unwrap_or_else(PoisonError::into_inner).seen().xmax - 1;
        u64::try_from(last).unwrap_or_default()
    }

    fn statement(&self, db: &mut Db, changes: &Changes) -> QueryResult<Option<String>> {
        let unknown = |graph: &Graph| changes.tables().any(|(table, _)| is_recorded(table) && !graph.has(table));
        let graph = self.0.graph(db, unknown)?;
        let slots = slots_of(&graph, changes);
        if slots.is_empty() {
            return Ok(None);
        }
        let mut text = String::new();
        match slots.contains(&EVERYTHING) {
            true => text.push('0'),
            false => slots.iter().enumerate().for_each(|(at, slot)| {
                let _ = write!(text, "{}{slot}", if at > 0 { "," } else { "" });
            }),
        }
        Ok(Some(insert(db, &text)))
    }
}
