//! The models of the site, while the application runs.

use std::collections::BTreeSet;

use lback_auth::User;
use lback_core::{Error, Request, Result};
use lback_models::{FieldMeta, Model as _, ModelMeta, ModelOps, Models};

use crate::AdminSettings;
use crate::model_admin::{Listed, Options};
use crate::widgets::Widget;

/// A model of the site.
pub(crate) struct Registered {
    pub(crate) ops: &'static dyn ModelOps,
    pub(crate) options: Options,
}

impl Registered {
    pub(crate) fn meta(&self) -> &'static ModelMeta {
        self.ops.meta()
    }

    /// Returns whether rows are shown, but cannot be changed.
    pub(crate) fn is_read_only(&self) -> bool {
        // Users have pages of their own.
        self.meta().new_values.is_none() && self.meta().table != User::META.table
    }

    /// Returns the columns of the list.
    pub(crate) fn columns(&self) -> Vec<Listed> {
        /// The number of columns of a model without a configured list, after the first.
        const FEW: usize = 5;
        let mut columns = self.options.list.clone();
        if columns.is_empty() {
            let meta = self.meta();
            let fits = |field: &&'static FieldMeta| !field.hidden && !field.long && !is_unordered(field);
            let display = meta.field_of_column(meta.display).filter(|field| !field.hidden);
            let others = meta.fields.iter().filter(fits).filter(|field| field.column != meta.display);
            let others = others.filter(|field| display.is_none() || !meta.primary_key.contains(&field.column));
            columns.extend(display.map(Listed::Field));
            columns.extend(others.take(FEW).map(Listed::Field));
        }
        let is_listed = |at: usize| columns.iter().any(|column| matches!(column, Listed::Computed(listed) if *listed == at));
        let last: Vec<_> = (0..self.options.computed.len()).filter(|at| !is_listed(*at)).map(Listed::Computed).collect();
        columns.extend(last);
        columns
    }
}

fn is_unordered(field: &FieldMeta) -> bool {
    matches!(field.kind, lback_models::Kind::Json | lback_models::Kind::Bytes)
}

/// The site: `app.state::<Site>()`.
pub(crate) struct Site {
    pub(crate) title: String,
    pub(crate) models: Vec<Registered>,
    pub(crate) widgets: Vec<Widget>,
    pub(crate) settings: AdminSettings,
}

impl Site {
    /// Returns the site.
    ///
    /// # Errors
    /// Returns 500 if the application has no admin.
    pub(crate) fn of(req: &Request) -> Result<std::sync::Arc<Site>> {
        Ok(req.state::<std::sync::Arc<Site>>()?.clone())
    }

    /// Returns the model with this table.
    ///
    /// # Errors
    /// Returns 404 if the site has no such model.
    pub(crate) fn model(&self, table: &str) -> Result<&Registered> {
        self.find(table).ok_or_else(|| Error::not_found("The admin has no such model."))
    }

    pub(crate) fn find(&self, table: &str) -> Option<&Registered> {
        self.models.iter().find(|model| model.meta().table == table)
    }

    /// Returns all models whose rows may refer to others: those of the application and of the site, and the pairs of their relations.
    pub(crate) fn all_models(&self, req: &Request) -> Vec<&'static ModelMeta> {
        let of_application = req.app().state::<Models>().into_iter().flat_map(Models::iter).map(|model| model.meta());
        let models = of_application.chain(self.models.iter().map(Registered::meta));
        let with_pairs = models.flat_map(|meta| std::iter::once(meta).chain(meta.many_to_many.iter().map(|link| (link.through)())));
        let mut seen = BTreeSet::new();
        with_pairs.filter(|meta| seen.insert(meta.table)).collect()
    }
}
