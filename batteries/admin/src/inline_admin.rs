//! [`InlineAdmin`], the options of the rows of another model in a form.

use std::fmt;
use std::marker::PhantomData;

use lback_models::{Auto, FieldMeta, Kind, ModelMeta, WritableModel};

use crate::names::{self, Named, named};

/// The maximum number of empty rows.
const MOST_EMPTY: usize = 20;

/// Rows of another model that refer to a row, on the page of that row.
#[derive(Clone)]
pub(crate) struct Inline {
    pub(crate) meta: &'static ModelMeta,
    /// The field that refers to the row.
    pub(crate) field: &'static FieldMeta,
    /// The prefix of the names of the form's fields.
    pub(crate) prefix: String,
    pub(crate) is_cards: bool,
    /// The number of empty rows.
    pub(crate) extra: usize,
    pub(crate) min: usize,
    pub(crate) max: Option<usize>,
    /// The fields and relations that are shown. Empty for all of the model's own form.
    pub(crate) fields: Vec<Named>,
    /// The field with the place of a row among the others.
    pub(crate) position: Option<&'static FieldMeta>,
    /// The inlines of its rows, which have none themselves.
    pub(crate) inlines: Vec<Inline>,
}

impl Inline {
    /// Adds an inline to the others of a model or an inline with this name.
    pub(crate) fn add(inlines: &mut Vec<Inline>, to: &str, new: (Option<Inline>, Vec<String>), problems: &mut Vec<String>) {
        let (inline, found) = new;
        problems.extend(found);
        let Some(inline) = inline else { return };
        if inlines.iter().any(|other| other.prefix == inline.prefix) {
            problems.push(format!("{to} has two inlines of {}: name another reference with by", inline.meta.name));
        }
        inlines.push(inline);
    }
}

/// The options of the rows of another model in a form. [`ModelAdmin::inline_with`](crate::ModelAdmin::inline_with) passes it to a closure.
///
/// ```
/// # use lback::prelude::*;
/// # #[derive(Model, Clone, Debug)]
/// # pub struct Poll { pub id: i64, pub question: String }
/// # #[derive(Model, Clone, Debug)]
/// # pub struct Answer { pub id: i64, #[model(references = Poll, on_delete = cascade)] pub poll_id: i64, pub text: String, pub position: i32 }
/// let admin = Admin::new().model::<Poll>(|poll| poll.inline_with::<Answer>(|answers| answers.order_by("position").extra(1).min(2).max(10)));
/// # let _ = admin;
/// ```
#[must_use]
pub struct InlineAdmin<C: WritableModel> {
    to: &'static ModelMeta,
    field: Option<&'static FieldMeta>,
    is_named: bool,
    is_cards: bool,
    extra: usize,
    min: usize,
    max: Option<usize>,
    fields: Vec<Named>,
    position: Option<&'static FieldMeta>,
    inlines: Vec<Inline>,
    /// `true` if it is an inline of an inline.
    is_nested: bool,
    problems: Vec<String>,
    of: PhantomData<fn() -> C>,
}

impl<C: WritableModel> fmt::Debug for InlineAdmin<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InlineAdmin").field("model", &C::META.name).field("of", &self.to.name).finish_non_exhaustive()
    }
}

fn refers(field: &FieldMeta, to: &ModelMeta) -> bool {
    field.references.is_some_and(|reference| (reference.model)().table == to.table)
}

impl<C: WritableModel> InlineAdmin<C> {
    pub(crate) fn new(to: &'static ModelMeta) -> Self {
        InlineAdmin {
            to,
            field: C::META.fields.iter().find(|field| refers(field, to)),
            is_named: false,
            is_cards: false,
            extra: 3,
            min: 0,
            max: None,
            fields: Vec::new(),
            position: None,
            inlines: Vec::new(),
            is_nested: false,
            problems: Vec::new(),
            of: PhantomData,
        }
    }

    /// Returns an inline of the rows of another inline.
    fn nested(to: &'static ModelMeta) -> Self {
        InlineAdmin { extra: 1, is_nested: true, ..InlineAdmin::new(to) }
    }

    pub(crate) fn into_parts(mut self) -> (Option<Inline>, Vec<String>) {
        if self.max.is_some_and(|max| max < self.min) {
            self.problems.push(format!("the inline of {} has a max below its min", C::META.name));
        }
        let Some(field) = self.field else {
            self.problems.push(format!("{} has no field that refers to {}", C::META.name, self.to.name));
            return (None, self.problems);
        };
        if self.is_nested && (field.hidden || self.is_cards || !self.inlines.is_empty()) {
            self.problems.push(format!(
                "the inline of {} is part of another inline: it is a table without inlines of its own, and its reference cannot be hidden",
                C::META.name
            ));
        }
        let table = C::META.table;
        let prefix = if self.is_named { format!("{table}.{}:", field.name) } else { format!("{table}:") };
        let inline = Inline {
            meta: C::META,
            field,
            prefix,
            // The inlines of a row need the width of the page.
            is_cards: self.is_cards || !self.inlines.is_empty(),
            extra: self.extra,
            min: self.min,
            max: self.max,
            fields: self.fields,
            position: self.position,
            inlines: self.inlines,
        };
        (Some(inline), self.problems)
    }

    fn found<T>(&mut self, found: Result<T, String>) -> Option<T> {
        found.map_err(|problem| self.problems.push(problem)).ok()
    }

    /// Shows each row as a card with its fields below each other, instead of a table.
    pub fn cards(mut self) -> Self {
        self.is_cards = true;
        self
    }

    /// Shows the rows of a third model that refer to a row of this inline with that row, which is then a card. They are rows of a table, and
    /// have no inlines of their own.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Survey { pub id: i64, pub title: String }
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Question { pub id: i64, #[model(references = Survey, on_delete = cascade)] pub survey_id: i64, pub text: String }
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Answer { pub id: i64, #[model(references = Question, on_delete = cascade)] pub question_id: i64, pub text: String }
    /// let admin = Admin::new().model::<Survey>(|survey| survey.inline_with::<Question>(|questions| questions.inline::<Answer>()));
    /// # let _ = admin;
    /// ```
    pub fn inline<D: WritableModel>(self) -> Self {
        self.inline_with::<D>(|inline| inline)
    }

    /// Shows the rows of a third model as [`inline`](Self::inline) does, and configures how. By default, each row of this inline has one
    /// empty row of the third model.
    pub fn inline_with<D: WritableModel>(mut self, configure: impl FnOnce(InlineAdmin<D>) -> InlineAdmin<D>) -> Self {
        let new = configure(InlineAdmin::nested(C::META)).into_parts();
        Inline::add(&mut self.inlines, C::META.name, new, &mut self.problems);
        self
    }

    /// Sets the number of empty rows, up to 20. The default is 3. With JavaScript, a button adds more.
    pub fn extra(mut self, rows: usize) -> Self {
        self.extra = rows.min(MOST_EMPTY);
        self
    }

    /// Sets the minimum number of rows. The form is not saved with fewer.
    pub fn min(mut self, rows: usize) -> Self {
        self.min = rows;
        self
    }

    /// Sets the maximum number of rows. No rows are added beyond it.
    pub fn max(mut self, rows: usize) -> Self {
        self.max = Some(rows);
        self
    }

    /// Sets the fields and many-to-many relations that are shown, among those of the model's own form.
    pub fn fields(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        for name in names {
            let found = self.found(named(C::META, name));
            self.fields.extend(found);
        }
        self
    }

    /// Sorts the rows by an integer, which is the place of a row among the others. With JavaScript, rows are moved by buttons or dragged. A
    /// new row without a place comes last.
    pub fn order_by(mut self, name: &'static str) -> Self {
        let found = names::field(C::META, name).and_then(|field| {
            let is_integer = matches!(field.kind, Kind::SmallInt | Kind::Integer | Kind::BigInt);
            let is_place =
                is_integer && field.references.is_none() && field.auto == Auto::No && !C::META.primary_key.contains(&field.column);
            if is_place { Ok(field) } else { Err(format!("{}.{name} is no integer that can be the place of a row", C::META.name)) }
        });
        self.position = self.found(found);
        self
    }

    /// Sets the field that refers to the row of the page. The default is the first one that refers to its model.
    pub fn by(mut self, name: &'static str) -> Self {
        let to = self.to;
        let found = names::field(C::META, name).and_then(|field| {
            if refers(field, to) { Ok(field) } else { Err(format!("{}.{name} does not refer to {}", C::META.name, to.name)) }
        });
        if let Some(field) = self.found(found) {
            self.is_named = self.field.is_some_and(|first| first.column != field.column);
            self.field = Some(field);
        }
        self
    }
}
