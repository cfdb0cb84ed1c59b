//! What one request did to a session's data, so that it can be done again on top of what another request wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lback_core::{Error, Result};
use serde_json::Value;

use crate::store::Data;

/// Makes the new value of a key from its old one; `None` stands for no value.
pub(crate) type UpdateFn = Arc<dyn Fn(Option<&Value>) -> Result<Option<Value>> + Send + Sync>;

/// Notes how keys came to their values, while the request works on the session.
#[derive(Clone, Default)]
pub(crate) struct Notes(BTreeMap<String, Note>);

#[derive(Clone)]
enum Note {
    /// The value does not depend on the one it had.
    Set,
    /// The value was computed from the one it had.
    Update(Vec<UpdateFn>),
}

impl Notes {
    /// The key gets a value that does not depend on the one it had.
    pub(crate) fn set(&mut self, key: &str) {
        match self.0.get_mut(key) {
            Some(note) => *note = Note::Set,
            None => drop(self.0.insert(key.to_owned(), Note::Set)),
        }
    }

    /// What was done to the key so far has left it as it was loaded.
    pub(crate) fn unset(&mut self, key: &str) {
        if matches!(self.0.get(key), Some(Note::Set)) {
            self.0.remove(key);
        }
    }

    /// The key's value is computed from the one it had.
    pub(crate) fn update(&mut self, key: &str, step: UpdateFn) {
        match self.0.get_mut(key) {
            // On top of a value that this request has set, the result is this request's too.
            Some(Note::Set) => {}
            Some(Note::Update(steps)) => steps.push(step),
            None => drop(self.0.insert(key.to_owned(), Note::Update(vec![step]))),
        }
    }

    /// Could what was done have made `data` differ from `loaded` under this key, there or on top of other data?
    pub(crate) fn touch(&self, key: &str, loaded: &Data, data: &Data) -> bool {
        matches!(self.0.get(key), Some(Note::Update(_))) || loaded.get(key) != data.get(key)
    }

    /// Does to `fresh` what made `data` of `loaded`.
    ///
    /// A key that was set or removed keeps what this request gave it; a key that was only changed through `update` (or by
    /// flash messages) is computed anew from what is there; every other key keeps what is there.
    ///
    /// # Errors
    /// Where an `update` does not understand the value that is there now.
    pub(crate) fn apply_to(&self, fresh: &Data, loaded: &Data, data: &Data) -> Result<Data> {
        let mut result = fresh.clone();
        let keys: BTreeSet<&String> = loaded.keys().chain(data.keys()).chain(self.0.keys()).collect();
        for key in keys {
            match self.0.get(key) {
                Some(Note::Update(steps)) => {
                    let mut value = fresh.get(key).cloned();
                    for step in steps {
                        value = run(step, value.as_ref())?;
                    }
                    put(&mut result, key, value);
                }
                _ if loaded.get(key) != data.get(key) => put(&mut result, key, data.get(key).cloned()),
                _ => {}
            }
        }
        Ok(result)
    }
}

/// An application's closure must not take down the thread that writes for every session.
fn run(step: &UpdateFn, value: Option<&Value>) -> Result<Option<Value>> {
    catch_unwind(AssertUnwindSafe(|| step(value))).unwrap_or_else(|_| Err(Error::internal("an update of the session panicked")))
}

pub(crate) fn put(data: &mut Data, key: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(set(data, key, value)),
        None => drop(data.remove(key)),
    }
}

/// Puts a value under a key. Answers the one that was there.
pub(crate) fn set(data: &mut Data, key: &str, value: Value) -> Option<Value> {
    match data.get_mut(key) {
        Some(place) => Some(std::mem::replace(place, value)),
        None => data.insert(key.to_owned(), value),
    }
}
