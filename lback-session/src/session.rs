//! The session of one request.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_core::{Error, Result, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::changes::{FlashStep, Notes, UpdateFn, same, same_data, set};
use crate::flash::Viewing;
use crate::storable::to_value;
use crate::store::{Data, Record, user_id};
use crate::{Expiry, Flash, SessionId, SessionManager, SessionMeta};

/// The session of a request's visitor: a small map from text to JSON that outlives the request.
///
/// ```
/// # use lback::{Request, Result};
/// use lback::session::RequestSession;
///
/// fn index(req: &mut Request) -> Result<String> {
///     let visits = req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
///     Ok(format!("visit {visits}"))
/// }
/// ```
///
/// Changes are saved when the request ends, together with the view's database work. They are lost if the response has a status of 500
/// or above.
pub struct AppSession {
    manager: SessionManager,
    /// The stored session, as it was loaded; `None` if it is new.
    base: Option<Record>,
    id: SessionId,
    /// Shared with `base` until they are changed.
    data: Arc<Data>,
    meta: SessionMeta,
    notes: Notes,
    cycle: bool,
    /// The new id if it is rotated.
    fresh_id: OnceCell<SessionId>,
    /// Sessions that end with this request.
    deleted: Vec<SessionId>,
    created_at: DateTime<Utc>,
    now: DateTime<Utc>,
    accessed: Cell<bool>,
    viewing: Viewing,
    state: State,
    /// The id that the request carries, if that session was ended in the last minute. Nothing of this one is stored then.
    late_for: Option<SessionId>,
}

/// Shows no data.
impl fmt::Debug for AppSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppSession").field("id", &self.id).field("created_at", &self.created_at).finish_non_exhaustive()
    }
}

enum State {
    Open,
    /// The store could not be read, or there is no `SessionMiddleware`. Nothing can be read or written.
    Broken(StatusCode, String),
    /// The response is on its way.
    Finished,
}

static NULL: Value = Value::Null;

impl AppSession {
    /// Returns the session of `record`, or a new one. A client's unknown id is never adopted.
    pub(crate) fn new(manager: SessionManager, record: Option<Record>) -> Self {
        let now = manager.clock().now();
        AppSession {
            id: record.as_ref().map_or_else(SessionId::random, |record| record.id),
            data: record.as_ref().map(|record| record.data.clone()).unwrap_or_default(),
            meta: record.as_ref().map(|record| record.meta.clone()).unwrap_or_default(),
            created_at: record.as_ref().map_or(now, |record| record.created_at),
            base: record,
            manager,
            notes: Notes::default(),
            cycle: false,
            fresh_id: OnceCell::new(),
            deleted: Vec::new(),
            now,
            accessed: Cell::new(false),
            viewing: Viewing::default(),
            state: State::Open,
            late_for: None,
        }
    }

    /// Returns an empty session for a request whose own session, with this id, was ended in the last minute.
    pub(crate) fn late(manager: SessionManager, id: SessionId) -> Self {
        let mut session = Self::new(manager, None);
        session.late_for = Some(id);
        session
    }

    /// Sets who will see the page of the request.
    pub(crate) fn viewed_by(mut self, viewing: Viewing) -> Self {
        self.viewing = viewing;
        self
    }

    pub(crate) fn broken(manager: SessionManager, status: StatusCode, why: String) -> Self {
        let mut session = Self::new(manager, None);
        session.state = State::Broken(status, why);
        session
    }

    fn usable(&self) -> Result<()> {
        self.accessed.set(true);
        match &self.state {
            State::Open => Ok(()),
            State::Broken(status, why) => Err(Error::new(*status, why.clone())),
            State::Finished => Err(Error::internal(
                "the session was saved and its response is on its way; what is written now would be lost. Write before \
                 next.run(req) returns",
            )),
        }
    }

    /// Reading is allowed while the response is on its way, for example for an error page.
    fn readable(&self) -> Result<()> {
        self.accessed.set(true);
        if matches!(self.state, State::Finished) { Ok(()) } else { self.usable() }
    }

    /// For methods that return no `Result`.
    fn usable_or_log(&self) -> bool {
        self.usable().inspect_err(|error| tracing::error!(target: "lback::session", id = %self.id, %error, "session not changed")).is_ok()
    }

    // ---- reading

    /// Returns the value of `key`, or `None` if there is none.
    ///
    /// # Errors
    /// Returns 500, with the key, if the value is not a `T`, and 503 if the store cannot be read.
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        self.readable()?;
        match self.data.get(key) {
            None => Ok(None),
            Some(value) => typed(key, value).map(Some),
        }
    }

    /// Returns whether `key` has a value.
    pub fn contains_key(&self, key: &str) -> bool {
        self.accessed.set(true);
        self.data.contains_key(key)
    }

    /// Returns the keys, in alphabetical order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(key, _)| key)
    }

    /// Returns the keys and values, in the alphabetical order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.accessed.set(true);
        self.data.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.accessed.set(true);
        self.data.len()
    }

    /// Returns whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // ---- writing

    /// Puts `value` under `key`.
    ///
    /// # Errors
    /// Returns 500, with the key, if the value cannot be JSON (a float that is not finite cannot) or is nested more than 120 levels
    /// deep; 500 if the response is on its way; 503 if the store could not be read.
    #[track_caller]
    pub fn insert<T: Serialize>(&mut self, key: &str, value: T) -> Result<()> {
        self.usable()?;
        let value = to_value(key, &value)?;
        self.notes.set(key);
        set(self.data_mut(), key, value);
        Ok(())
    }

    /// Computes the new value of `key` from the old one, and returns it.
    ///
    /// Use it to count and to collect: if another request changes the same session at the same time, `f` runs again on the value that
    /// the other has saved, so no change is lost. `f` must only compute, without side effects.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`insert`](Self::insert).
    #[track_caller]
    pub fn update<T, U, F>(&mut self, key: &str, f: F) -> Result<U>
    where
        T: DeserializeOwned,
        U: Serialize,
        F: Fn(Option<T>) -> U + Send + Sync + 'static,
    {
        self.usable()?;
        let old = match self.data.get(key) {
            Some(value) => Some(typed(key, value)?),
            None => None,
        };
        let new = f(old);
        let value = to_value(key, &new)?;
        let name = key.to_owned();
        let step: UpdateFn = Arc::new(move |old| {
            let old = old.map(|value| typed(&name, value)).transpose()?;
            Ok(Some(to_value(&name, &f(old))?))
        });
        self.note_update(key, step);
        set(self.data_mut(), key, value);
        Ok(new)
    }

    /// Returns the value of `key`, for changes in place.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        if !self.usable_or_log() || !self.data.contains_key(key) {
            return None;
        }
        self.notes.set(key);
        self.data_mut().get_mut(key)
    }

    /// Removes `key` and returns its value.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        if !self.usable_or_log() {
            return None;
        }
        self.notes.set(key);
        self.data_mut().remove(key)
    }

    /// Removes `key` and returns its value as a `T`.
    ///
    /// # Errors
    /// As [`get`](Self::get); the value is kept then.
    #[track_caller]
    pub fn pop<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>> {
        self.usable()?;
        let value = self.get(key)?;
        self.remove(key);
        Ok(value)
    }

    /// Removes all keys. The session itself stays, with [its expiry](Self::set_expiry) and messages for the next page.
    pub fn clear(&mut self) {
        let keys: Vec<String> = self.data.keys().cloned().collect();
        for key in keys {
            self.remove(&key);
        }
    }

    // ---- flash messages

    /// Leaves a message for the next page.
    pub fn flash(&mut self, category: &str, message: &str) {
        if self.usable_or_log() {
            self.flash_step(FlashStep::Add(Flash { category: category.to_owned(), message: message.to_owned() }));
        }
    }

    /// Takes the messages that were left, oldest first. They stay for the next page if nobody sees the page of this request: if it is a
    /// HEAD, a prefetch or prerender by the browser (which gets none), a redirect, a 304, or if it fails.
    pub fn take_flashes(&mut self) -> Vec<Flash> {
        self.accessed.set(true);
        // An error page is made when the session has been saved, so it cannot take them: they wait for the next page.
        if !matches!(self.state, State::Open) || self.viewing == Viewing::Ahead {
            return Vec::new();
        }
        let flashes = self.meta.flashes.clone();
        if !flashes.is_empty() && self.viewing != Viewing::Head {
            self.flash_step(FlashStep::Take(flashes.clone()));
        }
        flashes
    }

    /// Returns the taken messages to the session for the next page, since nobody sees this one.
    pub(crate) fn leave_taken_flashes(&mut self) {
        if self.notes.take_no_flashes() {
            let loaded = self.base.as_ref().map(|base| base.meta.flashes.clone()).unwrap_or_default();
            self.meta.flashes = self.notes.flashes_after(loaded);
        }
    }

    fn flash_step(&mut self, step: FlashStep) {
        step.apply(&mut self.meta.flashes);
        self.notes.flash(step);
    }

    /// Records an update, before the value changes.
    fn note_update(&mut self, key: &str, step: UpdateFn) {
        let loaded = self.base.as_ref().and_then(|base| base.data.get(key));
        if same(loaded, self.data.get(key)) {
            self.notes.unset(key);
        }
        self.notes.update(key, step);
    }

    // ---- the session itself

    /// Returns whether this session is not stored yet.
    pub fn is_new(&self) -> bool {
        self.base.is_none()
    }

    /// Returns whether the session differs from the stored one: in its data, its messages for the next page, or its expiry.
    pub fn modified(&self) -> bool {
        match &self.base {
            Some(base) => base.meta != self.meta || !(Arc::ptr_eq(&base.data, &self.data) || same_data(&base.data, &self.data)),
            None => self.holds_something(),
        }
    }

    /// Returns whether the data have been read or written in this request.
    pub fn accessed(&self) -> bool {
        self.accessed.get()
    }

    /// Returns the id. Nobody else knows the id of a new session until it is stored.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Returns the time when the session ends, unless another request uses it before.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at_if_used(self.now)
    }

    /// Gives this session its own expiry, which it keeps until it is deleted. An empty new session is not stored because of this.
    pub fn set_expiry(&mut self, expiry: Expiry) {
        if self.usable_or_log() {
            self.meta.expiry = expiry.in_seconds();
        }
    }

    /// Gives the session a new id, keeping its data. The old id is dead when the request ends.
    ///
    /// This happens automatically when `user_id` changes. Call it for other changes of the session's rights.
    pub fn cycle_id(&mut self) {
        if self.usable_or_log() {
            self.cycle = true;
        }
    }

    /// Ends the session: its data are gone, and its row is deleted when the request ends, whatever the response.
    ///
    /// What is written afterwards belongs to a new session.
    pub fn delete(&mut self) {
        if self.usable_or_log() {
            self.deleted.extend(self.base.take().map(|base| base.id));
            self.id = SessionId::random();
            self.data = Arc::default();
            self.meta = SessionMeta::default();
            self.notes = Notes::default();
            self.cycle = false;
            self.created_at = self.now;
        }
    }

    // ---- the end of the request

    pub(crate) fn manager(&self) -> &SessionManager {
        &self.manager
    }

    pub(crate) fn base(&self) -> Option<&Record> {
        self.base.as_ref()
    }

    pub(crate) fn data(&self) -> &Arc<Data> {
        &self.data
    }

    pub(crate) fn meta(&self) -> &SessionMeta {
        &self.meta
    }

    /// Returns whether there is anything to store in a new session.
    pub(crate) fn holds_something(&self) -> bool {
        !self.data.is_empty() || !self.meta.flashes.is_empty()
    }

    /// Returns the id that the request carries if that session was ended in the last minute, so that nothing of this one is stored.
    /// A login is stored all the same: a user whose session was revoked may log in again at once, and that logs nobody out.
    pub(crate) fn late_for(&self) -> Option<SessionId> {
        self.late_for.filter(|_| self.data.get("user_id").is_none_or(Value::is_null))
    }

    fn data_mut(&mut self) -> &mut Data {
        Arc::make_mut(&mut self.data)
    }

    /// Takes the record of the changes, for a save.
    pub(crate) fn take_notes(&mut self) -> Notes {
        std::mem::take(&mut self.notes)
    }

    pub(crate) fn cycles(&self) -> bool {
        self.cycle
    }

    /// Returns whether the id could be rotated, also if the changes are applied to what another request has saved.
    pub(crate) fn may_rotate(&self) -> bool {
        self.cycle || self.base.as_ref().is_some_and(|base| self.notes.touch("user_id", &base.data, &self.data))
    }

    pub(crate) fn fresh_id(&self) -> SessionId {
        *self.fresh_id.get_or_init(SessionId::random)
    }

    /// Returns whether the visitor has logged in or out, or the id is rotated for another reason.
    pub(crate) fn has_changed_hands(&self) -> bool {
        let before = self.base.as_ref().and_then(|base| base.user_id);
        self.late_for().is_none() && (!self.deleted.is_empty() || self.cycle || before != user_id(&self.data))
    }

    /// Returns the id under which this session will be stored, as far as is known now. `None` for a new session without a user, which
    /// may not be stored at all.
    pub(crate) fn next_id(&self) -> Option<SessionId> {
        match &self.base {
            Some(_) if self.has_changed_hands() => Some(self.fresh_id()),
            Some(base) => Some(base.id),
            None => user_id(&self.data).map(|_| self.id),
        }
    }

    /// Returns the time when the session ends if it is used `now`.
    pub(crate) fn expires_at_if_used(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.manager.config().expires_at(self.meta.expiry, self.created_at, now)
    }

    pub(crate) fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    pub(crate) fn take_deleted(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.deleted)
    }

    /// Returns why the session cannot be used, if it cannot.
    pub(crate) fn why_broken(&self) -> Option<Error> {
        match &self.state {
            State::Broken(status, why) => Some(Error::new(*status, why.clone())),
            _ => None,
        }
    }

    /// Records that the session is stored under this id.
    pub(crate) fn stored_as(&mut self, id: SessionId) {
        self.id = id;
    }

    pub(crate) fn finish(&mut self) {
        if matches!(self.state, State::Open) {
            self.state = State::Finished;
        }
    }
}

/// Deletions happen even if the request does not reach its end, because of a timeout or because its task was dropped.
impl Drop for AppSession {
    fn drop(&mut self) {
        let ids = self.take_deleted();
        if !ids.is_empty() && self.viewing != Viewing::Again {
            self.manager.delete_later(ids);
        }
    }
}

impl Index<&str> for AppSession {
    type Output = Value;

    /// Returns the value of `key`, or `Null` if there is none.
    fn index(&self, key: &str) -> &Value {
        self.accessed.set(true);
        self.data.get(key).unwrap_or(&NULL)
    }
}

#[track_caller]
fn typed<T: DeserializeOwned>(key: &str, value: &Value) -> Result<T> {
    match T::deserialize(value) {
        Ok(value) => Ok(value),
        // Without serde's message, which may quote the value: the contents of sessions do not belong in logs.
        Err(_) => {
            let (found, wanted) = (kind(value), std::any::type_name::<T>());
            Err(Error::internal(format!("the session's \"{key}\" is {found} that is not a {wanted}")))
        }
    }
}

/// Returns the type of a value, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "a null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
