//! A map with one value per type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map that holds at most one value of each type: a request's extensions.
///
/// Crates above core keep what belongs to a request here (its session, its unit of work), so core needs no field for it.
#[derive(Default)]
pub struct TypeMap(HashMap<TypeId, Box<dyn Any + Send>, BuildHasherDefault<TypeIdHasher>>);

impl TypeMap {
    /// Puts `value` in and returns the one of the same type that was there.
    pub fn insert<T: Send + 'static>(&mut self, value: T) -> Option<T> {
        let old = self.0.insert(TypeId::of::<T>(), Box::new(value))?;
        old.downcast().ok().map(|value| *value)
    }

    /// The value of type `T`.
    pub fn get<T: Send + 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// The value of type `T`, to be changed.
    pub fn get_mut<T: Send + 'static>(&mut self) -> Option<&mut T> {
        self.0.get_mut(&TypeId::of::<T>())?.downcast_mut()
    }

    /// The value of type `T`, which `make` makes where there is none.
    pub fn get_or_insert_with<T: Send + 'static>(&mut self, make: impl FnOnce() -> T) -> &mut T {
        let value = self.0.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(make()));
        match value.downcast_mut() {
            Some(value) => value,
            None => unreachable!("a value is kept under the id of its own type"),
        }
    }

    /// Takes the value of type `T` out.
    pub fn remove<T: Send + 'static>(&mut self) -> Option<T> {
        self.0.remove(&TypeId::of::<T>())?.downcast().ok().map(|value| *value)
    }
}

/// A `TypeId` is a good hash already.
#[derive(Default)]
struct TypeIdHasher(u64);

impl Hasher for TypeIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}
