//! [`ModelAdmin`], the options of a model.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use diesel::query_builder::QueryFragment;
use lback_auth::User;
use lback_core::{Context, Request, Result, context};
use lback_db::Dialect;
use lback_forms::{Form, FormFields};
use lback_models::{Auto, FieldMeta, Kind, List, ManyToManyMeta, Model, ModelMeta, Value};

use crate::field_limits::LimitedField;
use crate::inline_admin::Inline;
use crate::list_options::{Filtered, OwnFilter, Through, filtered, through};
use crate::names::{self, Named};
use crate::request_options::Adjust;
use crate::saving::Hooks;
use crate::stored_files::is_file;

/// The options with which the admin lists and changes the rows of a model. [`Admin::model`](crate::Admin::model) passes it to a closure.
///
/// Fields are named as in the model; a reference may be named without its `_id`. A wrong name is an error at startup.
///
/// ```
/// # use lback::prelude::*;
/// # #[derive(Model, Clone, Debug)]
/// # pub struct Author { pub id: i64, pub name: String }
/// # #[derive(Model, Clone, Debug)]
/// # pub struct Post { pub id: i64, pub title: String, pub body: String, #[model(references = Author)] pub author_id: i64, pub published_at: Option<DateTime<Utc>> }
/// let admin = Admin::new().model::<Post>(|post| {
///     post.list(["title", "author", "published_at"])
///         .search(["title", "body", "author.name"])
///         .filters(["author", "published_at"])
///         .column("words", "Words", |post| Ok(post.body.split_whitespace().count().to_string()))
/// });
/// # let _ = admin;
/// ```
#[must_use]
pub struct ModelAdmin<M: Model> {
    pub(crate) options: Options,
    pub(crate) problems: Vec<String>,
    of: PhantomData<fn() -> M>,
}

/// The configuration of a model, without its type.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) section: Option<String>,
    pub(crate) list: Vec<Listed>,
    /// `true` if computed columns that the list does not name are left out.
    pub(crate) is_list_complete: bool,
    pub(crate) search: Vec<Searched>,
    pub(crate) filters: Vec<Filtered>,
    pub(crate) own_filters: Vec<OwnFilter>,
    pub(crate) dates: Option<&'static FieldMeta>,
    pub(crate) editable: Vec<&'static FieldMeta>,
    pub(crate) order: Vec<String>,
    /// The fields by which visitors sort the list; `None` for all.
    pub(crate) sortable: Option<Vec<&'static str>>,
    /// The columns that lead to the row; `None` for the first.
    pub(crate) leading: Option<Vec<Listed>>,
    pub(crate) empty_value: Option<&'static str>,
    pub(crate) per_page: Option<u32>,
    pub(crate) groups: Vec<Group>,
    pub(crate) readonly: Vec<&'static str>,
    pub(crate) left_out: Vec<&'static str>,
    pub(crate) computed: Vec<Computed>,
    pub(crate) actions: Vec<Action>,
    pub(crate) rows: Option<RowsFn>,
    pub(crate) can_add: Option<CanAdd>,
    pub(crate) can_change: Option<CanRow>,
    pub(crate) can_delete: Option<CanRow>,
    pub(crate) on_site: Option<TextOf>,
    pub(crate) inlines: Vec<Inline>,
    pub(crate) hooks: Hooks,
    pub(crate) prepopulated: Vec<Prepopulated>,
    /// The columns that are shown in forms without groups.
    pub(crate) computed_in_form: Vec<usize>,
    pub(crate) radio: Vec<&'static FieldMeta>,
    pub(crate) markdown: Vec<&'static FieldMeta>,
    pub(crate) limited: Vec<LimitedField>,
    /// The code that adjusts these options for a request.
    pub(crate) for_request: Vec<Adjust>,
    /// The fields and relations that the visitor of the request may not see, and those that the visitor may not change.
    pub(crate) hidden: BTreeSet<&'static str>,
    pub(crate) fixed: BTreeSet<&'static str>,
}

impl Options {
    /// Returns whether forms, and what happens when they are saved, are configured.
    fn changes_forms(&self) -> bool {
        let is_default = self.groups.is_empty()
            && self.readonly.is_empty()
            && self.left_out.is_empty()
            && self.inlines.is_empty()
            && self.prepopulated.is_empty()
            && self.computed_in_form.is_empty()
            && self.radio.is_empty()
            && self.markdown.is_empty()
            && self.limited.is_empty()
            && self.for_request.is_empty();
        !(is_default && self.hooks.is_empty())
    }
}

/// A column of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Listed {
    Field(&'static FieldMeta),
    /// A field of the row to which a reference leads.
    Through(Through),
    /// A many-to-many relation, which only visitors choose.
    Link(&'static ManyToManyMeta),
    /// The column with this place in [`Options::computed`].
    Computed(usize),
}

impl From<Named> for Listed {
    fn from(named: Named) -> Self {
        match named {
            Named::Field(field) => Listed::Field(field),
            Named::Link(link) => Listed::Link(link),
        }
    }
}

/// A field that is searched.
#[derive(Clone, Debug)]
pub(crate) struct Searched {
    /// The references that lead to its model.
    pub(crate) through: Vec<&'static FieldMeta>,
    pub(crate) field: &'static FieldMeta,
    /// `true` if the field must equal the searched text, which an index on it can serve.
    pub(crate) is_exact: bool,
}

/// A part of a form.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Grouped {
    Named(Named),
    /// The column with this place in [`Options::computed`].
    Computed(usize),
}

impl Group {
    /// Returns the fields and relations, without computed columns.
    pub(crate) fn named(&self) -> impl Iterator<Item = Named> {
        self.fields.iter().filter_map(|field| match field {
            Grouped::Named(named) => Some(*named),
            Grouped::Computed(_) => None,
        })
    }
}

/// A field of a new row that follows others.
#[derive(Clone)]
pub(crate) struct Prepopulated {
    pub(crate) field: &'static FieldMeta,
    pub(crate) from: Vec<&'static FieldMeta>,
}

/// Fields of a form under a title.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) title: String,
    /// The text below the title.
    pub(crate) help: String,
    pub(crate) fields: Vec<Grouped>,
    pub(crate) is_collapsed: bool,
}

pub(crate) type TextOf = Arc<dyn Fn(&[Value]) -> Result<String> + Send + Sync>;
pub(crate) type RowsFn = Arc<dyn Fn(List, Arc<User>) -> List + Send + Sync>;
pub(crate) type CanAdd = Arc<dyn Fn(&mut Request) -> Result<bool> + Send + Sync>;
pub(crate) type CanRow = Arc<dyn Fn(&mut Request, &[Value]) -> Result<bool> + Send + Sync>;
pub(crate) type Act = Arc<dyn Fn(&mut Request, Vec<Vec<Value>>, Sent) -> Result<Outcome> + Send + Sync>;

/// A column that is computed from a row.
#[derive(Clone)]
pub(crate) struct Computed {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) show: TextOf,
}

/// The data that a request contains for an action, besides the rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Nothing,
    Form,
}

/// The result of an action.
pub(crate) enum Outcome {
    /// A message for the visitor.
    Done(String),
    /// A form, which the visitor has to fill in first, as the variable `form`.
    Ask(Context),
}

/// The names of the fields by which a page sends the chosen rows and the action. Forms of actions cannot have them.
pub(crate) const ACTION_FIELDS: [&str; 5] = ["action", "row", "all", "save", "sent"];

/// An action on selected rows.
#[derive(Clone)]
pub(crate) struct Action {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) run: Act,
}

impl<M: Model> fmt::Debug for ModelAdmin<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelAdmin").field("model", &M::META.name).finish_non_exhaustive()
    }
}

impl<M: Model> ModelAdmin<M> {
    pub(crate) fn new() -> Self {
        ModelAdmin { options: Options::default(), problems: Vec::new(), of: PhantomData }
    }

    pub(crate) fn into_parts(mut self) -> (Options, Vec<String>) {
        if M::META.table == User::META.table && self.options.changes_forms() {
            let problem = "User has pages of its own: remove fieldsets, readonly, exclude, inline, limits of fields and all other options of \
                           forms and of saving from its configuration";
            self.problems.push(problem.to_owned());
        }
        self.check_limits();
        let readonly = &self.options.readonly;
        self.options.editable.retain(|field| !readonly.contains(&field.name));
        (self.options, self.problems)
    }

    /// Returns the value, or records the error.
    pub(crate) fn found<T>(&mut self, found: Result<T, String>) -> Option<T> {
        found.map_err(|problem| self.problems.push(problem)).ok()
    }

    /// Returns the place of a computed column.
    pub(crate) fn computed(&self, name: &str) -> Option<usize> {
        self.options.computed.iter().position(|computed| computed.name == name)
    }

    /// Puts the model into the section of the navigation with this title.
    pub fn section(mut self, title: impl Into<String>) -> Self {
        self.options.section = Some(title.into());
        self
    }

    /// Sets the columns of the list: fields, and [computed columns](Self::column) that were added before. The first leads to the row.
    /// `author.email` is a field of the row that a reference leads to, which is empty if the visitor may not see that row.
    ///
    /// By default, they are the field that labels a row and the first five other fields.
    pub fn list(mut self, columns: impl IntoIterator<Item = &'static str>) -> Self {
        let columns = self.columns(columns);
        self.options.list.extend(columns);
        self
    }

    pub(crate) fn columns(&mut self, names: impl IntoIterator<Item = &'static str>) -> Vec<Listed> {
        let mut columns = Vec::new();
        for name in names {
            let column = match self.computed(name) {
                Some(at) => Some(Listed::Computed(at)),
                None if name.contains('.') => self.found(through(M::META, name)).map(Listed::Through),
                None => self.found(names::field(M::META, name)).map(Listed::Field),
            };
            columns.extend(column);
        }
        columns
    }

    /// Adds a column that is computed from the row. Name it in [`list`](Self::list) to choose its place; otherwise, it is the last.
    pub fn column(mut self, name: &'static str, label: &'static str, show: impl Fn(&M) -> Result<String> + Send + Sync + 'static) -> Self {
        let show = move |row: &[Value]| show(&M::from_values(row.to_vec())?);
        self.options.computed.push(Computed { name, label, show: Arc::new(show) });
        self
    }

    /// Sets the fields in which each word of a search is looked up. A field with a `=` before its name must equal the word as typed
    /// or in lower case, which an index on the field serves. `author.name` searches the rows that a reference leads to.
    pub fn search(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        for name in fields {
            let searched = self.found(searched(M::META, name));
            self.options.search.extend(searched);
        }
        self
    }

    /// Sets the fields by which the list can be narrowed: choices, booleans, references, many-to-many relations, dates and numbers.
    /// `author.country` is a field of the row that a reference leads to, for visitors who may see all of these rows.
    pub fn filters(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        for name in fields {
            let filter = self.found(filtered(M::META, name));
            self.options.filters.extend(filter);
        }
        self
    }

    /// Adds links to the years, months and days of a date or a timestamp above the list.
    pub fn dates(mut self, field: &'static str) -> Self {
        let found = names::field(M::META, field).and_then(|field| match field.kind {
            Kind::Date | Kind::Timestamp => Ok(field),
            _ => Err(format!("{}.{} is neither a date nor a timestamp", M::META.name, field.name)),
        });
        self.options.dates = self.found(found);
        self
    }

    /// Lets visitors change these columns of the list in the list itself. References and files cannot be changed there, nor models that are
    /// read-only or have pages of their own, such as users.
    pub fn editable(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        if M::META.new_values.is_none() {
            self.problems.push(format!("the rows of {} cannot be changed in a list: remove .editable([…])", M::META.name));
            return self;
        }
        for name in fields {
            let found = names::field(M::META, name).and_then(|field| {
                let is_fixed = field.references.is_some()
                    || field.auto != Auto::No
                    || M::META.primary_key.contains(&field.column)
                    || matches!(field.kind, Kind::Bytes | Kind::Json)
                    || is_file(field);
                if is_fixed { Err(format!("{}.{name} cannot be changed in a list", M::META.name)) } else { Ok(field) }
            });
            let found = self.found(found);
            self.options.editable.extend(found);
        }
        self
    }

    /// Sets the order of the list: fields, each with a `-` if it starts with the largest. By default, it is the order of the model.
    pub fn order(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        for name in fields {
            let (sign, name) = name.strip_prefix('-').map_or(("", name), |name| ("-", name));
            if let Some(field) = self.found(names::sortable(M::META, name)) {
                self.options.order.push(format!("{sign}{}", field.name));
            }
        }
        self
    }

    /// Sets the initial number of rows on a page. The default is 50.
    pub fn per_page(mut self, rows: u32) -> Self {
        self.options.per_page = Some(rows.clamp(1, 500));
        self
    }

    /// Adds an action on the rows that are selected in the list. It returns a message for the visitor. It runs in one
    /// transaction. Its changes of the selected rows are in the history, and can be undone together.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: i64, pub title: String, pub is_public: bool }
    /// fn publish(req: &mut Request, posts: Vec<Post>) -> Result<String> {
    ///     let count = posts.len();
    ///     for mut post in posts {
    ///         post.is_public = true;
    ///         post.save(req.db()?)?;
    ///     }
    ///     Ok(format!("{count} posts are public now."))
    /// }
    ///
    /// let admin = Admin::new().model::<Post>(|post| post.action("publish", "Publish", publish));
    /// # let _ = admin;
    /// ```
    pub fn action(
        mut self,
        name: &'static str,
        label: &'static str,
        run: impl Fn(&mut Request, Vec<M>) -> Result<String> + Send + Sync + 'static,
    ) -> Self {
        let run = move |req: &mut Request, rows: Vec<Vec<Value>>, _| run(req, models_of(rows)?).map(Outcome::Done);
        self.add_action(Action { name, label, run: Arc::new(run) });
        self
    }

    /// Adds an action that asks for values first. The form is shown below the names of the selected rows, and a form without fields only
    /// asks for a confirmation.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Ticket { pub id: i64, pub title: String, pub due_on: Option<NaiveDate> }
    /// use lback::chrono::NaiveDate;
    ///
    /// #[derive(Form)]
    /// struct Postpone {
    ///     until: NaiveDate,
    /// }
    ///
    /// fn postpone(req: &mut Request, tickets: Vec<Ticket>, form: Postpone) -> Result<String> {
    ///     for mut ticket in tickets {
    ///         ticket.due_on = Some(form.until);
    ///         ticket.save(req.db()?)?;
    ///     }
    ///     Ok(format!("The tickets are due on {}.", form.until))
    /// }
    ///
    /// let admin = Admin::new().model::<Ticket>(|ticket| ticket.action_with_form("postpone", "Postpone", postpone));
    /// # let _ = admin;
    /// ```
    pub fn action_with_form<F: FormFields + 'static>(
        mut self,
        name: &'static str,
        label: &'static str,
        run: impl Fn(&mut Request, Vec<M>, F) -> Result<String> + Send + Sync + 'static,
    ) -> Self {
        if let Some(field) = F::fields().iter().find(|field| ACTION_FIELDS.contains(&field.name())) {
            let (model, field) = (M::META.name, field.name());
            self.problems.push(format!("the form of the action \"{name}\" of {model} cannot have a field \"{field}\": rename it"));
        }
        let run = move |req: &mut Request, rows: Vec<Vec<Value>>, sent: Sent| {
            let mut form = Form::<F>::new();
            match sent {
                Sent::Nothing => form.offer_choices(req)?,
                Sent::Form => {
                    if let Some(values) = form.submitted(req)? {
                        return run(req, models_of(rows)?, values).map(Outcome::Done);
                    }
                }
            }
            Ok(Outcome::Ask(context! { form }))
        };
        self.add_action(Action { name, label, run: Arc::new(run) });
        self
    }

    fn add_action(&mut self, action: Action) {
        let name = action.name;
        if name == "delete" || self.options.actions.iter().any(|action| action.name == name) {
            self.problems.push(format!("{} has two actions \"{name}\"", M::META.name));
        }
        self.options.actions.push(action);
    }

    /// Narrows all pages of the model to the rows that a query finds for the user. The admin answers as if other rows did not exist.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Ticket { pub id: i64, pub title: String, pub agent_id: i64 }
    /// let admin = Admin::new().model::<Ticket>(|ticket| ticket.rows(|user| Ticket::query().filter(tickets::agent_id.eq(user.id))));
    /// # let _ = admin;
    /// ```
    pub fn rows<Q: QueryFragment<Dialect> + 'static>(mut self, query: impl Fn(&User) -> Q + Send + Sync + 'static) -> Self {
        let query = Arc::new(query);
        self.options.rows = Some(Arc::new(move |list, user| {
            let query = query.clone();
            list.among(move || query(&user))
        }));
        self
    }

    /// Decides who may add rows, among those with the permission.
    pub fn can_add(mut self, may: impl Fn(&mut Request) -> Result<bool> + Send + Sync + 'static) -> Self {
        self.options.can_add = Some(Arc::new(may));
        self
    }

    /// Decides who may change a row, among those with the permission.
    pub fn can_change(mut self, may: impl Fn(&mut Request, &M) -> Result<bool> + Send + Sync + 'static) -> Self {
        self.options.can_change = Some(Arc::new(move |req, row| may(req, &M::from_values(row.to_vec())?)));
        self
    }

    /// Decides who may delete a row, among those with the permission.
    pub fn can_delete(mut self, may: impl Fn(&mut Request, &M) -> Result<bool> + Send + Sync + 'static) -> Self {
        self.options.can_delete = Some(Arc::new(move |req, row| may(req, &M::from_values(row.to_vec())?)));
        self
    }

    /// Links each row to its page of the site.
    pub fn on_site(mut self, url: impl Fn(&M) -> String + Send + Sync + 'static) -> Self {
        self.options.on_site = Some(Arc::new(move |row| Ok(url(&M::from_values(row.to_vec())?))));
        self
    }
}

fn models_of<M: Model>(rows: Vec<Vec<Value>>) -> Result<Vec<M>> {
    rows.into_iter().map(M::from_values).collect()
}

fn searched(mut meta: &'static ModelMeta, name: &str) -> Result<Searched, String> {
    let (is_exact, path) = name.strip_prefix('=').map_or((false, name), |name| (true, name));
    let mut through = Vec::new();
    let mut parts = path.split('.').peekable();
    while let Some(part) = parts.next() {
        let field = names::field(meta, part)?;
        if parts.peek().is_none() {
            return match field.kind {
                Kind::Bytes | Kind::Json | Kind::Bool => Err(format!("{}.{part} cannot be searched, because it is not text", meta.name)),
                _ => Ok(Searched { through, field, is_exact }),
            };
        }
        let reference = field.references.ok_or_else(|| format!("{}.{part} is not a reference", meta.name))?;
        through.push(field);
        meta = (reference.model)();
    }
    Err(format!("\"{name}\" names no field of {}", meta.name))
}
