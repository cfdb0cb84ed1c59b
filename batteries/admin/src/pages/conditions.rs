//! The conditions that narrow a list.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lback_auth::User;
use lback_models::{FieldMeta, Filter, List, ModelMeta};

use super::search::is_served;
use crate::list_options::NarrowFn;

/// A condition, and the filter, the search or the date that adds it.
pub(super) struct Condition {
    pub(super) of: String,
    pub(super) narrows: Narrows,
}

impl Condition {
    pub(super) fn new(of: &str, narrows: Narrows) -> Self {
        Condition { of: of.to_owned(), narrows }
    }
}

/// A way to narrow a list.
#[derive(Clone)]
pub(super) enum Narrows {
    Filter(Filter),
    /// The choice of a filter of the application.
    Own(NarrowFn, &'static str, Arc<User>, DateTime<Utc>),
}

impl Narrows {
    /// Returns the list, narrowed.
    pub(super) fn apply(&self, list: List) -> List {
        match self {
            Narrows::Filter(filter) => list.filter(filter.clone()),
            Narrows::Own(narrow, value, user, now) => narrow(list, value, Arc::clone(user), *now),
        }
    }

    /// Makes the condition one of the rows to which a reference leads.
    pub(super) fn follow(&mut self, reference: &'static FieldMeta) {
        if let Narrows::Filter(filter) = self {
            *self = Narrows::Filter(Filter::Reference(reference, Box::new(filter.clone())));
        }
    }

    /// Returns whether an index serves the condition, which is one of a single field of the model, so that rows are counted quickly.
    pub(super) fn is_counted(&self, meta: &ModelMeta) -> bool {
        let is_simple = matches!(self, Narrows::Filter(Filter::Compare(..) | Filter::OneOf(..) | Filter::Null(..)));
        is_simple && self.is_served(meta)
    }

    /// Returns whether an index serves the condition.
    pub(super) fn is_served(&self, meta: &ModelMeta) -> bool {
        match self {
            Narrows::Filter(filter) => is_served(filter, meta),
            Narrows::Own(..) => false,
        }
    }
}

/// Returns the rows of a list that satisfy all conditions.
pub(super) fn narrow<'a>(list: &List, conditions: impl Iterator<Item = &'a Condition>) -> List {
    conditions.fold(list.clone(), |list, condition| condition.narrows.apply(list))
}
