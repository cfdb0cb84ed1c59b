//! [`RequestOptions`], the options of a model for one request.

use std::fmt;
use std::sync::Arc;

use lback_core::settings::nearest;
use lback_core::{Error, Request, Result};
use lback_models::{FieldMeta, Model, ModelMeta};

use crate::field_limits::reveals;
use crate::model_admin::{Group, Grouped, Listed, ModelAdmin, Options};
use crate::names::{self, named};
use crate::site::Registered;

/// Code of the application that adjusts the options of a model for a request.
pub(crate) type Adjust = Arc<dyn Fn(&mut Request, &mut RequestOptions<'_>) -> Result<()> + Send + Sync>;

/// The options of a model for one request. [`ModelAdmin::for_request`] passes it to a closure.
///
/// It starts with the options of the model, and no method allows the visitor more than these do. Fields are named as in the model; a
/// reference may be named without its `_id`. A wrong name is an error with status 500 in each request that reaches it.
pub struct RequestOptions<'a> {
    model: &'a Registered,
    options: Options,
    problems: Vec<String>,
}

impl fmt::Debug for RequestOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestOptions").field("model", &self.model.meta().name).finish_non_exhaustive()
    }
}

impl<M: Model> ModelAdmin<M> {
    /// Adjusts the options of the model for the visitor of each request: the columns, the fields of the form, those that are read-only,
    /// filters, inlines and actions. All pages follow: lists, forms, inlines of other models, exports, imports, the history and an undo.
    ///
    /// The code cannot allow a visitor more than the options of the model do. It runs once in each request of a visitor who has a permission
    /// for the model, also on the pages of other models, so it should not query the database much.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Ticket { pub id: i64, pub title: String, pub is_open: bool, pub hours: Option<f64>, pub note: Option<String> }
    /// let admin = Admin::new().model::<Ticket>(|ticket| {
    ///     ticket.list(["title", "is_open", "hours"]).for_request(|req, view| {
    ///         if !req.require_login()?.is_superuser {
    ///             view.list(["title", "is_open"]).hide(["note"]).readonly(["hours"]);
    ///         }
    ///         Ok(())
    ///     })
    /// });
    /// # let _ = admin;
    /// ```
    ///
    /// # Errors
    /// The error of the code is the response.
    pub fn for_request(mut self, adjust: impl Fn(&mut Request, &mut RequestOptions<'_>) -> Result<()> + Send + Sync + 'static) -> Self {
        self.options.for_request.push(Arc::new(adjust));
        self
    }
}

impl RequestOptions<'_> {
    fn meta(&self) -> &'static ModelMeta {
        self.model.meta()
    }

    fn found<T>(&mut self, found: Result<T, String>) -> Option<T> {
        found.map_err(|problem| self.problems.push(problem)).ok()
    }

    /// Returns the place of a computed column.
    fn computed(&self, name: &str) -> Option<usize> {
        self.options.computed.iter().position(|computed| computed.name == name)
    }

    /// Sets the columns of the list, among those of the configuration and the other fields that visitors can choose. Visitors can still
    /// choose other fields as columns, unless they are [hidden](Self::hide).
    pub fn list(&mut self, columns: impl IntoIterator<Item = &'static str>) -> &mut Self {
        let configured = self.model.columns();
        let mut list = Vec::new();
        for name in columns {
            let known = configured.iter().copied().find(|column| self.model.column_name(*column) == name);
            let column = match known {
                Some(column) => Some(column),
                None => {
                    let found = names::field(self.meta(), name).and_then(|field| match self.options.left_out.contains(&field.name) {
                        true => Err(format!("{}.{name} is left out of the admin", self.meta().name)),
                        false => Ok(Listed::Field(field)),
                    });
                    self.found(found)
                }
            };
            list.extend(column);
        }
        (self.options.list, self.options.is_list_complete) = (list, true);
        self
    }

    /// Sets the order of the list: fields, each with a `-` if it starts with the largest. Fields that need a permission to be seen cannot be
    /// part of it, because it would reveal their order.
    pub fn order(&mut self, fields: impl IntoIterator<Item = &'static str>) -> &mut Self {
        let mut order = Vec::new();
        for name in fields {
            let (sign, name) = name.strip_prefix('-').map_or(("", name), |name| ("-", name));
            let is_limited = |field: &FieldMeta| self.options.limited.iter().any(|limited| limited.to_see && limited.name == field.name);
            let found = names::sortable(self.meta(), name).and_then(|field| match is_limited(field) {
                true => Err(format!("{}.{name} is hidden by can_see_field, so the list cannot be in its order", self.meta().name)),
                false => Ok(field),
            });
            order.extend(self.found(found).map(|field| format!("{sign}{}", field.name)));
        }
        self.options.order = order;
        self
    }

    /// Hides fields, many-to-many relations and computed columns from the visitor: they do not exist in lists and their search, filters and
    /// order, in exports and imports, forms, inlines, and the history, as with [`can_see_field`](ModelAdmin::can_see_field).
    pub fn hide(&mut self, names: impl IntoIterator<Item = &'static str>) -> &mut Self {
        for name in names {
            if self.computed(name).is_some() {
                self.options.hidden.insert(name);
                continue;
            }
            let found = named(self.meta(), name);
            let name = self.found(found).map(|named| named.name());
            self.options.hidden.extend(name);
        }
        self
    }

    /// Shows fields and many-to-many relations that the visitor cannot change, neither in a form or a list nor by an import or an undo.
    pub fn readonly(&mut self, names: impl IntoIterator<Item = &'static str>) -> &mut Self {
        self.fix(names);
        self
    }

    /// Leaves fields and many-to-many relations out of the form. The visitor cannot change them, but sees them in lists.
    pub fn exclude(&mut self, names: impl IntoIterator<Item = &'static str>) -> &mut Self {
        let fixed = self.fix(names);
        self.options.left_out.extend(fixed);
        self
    }

    /// Makes fields read-only, and returns their names.
    fn fix(&mut self, names: impl IntoIterator<Item = &'static str>) -> Vec<&'static str> {
        let mut fixed = Vec::new();
        for name in names {
            let found = named(self.meta(), name);
            fixed.extend(self.found(found).map(|named| named.name()));
        }
        self.options.fixed.extend(&fixed);
        fixed
    }

    /// Sets the fields of the form, in groups with a title each, among those that the form has. The visitor cannot change the others. A
    /// group keeps the [description](ModelAdmin::describe) of the one with the same title, and is collapsed like that.
    pub fn fieldsets<'b>(&mut self, groups: impl IntoIterator<Item = (&'b str, &'b [&'b str])>) -> &mut Self {
        let configured = self.model.groups();
        let known: Vec<Grouped> = configured.iter().flat_map(|group| group.fields.iter().copied()).collect();
        let name_of = |field: &Grouped| match field {
            Grouped::Named(named) => named.name(),
            Grouped::Computed(at) => self.model.options.computed[*at].name,
        };
        let names: Vec<&str> = known.iter().map(name_of).collect();
        let mut chosen = Vec::new();
        for (title, wanted) in groups {
            let like = configured.iter().find(|group| group.title == title);
            let (help, is_collapsed) = like.map_or_else(Default::default, |group| (group.help.clone(), group.is_collapsed));
            let mut fields = Vec::new();
            for name in wanted {
                match names.iter().position(|known| known == name || known.strip_suffix("_id") == Some(name)) {
                    Some(at) => fields.push(known[at]),
                    None => self.problems.push(format!("its form has no field \"{name}\"{}", likely(name, &names))),
                }
            }
            chosen.push(Group { title: title.to_owned(), help, fields, is_collapsed });
        }
        let is_chosen = |name: &str| chosen.iter().flat_map(|group| &group.fields).any(|field| name_of(field) == name);
        let others = known.iter().filter(|field| matches!(field, Grouped::Named(_))).map(name_of).filter(|name| !is_chosen(name));
        self.options.fixed.extend(others);
        if chosen.is_empty() {
            chosen.push(Group { title: String::new(), help: String::new(), fields: Vec::new(), is_collapsed: false });
        }
        self.options.groups = chosen;
        self
    }

    /// Keeps only these of the filters.
    pub fn filters(&mut self, names: impl IntoIterator<Item = &'static str>) -> &mut Self {
        let names: Vec<_> = names.into_iter().collect();
        let of_fields = self.model.options.filters.iter().map(|filtered| filtered.name());
        let known: Vec<&str> = of_fields.chain(self.model.options.own_filters.iter().map(|own| own.name)).collect();
        let is_kept = |name: &str| names.iter().any(|kept| name == *kept || name.strip_suffix("_id") == Some(kept));
        self.options.filters.retain(|filtered| is_kept(filtered.name()));
        self.options.own_filters.retain(|own| is_kept(own.name));
        self.options.dates = self.options.dates.filter(|field| is_kept(field.name));
        let is_known = |name: &str| known.iter().any(|known| *known == name || known.strip_suffix("_id") == Some(name));
        let dates = self.model.options.dates.map(|field| field.name);
        for name in names.iter().filter(|name| !is_known(name) && dates != Some(**name)) {
            self.problems.push(format!("it has no filter \"{name}\"{}", likely(name, &known)));
        }
        self
    }

    /// Keeps only these of the actions. The deletion depends on the permission alone.
    pub fn actions(&mut self, names: impl IntoIterator<Item = &'static str>) -> &mut Self {
        let names: Vec<_> = names.into_iter().collect();
        let known: Vec<&str> = self.model.options.actions.iter().map(|action| action.name).collect();
        self.options.actions.retain(|action| names.contains(&action.name));
        for name in names.iter().filter(|name| !known.contains(name)) {
            self.problems.push(format!("it has no action \"{name}\"{}", likely(name, &known)));
        }
        self
    }

    /// Leaves the inlines of a model out of the form, also those within other inlines.
    pub fn without_inline<C: Model>(&mut self) -> &mut Self {
        let is_other = |table: &str| table != C::META.table;
        let inlines = &mut self.options.inlines;
        let before = inlines.len() + inlines.iter().map(|inline| inline.inlines.len()).sum::<usize>();
        inlines.retain(|inline| is_other(inline.meta.table));
        for inline in inlines.iter_mut() {
            inline.inlines.retain(|nested| is_other(nested.meta.table));
        }
        let after = inlines.len() + inlines.iter().map(|inline| inline.inlines.len()).sum::<usize>();
        if before == after {
            self.problems.push(format!("it has no inline of {}", C::META.name));
        }
        self
    }

    /// Returns the model with the options.
    ///
    /// # Errors
    /// Returns 500 if a name is wrong, or if a hidden field would be known from others.
    fn finish(mut self) -> Result<Registered> {
        let hides = |name: &str| self.options.hidden.contains(name);
        for name in &self.options.hidden {
            if let Some(why) = reveals(self.meta(), &self.options, name, hides) {
                self.problems.push(format!("\"{name}\" {why}, so it cannot be hidden"));
            }
        }
        if let Some(problem) = self.problems.first() {
            return Err(Error::internal(format!("the admin is misconfigured: for_request of {}: {problem}", self.meta().name)));
        }
        let hidden: Vec<usize> = (0..self.options.computed.len()).filter(|at| hides(self.options.computed[*at].name)).collect();
        let mut adjusted = Registered { ops: self.model.ops, options: Arc::new(self.options) };
        if !hidden.is_empty() {
            let is_hidden = |at: &usize| hidden.contains(at);
            let is_column = |column: &Listed| !matches!(column, Listed::Computed(at) if is_hidden(at));
            let list = adjusted.columns().into_iter().filter(is_column).collect();
            let options = Arc::make_mut(&mut adjusted.options);
            options.computed_in_form.retain(|at| !is_hidden(at));
            for group in &mut options.groups {
                group.fields.retain(|field| !matches!(field, Grouped::Computed(at) if is_hidden(at)));
            }
            (options.list, options.is_list_complete) = (list, true);
        }
        Ok(adjusted)
    }
}

/// Returns a model with the options that the application adjusts for a request.
///
/// # Errors
/// Returns the error of the application's code, and 500 if it is misconfigured.
pub(crate) fn adjusted(req: &mut Request, model: &Registered) -> Result<Registered> {
    let mut view = RequestOptions { model, options: (*model.options).clone(), problems: Vec::new() };
    for adjust in &model.options.for_request {
        adjust(req, &mut view)?;
    }
    view.finish()
}

fn likely(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(likely) => format!("; did you mean \"{likely}\"?"),
        None => format!("; it has {}", known.join(", ")),
    }
}
