//! [`Resource`], the rules by which the API shows and changes the rows of a model.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use lback_auth::{Group, Permission, Right, User};
use lback_core::{Method, Request, Result, StatusCode};
use lback_forms::Field;
use lback_models::runtime::{form_field, named_field};
use lback_models::{Auto, FieldMeta, Format, Kind, List, Model, ModelMeta, ModelOps, ops};

use crate::hooks::Hooks;
use crate::parameters;
use crate::version_tag::VersionTag;

/// The rules by which the API shows and changes the rows of a model. [`Api::resource`](crate::Api::resource) passes them to a closure.
///
/// Fields are named as in the model; a reference may be named without its `_id`. A wrong name is an error at startup.
///
/// ```
/// # use lback::prelude::*;
/// # #[derive(Model, Clone, Debug)]
/// # pub struct Agent { pub id: i64, pub name: String }
/// # #[derive(Model, Clone, Debug)]
/// # pub struct Ticket { pub id: i64, pub title: String, #[model(references = Agent)] pub agent_id: i64, pub is_open: bool, #[model(auto_now_add)] pub created_at: DateTime<Utc> }
/// let api = Api::new("Helpdesk", "1").resource::<Ticket>(|ticket| {
///     ticket
///         .fields(["id", "title", "is_open", "agent", "created_at"])
///         .writable(["title", "is_open", "agent"])
///         .filter(["is_open", "agent", "created_at"])
///         .search(["title"])
///         .order(["-created_at"])
///         .include("agent", ["id", "name"])
/// });
/// # let _ = api;
/// ```
///
/// # Access
///
/// Every operation needs a login and the permission that the admin asks for as well: `tickets.view` or `tickets.change` to list
/// and get, `tickets.add`, `tickets.change` and `tickets.delete`. [`login_required`](Self::login_required) and [`public`](Self::public) ask for less.
///
/// In applications with `App::tokens()`, an API token of the user takes the place of the login, if it has the [`scope`](Self::scope).
#[must_use]
pub struct Resource<M: Model> {
    config: Config,
    problems: Vec<String>,
    of: PhantomData<fn() -> M>,
}

impl<M: Model> fmt::Debug for Resource<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("model", &M::META.name).finish_non_exhaustive()
    }
}

/// An operation on the rows of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `GET /tickets`
    List,
    /// `GET /tickets/7`
    Get,
    /// `POST /tickets`
    Create,
    /// `PATCH /tickets/7`, which changes the fields that are sent.
    Change,
    /// `PUT /tickets/7`, which changes all fields: those that are not sent get their defaults.
    Replace,
    /// `DELETE /tickets/7`
    Delete,
}

impl Operation {
    pub(crate) const ALL: [Operation; 6] =
        [Operation::List, Operation::Get, Operation::Create, Operation::Change, Operation::Replace, Operation::Delete];

    pub(crate) fn method(self) -> Method {
        match self {
            Operation::List | Operation::Get => Method::GET,
            Operation::Create => Method::POST,
            Operation::Change => Method::PATCH,
            Operation::Replace => Method::PUT,
            Operation::Delete => Method::DELETE,
        }
    }

    pub(crate) fn is_reading(self) -> bool {
        matches!(self, Operation::List | Operation::Get)
    }

    /// Returns whether the operation is about one row, and not about the list.
    pub(crate) fn has_key(self) -> bool {
        !matches!(self, Operation::List | Operation::Create)
    }

    /// Returns whether the client sends a row.
    pub(crate) fn has_body(self) -> bool {
        matches!(self, Operation::Create | Operation::Change | Operation::Replace)
    }

    /// Returns whether it accepts the header `Idempotency-Key`. The other operations have the same effect if they are repeated.
    pub(crate) fn has_idempotency_key(self) -> bool {
        matches!(self, Operation::Create | Operation::Change)
    }

    /// Returns the rights. A user needs one of them.
    pub(crate) fn rights(self) -> &'static [Right] {
        match self {
            // The right to change rows includes the right to see them.
            Operation::List | Operation::Get => &[Right::View, Right::Change],
            Operation::Create => &[Right::Add],
            Operation::Change | Operation::Replace => &[Right::Change],
            Operation::Delete => &[Right::Delete],
        }
    }
}

/// The access rule of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Everyone,
    Users,
    UsersWithPermission,
}

/// The configuration of a resource, without the type of its model.
pub(crate) struct Config {
    pub(crate) ops: &'static dyn ModelOps,
    pub(crate) path: String,
    /// The scope of API tokens, if it is not the path.
    scope: Option<String>,
    /// The primary key.
    pub(crate) key: &'static FieldMeta,
    pub(crate) fields: Vec<&'static FieldMeta>,
    pub(crate) writable: Vec<&'static FieldMeta>,
    /// The rules of the writable fields, by their names.
    pub(crate) rules: BTreeMap<&'static str, Field>,
    pub(crate) filters: Vec<&'static FieldMeta>,
    pub(crate) search: Vec<&'static FieldMeta>,
    pub(crate) sortable: Vec<&'static FieldMeta>,
    /// The default order: names, each with a `-` for descending order.
    pub(crate) order: Vec<String>,
    pub(crate) includes: Vec<Include>,
    pub(crate) has_sparse_fields: bool,
    pub(crate) is_numbered: bool,
    pub(crate) per_page: u32,
    pub(crate) most_per_page: u32,
    pub(crate) requires_if_match: bool,
    pub(crate) version_tag: Option<VersionTag>,
    /// The statuses of errors that the application's code returns.
    pub(crate) answers: Vec<(StatusCode, String)>,
    pub(crate) hooks: Hooks,
    only: Option<Vec<Operation>>,
    reading: Access,
    writing: Access,
}

/// A row to which a reference leads, shown within another.
pub(crate) struct Include {
    /// The name: that of the reference, without its `_id`.
    pub(crate) name: &'static str,
    pub(crate) reference: &'static FieldMeta,
    pub(crate) to: &'static ModelMeta,
    pub(crate) fields: Vec<&'static FieldMeta>,
}

impl Config {
    pub(crate) fn meta(&self) -> &'static ModelMeta {
        self.ops.meta()
    }

    pub(crate) fn has(&self, operation: Operation) -> bool {
        let is_possible = operation.is_reading() || !self.writable.is_empty();
        is_possible && self.only.as_ref().is_none_or(|only| only.contains(&operation))
    }

    pub(crate) fn access(&self, operation: Operation) -> Access {
        if operation.is_reading() { self.reading } else { self.writing }
    }

    /// Returns the scope that an API token needs for an operation.
    pub(crate) fn scope(&self, operation: Operation) -> String {
        let access = if operation.is_reading() { "read" } else { "write" };
        format!("{}:{access}", self.scope.as_ref().unwrap_or(&self.path))
    }

    /// Returns the fields that a client sends.
    pub(crate) fn accepted(&self, operation: Operation) -> impl Iterator<Item = &'static FieldMeta> {
        // The key of a row stays as it is.
        let is_fixed = move |field: &FieldMeta| operation != Operation::Create && field.name == self.key.name;
        self.writable.iter().copied().filter(move |field| !is_fixed(field))
    }

    /// Returns the fields that clients do not see, although cursors contain their values. The key is part of each URL anyway.
    fn fields_in_cursors(&self) -> Vec<&'static FieldMeta> {
        if self.is_numbered || !self.has(Operation::List) {
            return Vec::new();
        }
        let meta = self.meta();
        let default =
            meta.total_order().into_iter().filter(|_| self.order.is_empty()).filter_map(|(column, _)| meta.field_of_column(column));
        let is_shown = |field: &FieldMeta| self.fields.iter().chain([&self.key]).any(|shown| shown.name == field.name);
        // A list is never sorted by the others.
        let is_sorted = |field: &FieldMeta| !field.hidden && field.kind != Kind::Json;
        self.sortable.iter().copied().chain(default).filter(|field| is_sorted(field) && !is_shown(field)).collect()
    }

    /// Returns the rows that the client may see.
    pub(crate) fn rows(&self, req: &mut Request) -> Result<List> {
        let list = self.ops.list();
        match &self.hooks.queryset {
            Some(narrow) => narrow(req, list),
            None => Ok(list),
        }
    }
}

/// Returns whether a client must send a field of a new row.
pub(crate) fn is_required(field: &FieldMeta) -> bool {
    !field.null && !field.blank && field.default.is_none()
}

impl<M: Model> Resource<M> {
    pub(crate) fn new() -> Self {
        let key = M::META.primary_key.first().and_then(|key| M::META.field_of_column(key));
        let config = Config {
            ops: ops::<M>(),
            path: M::META.table.to_owned(),
            scope: None,
            key: key.unwrap_or(&M::META.fields[0]),
            fields: Vec::new(),
            writable: Vec::new(),
            rules: BTreeMap::new(),
            filters: Vec::new(),
            search: Vec::new(),
            sortable: Vec::new(),
            order: Vec::new(),
            includes: Vec::new(),
            has_sparse_fields: false,
            is_numbered: false,
            per_page: 20,
            most_per_page: 100,
            requires_if_match: false,
            version_tag: None,
            answers: Vec::new(),
            hooks: Hooks::default(),
            only: None,
            reading: Access::UsersWithPermission,
            writing: Access::UsersWithPermission,
        };
        Resource { config, problems: Vec::new(), of: PhantomData }
    }

    /// Returns the configuration, and the mistakes in it.
    pub(crate) fn into_parts(mut self) -> (Config, Vec<String>) {
        let (name, config) = (M::META.name, &mut self.config);
        let mut problem = |text: String| self.problems.push(text);
        if M::META.primary_key.len() != 1 || config.key.hidden {
            problem(format!("{name} needs a primary key of one field that is not hidden, because the URLs of its rows end in it"));
        }
        if config.fields.is_empty() {
            problem(format!("{name} has no fields: name those that clients may see, as in .fields([\"{}\"])", config.key.name));
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if config.path.is_empty() || !config.path.chars().all(is_plain) {
            problem(format!("the path \"{}\" of {name} must consist of letters, digits, -, _ and .", config.path));
        }
        if config.most_per_page < config.per_page {
            problem(format!("{name} has {} rows on a page, which is more than at most {}", config.per_page, config.most_per_page));
        }
        if config.writable.is_empty() && config.only.iter().flatten().any(|operation| !operation.is_reading()) {
            problem(format!("{name} has operations that change rows, but no fields that clients write: add .writable([…])"));
        }
        let mut known = BTreeSet::new();
        for parameter in parameters::of(config, Operation::List) {
            if !known.insert(parameter.name.clone()) {
                let filter = parameter.name;
                problem(format!(
                    "{name} has a filter \"{filter}\", but lists have another parameter \"{filter}\": remove it from .filter([…])"
                ));
            }
        }
        for (at, include) in config.includes.iter().enumerate() {
            if config.includes[..at].iter().any(|other| other.name == include.name) {
                problem(format!("{name} includes \"{}\" twice: remove one .include(…)", include.name));
            }
        }
        for field in config.fields_in_cursors() {
            problem(format!(
                "{name}.{0} is not among the fields that clients see, but the cursors of pages contain its value, because lists can be sorted \
                 by it: add \"{0}\" to .fields([…]), choose another .order([…]), or write .numbered_pages()",
                field.name
            ));
        }
        config.rules = config.writable.iter().map(|field| (field.name, form_field(field))).collect();
        config.version_tag = VersionTag::of(M::META, &config.fields);
        if config.requires_if_match && config.version_tag.is_none() {
            problem(format!("{name} requires If-Match, but has no version: add a field #[model(version)] version: i32"));
        }
        (self.config, self.problems)
    }

    fn found<T>(&mut self, found: Result<T, String>) -> Option<T> {
        found.map_err(|problem| self.problems.push(problem)).ok()
    }

    /// Returns the fields with these names that `check` accepts.
    fn named(
        &mut self,
        names: impl IntoIterator<Item = &'static str>,
        check: impl Fn(&'static FieldMeta) -> Result<(), &'static str>,
    ) -> Vec<&'static FieldMeta> {
        let mut fields: Vec<&'static FieldMeta> = Vec::new();
        for name in names {
            let found = field(M::META, name).and_then(|field| match check(field) {
                Ok(()) => Ok(field),
                Err(why) => Err(format!("{}.{name} {why}", M::META.name)),
            });
            let found = self.found(found).filter(|new| !fields.iter().any(|field| field.name == new.name));
            fields.extend(found);
        }
        fields
    }

    /// Sets the fields that clients see. Nothing else of a row leaves the server.
    pub fn fields(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.config.fields = self.named(names, |_| Ok(()));
        self
    }

    /// Sets the fields that clients write, which adds the operations to create, change and delete rows. A field that is not among
    /// [`fields`](Self::fields) is written and never shown.
    ///
    /// A new row needs each of them, unless it may be NULL, may be `blank` or has a default.
    pub fn writable(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        if [User::META.table, Group::META.table, Permission::META.table].contains(&M::META.table) {
            self.problems
                .push(format!("the rows of {} decide who may do what, and an API cannot change them: remove .writable([…])", M::META.name));
            return self;
        }
        if M::META.new_values.is_none() {
            self.problems.push(format!("{} is read_only: remove .writable([…])", M::META.name));
            return self;
        }
        self.config.writable = self.named(names, |field| match (field.auto, field.format) {
            (Auto::No, Format::File | Format::Image) => Err("names a stored file: write a view that receives the file"),
            (Auto::No, _) => Ok(()),
            _ => Err("is set by the database or by Lback, and not by clients: remove it from .writable([…])"),
        });
        self
    }

    /// Sets the fields by which clients filter lists: `?state=open`. Each has the parameters that suit its type:
    ///
    /// | parameter | rows |
    /// | --- | --- |
    /// | `state=open` | with this value |
    /// | `state__in=open,closed` | with one of these values, at most 100 |
    /// | `created_at__gte=…`, `__gt`, `__lte`, `__lt` | from or after a value, up to or before it; for numbers and times |
    /// | `title__contains=printer` | with this text in it, in upper or lower case; for texts |
    /// | `closed_at__isnull=true` | without a value; for fields that may be NULL |
    pub fn filter(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.config.filters = self.named(names, |field| match field.kind {
            Kind::Json | Kind::Bytes => Err("is JSON or bytes, by which rows cannot be filtered"),
            _ => Ok(()),
        });
        self
    }

    /// Sets the text fields that `?search=…` searches. Each word must be in one of them.
    pub fn search(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.config.search =
            self.named(names, |field| if field.kind == Kind::Text { Ok(()) } else { Err("is not a text, and cannot be searched") });
        self
    }

    /// Sets the order of lists, each field with a `-` for descending order, and lets clients sort by these fields: `?order=created_at`.
    /// By default, it is the order of the model. The fields must be among [`fields`](Self::fields), because cursors contain their values,
    /// unless the pages are [numbered](Self::numbered_pages).
    pub fn order(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        let signed: Vec<(&str, &'static str)> =
            names.into_iter().map(|name| name.strip_prefix('-').map_or(("", name), |name| ("-", name))).collect();
        let mut fields = Vec::new();
        self.config.order.clear();
        for (sign, name) in signed {
            let named = self.named([name], can_sort);
            self.config.order.extend(named.iter().map(|field| format!("{sign}{}", field.name)));
            fields.extend(named);
        }
        self.add_sortable(fields);
        self
    }

    /// Adds fields by which clients can sort lists.
    pub fn sortable(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        let fields = self.named(names, can_sort);
        self.add_sortable(fields);
        self
    }

    fn add_sortable(&mut self, fields: Vec<&'static FieldMeta>) {
        for field in fields {
            if !self.config.sortable.iter().any(|known| known.name == field.name) {
                self.config.sortable.push(field);
            }
        }
    }

    /// Lets clients include the row to which a reference leads, with these fields: `?include=author` adds `author` to each row, and costs
    /// one query. All users who see a row see these fields of the other.
    pub fn include(mut self, reference: &'static str, fields: impl IntoIterator<Item = &'static str>) -> Self {
        let included = include(M::META, reference, fields);
        let included = self.found(included);
        self.config.includes.extend(included);
        self
    }

    /// Lets clients choose among the fields: `?fields=id,title`. In the document, no field of a row is required then.
    pub fn sparse_fields(mut self) -> Self {
        self.config.has_sparse_fields = true;
        self
    }

    /// Sets the number of rows on a page, and the maximum for `?limit=…`. The defaults are 20 and 100.
    pub fn per_page(mut self, rows: u32, most: u32) -> Self {
        self.config.per_page = rows.max(1);
        self.config.most_per_page = most;
        self
    }

    /// Numbers the pages, and counts the rows: `?page=2`. By default, a page begins after a row, `?after=…`, which takes the same time for
    /// all pages, and does not repeat or skip rows when others are added.
    pub fn numbered_pages(mut self) -> Self {
        self.config.is_numbered = true;
        self
    }

    /// Sets the end of the path, instead of the name of the table.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.config.path = path.into();
        self
    }

    /// Sets the scope that API tokens need, instead of the path: `tickets:read` to list and get rows, `tickets:write` for all other
    /// operations, or `tickets` for both. Several resources may have the same scope.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.config.scope = Some(scope.into());
        self
    }

    /// Leaves out all other operations.
    pub fn only(mut self, operations: impl IntoIterator<Item = Operation>) -> Self {
        self.config.only = Some(operations.into_iter().collect());
        self
    }

    /// Lets everyone list and get rows. Writing still needs a login and a permission.
    pub fn public(mut self) -> Self {
        self.config.reading = Access::Everyone;
        self
    }

    /// Lets all users that are logged in use the operations, without a permission. [`queryset`](Self::queryset) limits the rows.
    pub fn login_required(mut self) -> Self {
        if self.config.reading == Access::UsersWithPermission {
            self.config.reading = Access::Users;
        }
        self.config.writing = Access::Users;
        self
    }

    /// Limits all operations to some rows. Other rows do not exist for the client, which can neither create them nor change a row into one
    /// of them. Rows of other resources of the API cannot be made to refer to them either.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Ticket { pub id: i64, pub title: String, pub author_id: i64 }
    /// let api = Api::new("Helpdesk", "1").resource::<Ticket>(|ticket| {
    ///     ticket.fields(["id", "title"]).login_required().queryset(|req, list| {
    ///         let user = req.require_login()?;
    ///         Ok(match user.is_staff {
    ///             true => list,
    ///             false => list.among(move || Ticket::query().filter(tickets::author_id.eq(user.id))),
    ///         })
    ///     })
    /// });
    /// # let _ = api;
    /// ```
    pub fn queryset(mut self, narrow: impl Fn(&mut Request, List) -> Result<List> + Send + Sync + 'static) -> Self {
        self.config.hooks.queryset = Some(Box::new(narrow));
        self
    }

    /// Requires `If-Match` with the `ETag` of the row, to change or delete it. The model needs a `version`.
    ///
    /// Without this, `If-Match` is checked if it is sent.
    pub fn require_if_match(mut self) -> Self {
        self.config.requires_if_match = true;
        self
    }

    /// Runs code before a row is saved, in the same transaction. The code gets the row, which it may change, and the row in the database, or
    /// `None` for a new row. The model's `clean` validates the row afterwards.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Ticket { pub id: i64, pub title: String, pub author_id: i64 }
    /// let api = Api::new("Helpdesk", "1").resource::<Ticket>(|ticket| {
    ///     ticket.fields(["id", "title"]).writable(["title"]).before_save(|req, ticket, old| {
    ///         if old.is_none() {
    ///             ticket.author_id = req.require_login()?.id;
    ///         }
    ///         Ok(())
    ///     })
    /// });
    /// # let _ = api;
    /// ```
    pub fn before_save(mut self, run: impl Fn(&mut Request, &mut M, Option<&M>) -> Result<()> + Send + Sync + 'static) -> Self {
        self.config.hooks.add_before_save(run);
        self
    }

    /// Runs code after a row was saved, in the same transaction. An error undoes the save.
    pub fn after_save(mut self, run: impl Fn(&mut Request, &M, Option<&M>) -> Result<()> + Send + Sync + 'static) -> Self {
        self.config.hooks.add_after_save(run);
        self
    }

    /// Runs code before a row is deleted, in the same transaction. An error keeps the row.
    pub fn before_delete(mut self, run: impl Fn(&mut Request, &M) -> Result<()> + Send + Sync + 'static) -> Self {
        self.config.hooks.add_before_delete(run);
        self
    }

    /// Runs code after a row was deleted, in the same transaction. An error undoes the deletion.
    pub fn after_delete(mut self, run: impl Fn(&mut Request, &M) -> Result<()> + Send + Sync + 'static) -> Self {
        self.config.hooks.add_after_delete(run);
        self
    }

    /// Adds the status of an error that your code returns, such as the 409 of a [`before_save`](Self::before_save), to the operations of the
    /// document that change rows.
    pub fn answers(mut self, status: StatusCode, description: impl Into<String>) -> Self {
        self.config.answers.push((status, description.into()));
        self
    }
}

fn can_sort(field: &'static FieldMeta) -> Result<(), &'static str> {
    if field.kind == Kind::Json { Err("is JSON, by which rows cannot be sorted") } else { Ok(()) }
}

fn include(meta: &'static ModelMeta, name: &str, fields: impl IntoIterator<Item = &'static str>) -> Result<Include, String> {
    let reference = field(meta, name)?;
    let unfit = |why| format!("{}.{name} {why}", meta.name);
    let to = reference.references.ok_or_else(|| unfit("is not a reference, and leads to no row to include"))?.model;
    let short = reference.name.strip_suffix("_id").filter(|short| meta.field(short).is_none());
    let name = short.ok_or_else(|| unfit("can be included only if its name ends in _id, without which the row is named"))?;
    let fields = fields.into_iter().map(|name| field(to(), name)).collect::<Result<_, _>>()?;
    Ok(Include { name, reference, to: to(), fields })
}

/// Returns the field with this name.
fn field(meta: &'static ModelMeta, name: &str) -> Result<&'static FieldMeta, String> {
    if meta.many_to_many.iter().any(|link| link.name == name) {
        return Err(format!("{}.{name} is a many-to-many relation, which an API does not show: add a view for it", meta.name));
    }
    named_field(meta, name)
}
