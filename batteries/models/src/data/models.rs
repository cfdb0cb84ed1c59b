//! The models whose rows are dumped and loaded.

use lback_core::settings::nearest;
use lback_core::{Error, Result};

use crate::migrate::{NamedTable, Table, by_references};
use crate::{ModelMeta, ModelOps, Models};

/// A model, or the pairs of a many-to-many field, which have no [`ModelOps`].
#[derive(Clone, Copy)]
pub(super) struct DataModel {
    pub(super) meta: &'static ModelMeta,
    pub(super) ops: Option<&'static dyn ModelOps>,
}

/// The models of an application and of its batteries, with the pairs of their many-to-many fields; those that others refer to come first.
pub(super) struct DataModels(Vec<DataModel>);

impl DataModels {
    pub(super) fn of(models: &Models) -> Self {
        let mut all: Vec<DataModel> = models.iter().map(|ops| DataModel { meta: ops.meta(), ops: Some(ops) }).collect();
        let pairs = all.iter().flat_map(|model| model.meta.many_to_many).map(|field| (field.through)());
        all.extend(pairs.map(|meta| DataModel { meta, ops: None }).collect::<Vec<_>>());
        let mut found: Vec<DataModel> = Vec::new();
        for model in all {
            if found.iter().all(|known| known.meta.table != model.meta.table) {
                found.push(model);
            }
        }
        let tables = found.iter().map(|model| NamedTable { name: model.meta.table.to_owned(), table: Table::of(model.meta) }).collect();
        let order: Vec<String> = by_references(tables).into_iter().map(|table| table.name).collect();
        found.sort_by_key(|model| order.iter().position(|name| name == model.meta.table));
        DataModels(found)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = DataModel> {
        self.0.iter().copied()
    }

    /// Returns the model with this table, or the only one with this name.
    ///
    /// # Errors
    /// Returns an error that suggests a similar name.
    pub(super) fn find(&self, name: &str) -> Result<DataModel> {
        if let Some(model) = self.table(name) {
            return Ok(model);
        }
        let named: Vec<DataModel> = self.iter().filter(|model| model.meta.name == name).collect();
        match named.as_slice() {
            [model] => Ok(*model),
            [] => Err(Error::bad_request(self.unknown(name, "model"))),
            several => {
                let tables: Vec<&str> = several.iter().map(|model| model.meta.table).collect();
                Err(Error::bad_request(format!("several models are called {name}. Name the table of one: {}", tables.join(", "))))
            }
        }
    }

    /// Returns the model with this table.
    pub(super) fn table(&self, table: &str) -> Option<DataModel> {
        self.iter().find(|model| model.meta.table == table)
    }

    /// Returns the message for a table or another name that no model has.
    pub(super) fn unknown(&self, name: &str, what: &str) -> String {
        let mut known: Vec<&str> = self.iter().map(|model| model.meta.table).collect();
        if known.is_empty() {
            return format!("there is no {what} \"{name}\": this application has no models. Add them with App::models(models![…])");
        }
        let names: Vec<&str> = known.iter().copied().chain(self.iter().map(|model| model.meta.name)).collect();
        known.sort_unstable();
        match nearest(name, &names) {
            Some(likely) => format!("there is no {what} \"{name}\"; did you mean {likely}?"),
            None => format!("there is no {what} \"{name}\". There are {}", known.join(", ")),
        }
    }
}
