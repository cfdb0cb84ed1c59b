//! Options of lists: filters of the application, names that follow a reference, and how columns behave.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::query_builder::QueryFragment;
use lback_auth::User;
use lback_db::Dialect;
use lback_models::runtime::within_sentence;
use lback_models::{FieldMeta, Kind, List, Model, ModelMeta};

use crate::model_admin::ModelAdmin;
use crate::names::{self, Named, named};

/// The parameters of lists that belong to a saved view, apart from those of filters. Filters cannot have these names.
pub(crate) const SAVED_PARAMETERS: [&str; 6] = ["q", "sort", "size", "date", "columns", "counts"];
/// The other parameters of lists and of the pages that lists lead to, which filters cannot have, either.
const OTHER_PARAMETERS: [&str; 4] = ["after", "before", "format", "from"];

/// A field of the row to which a reference leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Through {
    /// The name in the configuration: `author.name`.
    pub(crate) name: &'static str,
    pub(crate) reference: &'static FieldMeta,
    /// The model of the other row.
    pub(crate) to: &'static ModelMeta,
    pub(crate) field: &'static FieldMeta,
}

impl Through {
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.reference.label, within_sentence(self.field.label))
    }
}

/// A field or relation by which a list is narrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Filtered {
    Named(Named),
    Through(Through),
}

impl Filtered {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Filtered::Named(named) => named.name(),
            Filtered::Through(through) => through.name,
        }
    }
}

/// Narrows a list to the rows of a choice, for a user, at a time.
pub(crate) type NarrowFn = Arc<dyn Fn(List, &'static str, Arc<User>, DateTime<Utc>) -> List + Send + Sync>;

/// A filter of the application.
#[derive(Clone)]
pub(crate) struct OwnFilter {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// The values, with their labels.
    pub(crate) choices: Vec<(&'static str, &'static str)>,
    pub(crate) narrow: NarrowFn,
}

/// The choice of a visitor in a [filter of the application](ModelAdmin::filter_by).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FilterChoice<'a> {
    /// The value, which is one of those of the filter.
    pub value: &'static str,
    /// The visitor.
    pub user: &'a User,
    /// The time of the request.
    pub now: DateTime<Utc>,
}

impl<M: Model> ModelAdmin<M> {
    /// Sets the columns of the list that lead to the row, or none. By default, it is the first.
    pub fn leading(mut self, columns: impl IntoIterator<Item = &'static str>) -> Self {
        self.options.leading = Some(self.columns(columns));
        self
    }

    /// Sets the text of the list for values that are missing. By default, it is a dash.
    pub fn empty_value(mut self, text: &'static str) -> Self {
        self.options.empty_value = Some(text);
        self
    }

    /// Sets the fields by which visitors can sort the list. By default, they are all columns that are fields.
    pub fn sortable_by(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        let mut sortable = Vec::new();
        for name in fields {
            sortable.extend(self.found(names::sortable(M::META, name)).map(|field| field.name));
        }
        self.options.sortable = Some(sortable);
        self
    }

    /// Adds a filter of your own: its name in the query string, its label, and its choices, each a value and a label. Returns a query for the
    /// rows of a choice, which narrows the list together with the search and all other filters.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Ticket { pub id: i64, pub title: String, pub agent_id: i64, pub due_at: DateTime<Utc> }
    /// let admin = Admin::new().model::<Ticket>(|ticket| {
    ///     ticket
    ///         .filter_by("due", "Due", [("past", "Overdue"), ("future", "In time")], |choice| match choice.value {
    ///             "past" => Ticket::query().filter(tickets::due_at.lt(choice.now)),
    ///             _ => Ticket::query().filter(tickets::due_at.ge(choice.now)),
    ///         })
    ///         .filter_by("mine", "Mine", [("yes", "Yes")], |choice| Ticket::query().filter(tickets::agent_id.eq(choice.user.id)))
    /// });
    /// # let _ = admin;
    /// ```
    pub fn filter_by<Q: QueryFragment<Dialect> + 'static>(
        mut self,
        name: &'static str,
        label: &'static str,
        choices: impl IntoIterator<Item = (&'static str, &'static str)>,
        query: impl Fn(FilterChoice<'_>) -> Q + Send + Sync + 'static,
    ) -> Self {
        let choices: Vec<_> = choices.into_iter().collect();
        self.problems
            .extend(self.problem_of_filter(name, &choices).map(|problem| format!("the filter \"{name}\" of {}: {problem}", M::META.name)));
        let query = Arc::new(query);
        let narrow = move |list: List, value: &'static str, user: Arc<User>, now: DateTime<Utc>| {
            let query = query.clone();
            list.among(move || query(FilterChoice { value, user: &user, now }))
        };
        self.options.own_filters.push(OwnFilter { name, label, choices, narrow: Arc::new(narrow) });
        self
    }

    fn problem_of_filter(&self, name: &str, choices: &[(&str, &str)]) -> Option<&'static str> {
        let is_own = self.options.own_filters.iter().any(|other| other.name == name);
        let is_field = M::META.fields.iter().any(|field| field.name == name) || M::META.many_to_many.iter().any(|link| link.name == name);
        let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let has_twice = choices.iter().enumerate().any(|(at, (value, _))| choices[..at].iter().any(|(other, _)| other == value));
        match name {
            _ if !is_plain => Some("a name has only letters, digits and underscores"),
            _ if is_field => Some("the model has a field with this name"),
            _ if is_own => Some("there is another filter with this name"),
            _ if SAVED_PARAMETERS.contains(&name) || OTHER_PARAMETERS.contains(&name) => Some("lists use this name for themselves"),
            _ if choices.is_empty() || has_twice || choices.iter().any(|(value, _)| value.is_empty()) => {
                Some("it needs choices, each with a value of its own")
            }
            _ => None,
        }
    }
}

pub(crate) fn through(meta: &'static ModelMeta, name: &'static str) -> Result<Through, String> {
    let (first, last) = name.split_once('.').unwrap_or((name, ""));
    let reference = names::field(meta, first)?;
    let to =
        reference.references.map(|reference| (reference.model)()).ok_or_else(|| format!("{}.{first} is not a reference", meta.name))?;
    match names::field(to, last)? {
        field if field.references.is_some() => Err(format!("\"{name}\" leads to another reference, which a list does not follow")),
        field => Ok(Through { name, reference, to, field }),
    }
}

pub(crate) fn filtered(meta: &'static ModelMeta, name: &'static str) -> Result<Filtered, String> {
    let found = if name.contains('.') { Filtered::Through(through(meta, name)?) } else { Filtered::Named(named(meta, name)?) };
    match found {
        Filtered::Named(Named::Field(field)) | Filtered::Through(Through { field, .. })
            if matches!(field.kind, Kind::Bytes | Kind::Json) =>
        {
            Err(format!("a list cannot be narrowed by {}.{name}, because databases do not compare its values", meta.name))
        }
        found => Ok(found),
    }
}
