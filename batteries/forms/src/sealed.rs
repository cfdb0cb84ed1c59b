//! Seals the traits of arguments: other crates pass values that implement them but cannot implement them.

use std::ops::{RangeFrom, RangeInclusive, RangeToInclusive};

/// The supertrait of every sealed trait. Other crates cannot name it.
pub trait Sealed {}

impl<V> Sealed for RangeInclusive<V> {}
impl<V> Sealed for RangeFrom<V> {}
impl<V> Sealed for RangeToInclusive<V> {}
