//! Writes that are sent together, as one call of a script that runs them one after another.

use std::sync::LazyLock;

use ::redis::{Script, Value};
use chrono::{DateTime, TimeDelta, Utc};
use lback_core::{Error, Result};
use tokio::time::Instant;

use super::Redis;
use super::connection;
use super::encoding::{head, micros, text, user};
use crate::SessionId;
use crate::store::{ENDED_FOR, RENEWAL, Record};

static WRITES: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("writes.lua")));

/// How much longer than its lifetime the server keeps a session, as clocks differ and requests take time.
const GRACE: TimeDelta = TimeDelta::minutes(1);

/// A function of the script, and its arguments.
pub(super) struct Call(&'static str, Vec<String>);

impl Call {
    pub(super) fn create(record: &Record) -> Result<Self> {
        let [expires, now, kept] = times(record.expires_at, record.updated_at);
        let json = serde_json::to_string(&record.data)?;
        Ok(Call("create", vec![record.id.to_string(), user(record.user_id), expires, now, kept, text(record, &json)?]))
    }

    /// Replaces the `found` state of a session by `new`, whose data are `json`.
    pub(super) fn replace(found: &Record, new: &Record, json: &str) -> Result<Self> {
        let [expires, now, kept] = times(new.expires_at, new.updated_at);
        let mut arguments = vec![found.id.to_string(), head(found), text(new, json)?, kept];
        if new.id != found.id || found.user_id.or(new.user_id).is_some() {
            arguments.extend([new.id.to_string(), user(found.user_id), user(new.user_id), expires, now]);
        }
        Ok(Call("replace", arguments))
    }

    pub(super) fn renew(id: SessionId, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let due = micros(expires_at - RENEWAL).to_string();
        let [expires, now, kept] = times(expires_at, now);
        Call("renew", vec![id.to_string(), expires, due, now, kept])
    }

    pub(super) fn find(id: SessionId) -> Self {
        Call("find", vec![id.to_string()])
    }

    pub(super) fn delete(id: SessionId, now: DateTime<Utc>) -> Self {
        Call("delete", vec![id.to_string(), micros(now).to_string()])
    }

    pub(super) fn revoke(user_id: i64, except: Option<SessionId>, now: DateTime<Utc>) -> Self {
        Call("revoke", vec![user_id.to_string(), except.map(|id| id.to_string()).unwrap_or_default(), micros(now).to_string()])
    }

    pub(super) fn ended(id: SessionId) -> Self {
        Call("ended", vec![id.to_string()])
    }

    pub(super) fn list(user_id: i64, now: DateTime<Utc>) -> Self {
        Call("list", vec![user_id.to_string(), micros(now).to_string()])
    }
}

impl Call {
    /// Returns the result of a call that may have run before.
    fn second_answer(&self, answer: Value) -> Result<Value> {
        match (self.0, &answer) {
            // Its id is random, so no other request has created it.
            ("create", Value::Int(0)) => Ok(Value::Int(1)),
            // Its state has changed: by the first call, or by another request.
            ("replace", answer) if *answer != Value::Int(1) => {
                Err(Error::unavailable("the connection to Redis was lost while a session was saved, so it is unknown whether it was"))
            }
            _ => Ok(answer),
        }
    }
}

/// Returns the expiry of a session, the time, and the milliseconds that the server keeps it: a duration, so that the two clocks need
/// not agree.
fn times(expires_at: DateTime<Utc>, now: DateTime<Utc>) -> [String; 3] {
    let kept = (expires_at - now).max(TimeDelta::zero()) + GRACE;
    [micros(expires_at), micros(now), kept.num_milliseconds()].map(|time| time.to_string())
}

/// Runs these calls, and returns their results.
///
/// If the connection is lost, they are run again on a new one. A call that runs twice has the same effect as one that runs once, but
/// it may be unknown which effect that was. Then it fails.
///
/// # Errors
/// Returns an error if Redis does not answer in time; then it is unknown what was written.
pub(super) async fn run(redis: &Redis, calls: impl IntoIterator<Item = &Call>, until: Instant) -> Result<Vec<Result<Value>>> {
    let mut command = ::redis::cmd("EVALSHA");
    let note_kept = (ENDED_FOR + GRACE).num_milliseconds();
    command.arg(WRITES.get_hash()).arg(0).arg(&redis.users).arg(&redis.sessions).arg(&redis.ended).arg(note_kept);
    let calls: Vec<&Call> = calls.into_iter().collect();
    for Call(name, arguments) in &calls {
        command.arg(name).arg(arguments.len()).arg(arguments);
    }
    let (answers, again): (Vec<Value>, bool) = redis.link.run(&WRITES, &command, until).await?;
    let answers = answers.into_iter().map(own);
    if !again {
        return Ok(answers.collect());
    }
    Ok(calls.into_iter().zip(answers).map(|(call, answer)| answer.and_then(|answer| call.second_answer(answer))).collect())
}

/// The result of one call: its answer, unless it failed.
fn own(answer: Value) -> Result<Value> {
    if let Value::Array(values) = &answer
        && let [Value::BulkString(failed), Value::BulkString(why)] = &values[..]
        && failed == b"failed"
    {
        return Err(connection::refused(&String::from_utf8_lossy(why)));
    }
    Ok(answer)
}
