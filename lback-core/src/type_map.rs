//! A map with one value per type.

use std::any::{Any, TypeId};
use std::fmt;

/// A map that holds at most one value of each type. It stores a request's extensions.
///
/// Crates that build on the core store per-request data here, such as the session and the unit of work, so the core needs no
/// fields for it.
// A request has only a handful of values, for which a linear search is faster than hashing.
#[derive(Default)]
pub struct TypeMap(Vec<(TypeId, Box<dyn Any + Send>)>);

impl fmt::Debug for TypeMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypeMap").field("len", &self.0.len()).finish_non_exhaustive()
    }
}

impl TypeMap {
    /// Inserts `value` and returns the previous value of the same type.
    pub fn insert<T: Send + 'static>(&mut self, value: T) -> Option<T> {
        if let Some(old) = self.get_mut() {
            return Some(std::mem::replace(old, value));
        }
        self.0.push((TypeId::of::<T>(), Box::new(value)));
        None
    }

    /// Returns the value of type `T`.
    pub fn get<T: Send + 'static>(&self) -> Option<&T> {
        self.0.get(self.position::<T>()?)?.1.downcast_ref()
    }

    /// Returns a mutable reference to the value of type `T`.
    pub fn get_mut<T: Send + 'static>(&mut self) -> Option<&mut T> {
        let at = self.position::<T>()?;
        self.0.get_mut(at)?.1.downcast_mut()
    }

    /// Returns the value of type `T`, inserting the result of `make` if there is none.
    pub fn get_or_insert_with<T: Send + 'static>(&mut self, make: impl FnOnce() -> T) -> &mut T {
        let at = self.position::<T>().unwrap_or_else(|| {
            self.0.push((TypeId::of::<T>(), Box::new(make())));
            self.0.len() - 1
        });
        match self.0[at].1.downcast_mut() {
            Some(value) => value,
            None => unreachable!("a value is stored under the id of its own type"),
        }
    }

    /// Removes and returns the value of type `T`.
    pub fn remove<T: Send + 'static>(&mut self) -> Option<T> {
        let at = self.position::<T>()?;
        self.0.swap_remove(at).1.downcast().ok().map(|value| *value)
    }

    fn position<T: 'static>(&self) -> Option<usize> {
        self.0.iter().position(|(id, _)| *id == TypeId::of::<T>())
    }
}
