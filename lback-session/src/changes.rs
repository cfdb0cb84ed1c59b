//! Records the changes of one request to a session, to apply them again to what another request has saved.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lback_core::{Error, Result};
use serde_json::Value;

use crate::store::Data;
use crate::{Flash, SessionMeta};

/// Computes the new value of a key from its old one; `None` stands for no value.
pub(crate) type UpdateFn = Arc<dyn Fn(Option<&Value>) -> Result<Option<Value>> + Send + Sync>;

/// Records how keys got their values during the request.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    keys: BTreeMap<String, Note>,
    flashes: Vec<FlashStep>,
}

/// A change to the flash messages.
#[derive(Clone)]
pub(crate) enum FlashStep {
    Add(Flash),
    /// These messages were shown.
    Take(Vec<Flash>),
}

impl FlashStep {
    pub(crate) fn apply(&self, flashes: &mut Vec<Flash>) {
        match self {
            FlashStep::Add(flash) => flashes.push(flash.clone()),
            FlashStep::Take(taken) => {
                for taken in taken {
                    if let Some(at) = flashes.iter().position(|flash| flash == taken) {
                        flashes.remove(at);
                    }
                }
            }
        }
    }
}

#[derive(Clone)]
enum Note {
    /// The new value does not depend on the old one.
    Set,
    /// The new value was computed from the old one.
    Update(Vec<UpdateFn>),
}

impl Notes {
    /// Records a value that does not depend on the old one.
    pub(crate) fn set(&mut self, key: &str) {
        match self.keys.get_mut(key) {
            Some(note) => *note = Note::Set,
            None => drop(self.keys.insert(key.to_owned(), Note::Set)),
        }
    }

    /// Forgets the changes of a key that is as it was loaded.
    pub(crate) fn unset(&mut self, key: &str) {
        if matches!(self.keys.get(key), Some(Note::Set)) {
            self.keys.remove(key);
        }
    }

    /// Records a value that is computed from the old one.
    pub(crate) fn update(&mut self, key: &str, step: UpdateFn) {
        match self.keys.get_mut(key) {
            // Computed from a value that this request has set, the result is set by this request, too.
            Some(Note::Set) => {}
            Some(Note::Update(steps)) => steps.push(step),
            None => drop(self.keys.insert(key.to_owned(), Note::Update(vec![step]))),
        }
    }

    pub(crate) fn flash(&mut self, step: FlashStep) {
        self.flashes.push(step);
    }

    /// Undoes the taking of messages. Returns whether some were taken.
    pub(crate) fn take_no_flashes(&mut self) -> bool {
        let steps = self.flashes.len();
        self.flashes.retain(|step| matches!(step, FlashStep::Add(_)));
        self.flashes.len() < steps
    }

    /// Returns these messages after the changes.
    pub(crate) fn flashes_after(&self, mut flashes: Vec<Flash>) -> Vec<Flash> {
        self.flashes.iter().for_each(|step| step.apply(&mut flashes));
        flashes
    }

    /// Returns whether the changes could make `data` differ from `loaded` under this key, now or when applied to other data.
    pub(crate) fn touch(&self, key: &str, loaded: &Data, data: &Data) -> bool {
        matches!(self.keys.get(key), Some(Note::Update(_))) || !same(loaded.get(key), data.get(key))
    }

    /// Applies the changes that turned `loaded` into `data` to `fresh`.
    ///
    /// A key that was set or removed keeps the result of this request. A key that was only changed through `update` is computed again
    /// from the fresh value. All other keys keep the fresh value.
    ///
    /// # Errors
    /// Returns an error if an `update` does not accept the fresh value.
    pub(crate) fn apply_to(&self, fresh: &Data, loaded: &Data, data: &Data) -> Result<Data> {
        let mut result = fresh.clone();
        let keys: BTreeSet<&String> = loaded.keys().chain(data.keys()).chain(self.keys.keys()).collect();
        for key in keys {
            match self.keys.get(key) {
                Some(Note::Update(steps)) => {
                    let mut value = fresh.get(key).cloned();
                    for step in steps {
                        value = run(step, value.as_ref())?;
                    }
                    put(&mut result, key, value);
                }
                _ if !same(loaded.get(key), data.get(key)) => put(&mut result, key, data.get(key).cloned()),
                _ => {}
            }
        }
        Ok(result)
    }

    /// Applies the changes that turned `loaded` into `meta` to `fresh`: an expiry that was set wins, and flash messages are added and
    /// taken again.
    pub(crate) fn apply_to_meta(&self, fresh: &SessionMeta, loaded: &SessionMeta, meta: &SessionMeta) -> SessionMeta {
        let expiry = if meta.expiry == loaded.expiry { fresh.expiry } else { meta.expiry };
        SessionMeta { expiry, flashes: self.flashes_after(fresh.flashes.clone()) }
    }
}

/// Returns whether these are equal, bit for bit. For `==`, the floats 0.0 and -0.0 are equal.
pub(crate) fn same(one: Option<&Value>, other: Option<&Value>) -> bool {
    fn signs_agree(one: &Value, other: &Value) -> bool {
        match (one, other) {
            (Value::Number(one), Value::Number(other)) => {
                one.as_f64().is_none_or(|one| other.as_f64().is_none_or(|other| one.is_sign_negative() == other.is_sign_negative()))
            }
            (Value::Array(one), Value::Array(other)) => one.iter().zip(other).all(|(one, other)| signs_agree(one, other)),
            (Value::Object(one), Value::Object(other)) => {
                one.iter().all(|(key, one)| other.get(key).is_some_and(|other| signs_agree(one, other)))
            }
            _ => true,
        }
    }
    match (one, other) {
        (Some(one), Some(other)) => one == other && signs_agree(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// Returns whether these data are equal, bit for bit.
pub(crate) fn same_data(one: &Data, other: &Data) -> bool {
    one.len() == other.len() && one.iter().all(|(key, value)| same(Some(value), other.get(key)))
}

/// Runs an application's closure, whose panic must not end the thread that writes all sessions.
fn run(step: &UpdateFn, value: Option<&Value>) -> Result<Option<Value>> {
    catch_unwind(AssertUnwindSafe(|| step(value))).unwrap_or_else(|_| Err(Error::internal("an update of the session panicked")))
}

pub(crate) fn put(data: &mut Data, key: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(set(data, key, value)),
        None => drop(data.remove(key)),
    }
}

/// Puts a value under a key. Returns the old one.
pub(crate) fn set(data: &mut Data, key: &str, value: Value) -> Option<Value> {
    match data.get_mut(key) {
        Some(place) => Some(std::mem::replace(place, value)),
        None => data.insert(key.to_owned(), value),
    }
}
