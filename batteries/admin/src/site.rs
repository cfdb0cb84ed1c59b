//! The models of the site, while the application runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use lback_auth::User;
use lback_core::{Error, Request, Result};
use lback_models::{Auto, FieldMeta, Kind, Model as _, ModelMeta, ModelOps, Models};

use crate::AdminSettings;
use crate::access::has_any;
use crate::language::{Language, text};
use crate::model_admin::{Group, Grouped, Listed, Options};
use crate::names::Named;
use crate::request_options::adjusted;
use crate::widgets::Widget;

/// A model of the site.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) ops: &'static dyn ModelOps,
    pub(crate) options: Arc<Options>,
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
        if self.options.is_list_complete {
            return columns;
        }
        let is_listed = |at: usize| columns.iter().any(|column| matches!(column, Listed::Computed(listed) if *listed == at));
        let last: Vec<_> = (0..self.options.computed.len()).filter(|at| !is_listed(*at)).map(Listed::Computed).collect();
        columns.extend(last);
        columns
    }

    /// Returns the name of a column of the list.
    pub(crate) fn column_name(&self, column: Listed) -> &'static str {
        match column {
            Listed::Field(field) => field.name,
            Listed::Through(through) => through.name,
            Listed::Link(link) => link.name,
            Listed::Computed(at) => self.options.computed[at].name,
        }
    }

    /// Returns the fields of the form in their groups: those of the configuration, or all that are not hidden.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let options = &self.options;
        let is_left_out = |name: &str| options.left_out.contains(&name);
        if !options.groups.is_empty() {
            let mut groups = options.groups.clone();
            for group in &mut groups {
                group.fields.retain(|field| !matches!(field, Grouped::Named(named) if is_left_out(named.name())));
            }
            return groups;
        }
        let meta = self.meta();
        let is_shown = |field: &&'static FieldMeta| !field.hidden && field.auto != Auto::Id && !is_left_out(field.name);
        let fields = || meta.fields.iter().filter(is_shown);
        // Fields that Lback fills in come last.
        let given = fields().filter(|field| field.auto == Auto::No).map(Named::Field);
        let links = meta.many_to_many.iter().filter(|link| !is_left_out(link.name)).map(Named::Link);
        let automatic = fields().filter(|field| field.auto != Auto::No && field.kind != Kind::Bytes).map(Named::Field);
        let computed = options.computed_in_form.iter().map(|at| Grouped::Computed(*at));
        let fields = given.chain(links).chain(automatic).map(Grouped::Named).chain(computed).collect();
        vec![Group { title: String::new(), help: String::new(), fields, is_collapsed: false }]
    }
}

fn is_unordered(field: &FieldMeta) -> bool {
    matches!(field.kind, Kind::Json | Kind::Bytes)
}

/// The site: `req.state::<Arc<Site>>()`.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) title: String,
    pub(crate) models: Vec<Registered>,
    pub(crate) widgets: Arc<[Widget]>,
    pub(crate) settings: AdminSettings,
    /// The languages of the pages besides English, and the code of the one for browsers that ask for none of them.
    pub(crate) languages: Vec<Arc<Language>>,
    pub(crate) default_language: String,
}

/// The site as the visitor of a request sees it.
#[derive(Clone)]
struct Adjusted(Arc<Site>);

impl Site {
    /// Returns the site as the visitor of the request sees it: with the options that the application has adjusted for the request.
    ///
    /// # Errors
    /// Returns 500 if the application has no admin, and the error of code that adjusts options.
    pub(crate) fn of(req: &mut Request) -> Result<Arc<Site>> {
        if let Some(Adjusted(site)) = req.extensions().get() {
            return Ok(site.clone());
        }
        let mut site = Site::unadjusted(req)?.clone();
        if site.models.iter().any(|model| !model.options.for_request.is_empty()) {
            let mut models = Vec::with_capacity(site.models.len());
            for model in &site.models {
                // The others are not shown to the visitor. Users who may only add rows see a form, too.
                let is_adjusted = !model.options.for_request.is_empty() && has_any(req, model.meta())?;
                models.push(if is_adjusted { adjusted(req, model)? } else { model.clone() });
            }
            site = Arc::new(Site { models, ..(*site).clone() });
        }
        req.extensions_mut().insert(Adjusted(site.clone()));
        Ok(site)
    }

    /// Returns the site as it is configured.
    ///
    /// # Errors
    /// Returns 500 if the application has no admin.
    pub(crate) fn unadjusted(req: &Request) -> Result<&Arc<Site>> {
        req.state()
    }

    /// Returns the model with this table.
    ///
    /// # Errors
    /// Returns 404 if the site has no such model.
    pub(crate) fn model(&self, table: &str) -> Result<&Registered> {
        self.find(table).ok_or_else(|| Error::not_found(text!("The admin has no such model.")))
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
