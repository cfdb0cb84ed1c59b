//! The tables of members, and their statements.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;
use lback_core::Result;
use lback_db::Db;

use super::presence::Member;
use super::store::{self, NewMessage, channel_members, channel_processes};

/// Maximum number of changes in one transaction.
pub(super) const MOST_CHANGES: usize = 200;

/// A member that has joined or left a channel in this process.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) channel: String,
    pub(super) member: Member,
    pub(super) has_joined: bool,
}

impl Change {
    pub(super) fn joined((channel, member): (String, Member)) -> Self {
        Change { channel, member, has_joined: true }
    }

    pub(super) fn left((channel, member): (String, Member)) -> Self {
        Change { channel, member, has_joined: false }
    }

    /// Returns the name of the message to the channel.
    pub(super) fn name(&self) -> &'static str {
        if self.has_joined { "joined" } else { "left" }
    }

    fn message(&self) -> Result<NewMessage> {
        let json = serde_json::to_string(&self.member)?;
        Ok(NewMessage { channel: self.channel.clone(), name: Some(self.name().to_owned()), json })
    }

    /// Returns whether the member is in the channel in any process, alive or dead.
    fn is_present(&self, db: &mut Db) -> QueryResult<bool> {
        let rows =
            channel_members::table.filter(channel_members::channel.eq(&self.channel)).filter(channel_members::member.eq(&self.member.id));
        rows.select(channel_members::process).first::<String>(db).optional().map(|row| row.is_some())
    }
}

/// The state of the table after [`store`].
#[derive(Default)]
pub(super) struct Stored {
    /// `true` if the process had no lease.
    pub(super) is_new: bool,
    /// `true` if more members of dead processes may have to leave.
    pub(super) has_more: bool,
}

/// Stores changes, and broadcasts those that concern the whole channel. If there is a lease, it is extended, and members of processes
/// whose leases have ended leave.
pub(super) fn store(db: &mut Db, process: &str, changes: &[Change], lease: Option<Duration>) -> Result<Stored> {
    one_process_at_a_time(db)?;
    let mut messages = Vec::new();
    let mut stored = Stored::default();
    if let Some(lease) = lease {
        stored.is_new = extend_lease(db, process, lease)?;
        let dead = remove_dead(db)?;
        stored.has_more = dead.len() >= MOST_CHANGES;
        for change in dead {
            if !change.is_present(db)? {
                messages.push(change.message()?);
            }
        }
    }
    let now = db.now().naive_utc();
    for change in changes {
        if change.has_joined {
            if !change.is_present(db)? {
                messages.push(change.message()?);
            }
            let row = (
                channel_members::process.eq(process),
                channel_members::channel.eq(&change.channel),
                channel_members::member.eq(&change.member.id),
                channel_members::label.eq(&change.member.label),
                channel_members::joined_at.eq(now),
            );
            diesel::insert_into(channel_members::table).values(row).on_conflict_do_nothing().execute(db)?;
        } else {
            diesel::delete(channel_members::table.find((&change.channel, &change.member.id, process))).execute(db)?;
            if !change.is_present(db)? {
                messages.push(change.message()?);
            }
        }
    }
    store::insert(db, &messages)?;
    Ok(stored)
}

/// Waits for the changes of other processes. If a member left two processes at the same time, each would otherwise see it in the other
/// one, and neither would tell the channel.
fn one_process_at_a_time(db: &mut Db) -> Result<()> {
    // SQLite has one writer at a time.
    if db.kind().is_server() {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('lback_channel_members'))").execute(db)?;
    }
    Ok(())
}

/// Sets the end of the lease of a process. Returns whether it had none.
pub(super) fn extend_lease(db: &mut Db, process: &str, lease: Duration) -> Result<bool> {
    let until = (db.now() + TimeDelta::from_std(lease).unwrap_or(TimeDelta::minutes(1))).naive_utc();
    let own = channel_processes::table.find(process);
    let is_new = diesel::update(own).set(channel_processes::lease_until.eq(until)).execute(db)? == 0;
    if is_new {
        let row = (channel_processes::process.eq(process), channel_processes::lease_until.eq(until));
        diesel::insert_into(channel_processes::table).values(row).execute(db)?;
    }
    Ok(is_new)
}

/// Removes up to [`MOST_CHANGES`] members of processes whose leases have ended, and returns them.
fn remove_dead(db: &mut Db) -> Result<Vec<Change>> {
    let now = db.now().naive_utc();
    let dead = channel_processes::table.filter(channel_processes::lease_until.lt(now)).for_update().skip_locked();
    let dead: Vec<String> = dead.select(channel_processes::process).load(db)?;
    let mut changes = Vec::new();
    for process in dead {
        let left = i64::try_from(MOST_CHANGES - changes.len()).unwrap_or(0);
        let rows = channel_members::table.filter(channel_members::process.eq(&process)).limit(left);
        let members: Vec<(String, String, String)> =
            rows.select((channel_members::channel, channel_members::member, channel_members::label)).load(db)?;
        for (channel, id, label) in members {
            diesel::delete(channel_members::table.find((&channel, &id, &process))).execute(db)?;
            changes.push(Change::left((channel, Member { id, label })));
        }
        if changes.len() >= MOST_CHANGES {
            // The rest follows. The row of the process says so.
            return Ok(changes);
        }
        diesel::delete(channel_processes::table.find(&process)).execute(db)?;
    }
    Ok(changes)
}

/// Returns the members of a channel, in the order in which they joined.
pub(super) fn list(db: &mut Db, channel: &str) -> Result<Vec<Member>> {
    let now = db.now().naive_utc();
    let alive = channel_processes::table.filter(channel_processes::lease_until.ge(now)).select(channel_processes::process);
    let rows = channel_members::table.filter(channel_members::channel.eq(channel)).filter(channel_members::process.eq_any(alive));
    let rows: Vec<(String, String)> = rows
        .order((channel_members::joined_at, channel_members::member))
        .select((channel_members::member, channel_members::label))
        .load(db)?;
    let mut known = HashSet::new();
    let new = |(id, label): (String, String)| known.insert(id.clone()).then_some(Member { id, label });
    Ok(rows.into_iter().filter_map(new).collect())
}

/// Returns channels with the labels of their members in living processes, up to 1,000.
pub(super) fn names(db: &mut Db) -> Result<Vec<(String, String)>> {
    let now = db.now().naive_utc();
    let alive = channel_processes::table.filter(channel_processes::lease_until.ge(now)).select(channel_processes::process);
    let rows = channel_members::table.filter(channel_members::process.eq_any(alive)).limit(1000);
    let mut names: Vec<(String, String)> = rows.select((channel_members::channel, channel_members::label)).load(db)?;
    names.sort();
    names.dedup();
    Ok(names)
}
