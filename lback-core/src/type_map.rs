//! A map with one value per type.

use std::any::{Any, TypeId};

/// A map that holds at most one value of each type: a request's extensions.
///
/// Crates above core keep what belongs to a request here (its session, its unit of work), so core needs no field for it.
// A request has a handful of them, which are found faster one by one than by a hash.
#[derive(Default)]
pub struct TypeMap(Vec<(TypeId, Box<dyn Any + Send>)>);

impl TypeMap {
    /// Puts `value` in and returns the one of the same type that was there.
    pub fn insert<T: Send + 'static>(&mut self, value: T) -> Option<T> {
        if let Some(old) = self.get_mut() {
            return Some(std::mem::replace(old, value));
        }
        self.0.push((TypeId::of::<T>(), Box::new(value)));
        None
    }

    /// The value of type `T`.
    pub fn get<T: Send + 'static>(&self) -> Option<&T> {
        self.0.get(self.position::<T>()?)?.1.downcast_ref()
    }

    /// The value of type `T`, to be changed.
    pub fn get_mut<T: Send + 'static>(&mut self) -> Option<&mut T> {
        let at = self.position::<T>()?;
        self.0.get_mut(at)?.1.downcast_mut()
    }

    /// The value of type `T`, which `make` makes where there is none.
    pub fn get_or_insert_with<T: Send + 'static>(&mut self, make: impl FnOnce() -> T) -> &mut T {
        let at = self.position::<T>().unwrap_or_else(|| {
            self.0.push((TypeId::of::<T>(), Box::new(make())));
            self.0.len() - 1
        });
        match self.0[at].1.downcast_mut() {
            Some(value) => value,
            None => unreachable!("a value is kept under the id of its own type"),
        }
    }

    /// Takes the value of type `T` out.
    pub fn remove<T: Send + 'static>(&mut self) -> Option<T> {
        let at = self.position::<T>()?;
        self.0.swap_remove(at).1.downcast().ok().map(|value| *value)
    }

    fn position<T: 'static>(&self) -> Option<usize> {
        self.0.iter().position(|(id, _)| *id == TypeId::of::<T>())
    }
}
