//! The models of an application.

use std::fmt;

use crate::ModelOps;

/// A list of models, which [`models!`](crate::models) writes.
pub type ModelList = &'static [&'static dyn ModelOps];

/// The models of an application: `app.state::<Models>()`.
#[derive(Default)]
pub struct Models(Vec<&'static dyn ModelOps>);

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|model| model.meta().name)).finish()
    }
}

impl Models {
    pub(crate) fn add(&mut self, models: ModelList) {
        self.0.extend(models);
    }

    /// Returns all models, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &'static dyn ModelOps> {
        self.0.iter().copied()
    }
}

/// Lists models: `models![Post, Tag]`. The pairs of a many-to-many relation need not be listed.
#[macro_export]
macro_rules! models {
    ($($Model:ty),* $(,)?) => {
        const { &[$($crate::ops::<$Model>()),*] }
    };
}
