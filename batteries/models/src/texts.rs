//! The parts of statements that are the same for every row of a model, written once.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use lback_db::Kind;

use crate::{Auto, FieldMeta, ModelMeta};

/// Lists of columns, quoted for a database.
#[derive(Debug)]
pub(crate) struct Texts {
    /// All columns.
    pub(crate) all: String,
    /// The columns of a new row.
    pub(crate) new: String,
}

/// A description of a model, by its address, and a database.
type Key = (usize, &'static str);

/// Returns the lists of columns of a model. They are kept for as long as the program runs, for each description of a model in it
/// and each database.
pub(crate) fn texts(meta: &'static ModelMeta, kind: Kind) -> &'static Texts {
    static KNOWN: LazyLock<RwLock<HashMap<Key, &'static Texts>>> = LazyLock::new(RwLock::default);
    let key = (std::ptr::from_ref(meta).addr(), kind.name());
    if let Some(texts) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return texts;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.entry(key).or_insert_with(|| Box::leak(Box::new(Texts::of(meta, kind))))
}

impl Texts {
    fn of(meta: &ModelMeta, kind: Kind) -> Self {
        // SQLite takes an unknown name in double quotes for a text.
        let quote = if kind.is_server() { '"' } else { '`' };
        let list = |fields: &mut dyn Iterator<Item = &FieldMeta>| {
            let names = fields.map(|field| format!("{quote}{}{quote}", field.column.replace(quote, &format!("{quote}{quote}"))));
            names.collect::<Vec<_>>().join(", ")
        };
        Texts { all: list(&mut meta.fields.iter()), new: list(&mut meta.fields.iter().filter(|field| field.auto != Auto::Id)) }
    }
}
