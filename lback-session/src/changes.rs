//! What one request did to a session's data, so that it can be done again on top of what another request wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lback_core::{Error, Result};
use serde_json::Value;

use crate::store::Data;

/// Makes the new value of a key from its old one; `None` stands for no value.
pub(crate) type UpdateFn = Arc<dyn Fn(Option<&Value>) -> Result<Option<Value>> + Send + Sync>;

/// The changes of one request to the data of its session.
///
/// A key that was set or removed keeps what this request gave it; a key that was only changed through `update` (or by
/// flash messages) is computed anew from what is there; every other key keeps what is there.
#[derive(Clone, Default)]
pub struct Changes(BTreeMap<String, Change>);

#[derive(Clone)]
enum Change {
    Set(Option<Value>),
    Update(Vec<UpdateFn>),
}

impl Changes {
    /// Could they change the value of this key?
    pub(crate) fn touch(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Does the same to `fresh`.
    ///
    /// # Errors
    /// Where an `update` does not understand the value that is there now.
    pub fn apply_to(&self, fresh: &Data) -> Result<Data> {
        let mut data = fresh.clone();
        for (key, change) in &self.0 {
            let value = match change {
                Change::Set(value) => value.clone(),
                Change::Update(steps) => {
                    let mut value = data.get(key).cloned();
                    for step in steps {
                        value = run(step, value.as_ref())?;
                    }
                    value
                }
            };
            put(&mut data, key, value);
        }
        Ok(data)
    }
}

/// An application's closure must not take down the thread that writes for every session.
fn run(step: &UpdateFn, value: Option<&Value>) -> Result<Option<Value>> {
    catch_unwind(AssertUnwindSafe(|| step(value))).unwrap_or_else(|_| Err(Error::internal("an update of the session panicked")))
}

pub(crate) fn put(data: &mut Data, key: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(data.insert(key.to_owned(), value)),
        None => drop(data.remove(key)),
    }
}

/// Notes how each key came to its value, while the request works on the session.
#[derive(Default)]
pub(crate) struct Notes {
    set: BTreeSet<String>,
    updates: BTreeMap<String, Vec<UpdateFn>>,
}

impl Notes {
    /// The key gets a value that does not depend on the one it had.
    pub(crate) fn set(&mut self, key: &str) {
        self.updates.remove(key);
        if !self.set.contains(key) {
            self.set.insert(key.to_owned());
        }
    }

    /// What was done to the key so far has left it as it was loaded.
    pub(crate) fn unset(&mut self, key: &str) {
        self.set.remove(key);
    }

    /// The key's value is computed from the one it had.
    pub(crate) fn update(&mut self, key: &str, step: UpdateFn) {
        // On top of a value that this request has set, the result is this request's too.
        if !self.set.contains(key) {
            self.updates.entry(key.to_owned()).or_default().push(step);
        }
    }

    /// What to do to fresh data so that `loaded` having become `data` comes true there as well.
    pub(crate) fn changes(&self, loaded: &Data, data: &Data) -> Changes {
        let keys: BTreeSet<&String> = loaded.keys().chain(data.keys()).chain(self.updates.keys()).collect();
        let change = |key: &String| match self.updates.get(key) {
            Some(steps) => Some(Change::Update(steps.clone())),
            None if loaded.get(key) != data.get(key) => Some(Change::Set(data.get(key).cloned())),
            None => None,
        };
        Changes(keys.into_iter().filter_map(|key| Some((key.clone(), change(key)?))).collect())
    }
}
