//! Forms whose fields are those of a model.

use chrono::DateTime;
use diesel::Connection as _;
use diesel::query_builder::QueryFragment;
use lback_core::{Error, Request, Result, StatusCode};
use lback_db::{Db, Dialect};
use lback_forms::{Asked, Bound, ChoiceSource, Field, FieldKind, Form, FormErrors, FormFields, Offered, Widget};

use crate::table_choices::{TableChoices, pairs_of};
use crate::{Auto, FieldMeta, Format, Kind, Literal, ManyToManyMeta, NewRow, Value, WritableModel, refused, rows};

/// A form of some fields of a model. `#[derive(Form)]` implements it for a struct with `#[form(model = Post)]`.
pub trait FormOf<M: WritableModel>: FormFields {
    /// The fields that are many-to-many relations, which [`save`](ModelForm::save) and [`create`](ModelForm::create) set.
    const LINKS: &'static [&'static str] = &[];

    /// Returns the values with which the form edits a row.
    fn of(row: &M) -> Self;

    /// Gives the row the values of the form, without its many-to-many relations. A field of the form that is `None` leaves a field that cannot be NULL as it is.
    fn apply(self, row: &mut M);

    /// Returns a new row with the values of the form.
    fn into_new(self) -> M::New {
        let mut row = M::New::default().preview(DateTime::UNIX_EPOCH);
        self.apply(&mut row);
        row.into()
    }
}

const CHANGED: &str = "This has been changed or deleted since you opened it. Copy what you have written, open it again, and paste it.";

/// Methods for the form of a model.
pub trait ModelForm<T> {
    /// Returns the form, filled in with the values of a row.
    fn editing<M: WritableModel>(row: &M) -> Self
    where
        T: FormOf<M>;

    /// Narrows the choices of a field that is a reference or a many-to-many relation: to the rows that the query finds, in the order of their
    /// model. The query loads rows of that model.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Author { pub id: i64, pub name: String, pub team: i32 }
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: i64, #[model(references = Author)] pub author_id: i64, pub title: String }
    /// #[derive(Form)]
    /// #[form(model = Post)]
    /// struct PostForm {
    ///     author_id: i64,
    ///     title: String,
    /// }
    ///
    /// fn form_of_team(team: i32) -> Form<PostForm> {
    ///     Form::new().limit_choices("author_id", move || Author::query().filter(authors::team.eq(team)))
    /// }
    /// ```
    fn limit_choices<Q: QueryFragment<Dialect> + 'static>(self, name: &str, query: impl Fn() -> Q + Send + Sync + 'static) -> Self;

    /// Inserts a row. Returns `None` if it is not valid: the errors are at their fields then, and the form is to be shown again.
    ///
    /// The model's `clean` validates the row first. A value that must be unique, and that another row has, is an error at its field,
    /// as is a reference to a row that does not exist.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: i64, #[model(max_length = 120, unique)] pub title: String, pub body: String }
    /// #[derive(Form)]
    /// #[form(model = Post)]
    /// struct Draft {
    ///     title: String,
    ///     body: String,
    /// }
    ///
    /// fn add(req: &mut Request) -> Result<Response> {
    ///     let mut form = Form::<Draft>::new();
    ///     if let Some(draft) = form.submitted(req)?
    ///         && let Some(post) = form.create(req.db()?, draft.into_new())?
    ///     {
    ///         return Ok(Response::redirect(&format!("/posts/{}", post.id)));
    ///     }
    ///     req.render("add.html", context! { form })
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the database refuses the row for another reason.
    fn create<M: WritableModel>(&mut self, db: &mut Db, new: M::New) -> Result<Option<M>>
    where
        T: FormOf<M>;

    /// Saves a row. Returns `false` if it is not valid: the errors are at their fields then, and the form is to be shown again.
    ///
    /// The rules are those of [`create`](Self::create). If the row has been deleted, or, if the form has the `version` of its model, if
    /// the row has been changed since the form was opened, that is an error of the form as a whole.
    ///
    /// # Errors
    /// Returns an error if the database refuses the row for another reason.
    fn save<M: WritableModel>(&mut self, db: &mut Db, row: &mut M) -> Result<bool>
    where
        T: FormOf<M>;
}

impl<T: FormFields> ModelForm<T> for Form<T> {
    fn editing<M: WritableModel>(row: &M) -> Self
    where
        T: FormOf<M>,
    {
        let mut form = Form::new().fill(&T::of(row));
        let key = || M::key_values(row.key()).ok()?.into_iter().next();
        for name in T::LINKS {
            let link = M::META.many_to_many.iter().find(|link| link.name == *name);
            if let Some((pairs, own)) = link.and_then(|link| pairs_of(link).ok()).zip(key()) {
                form = form.change(name, |field| change_source(field, |source| source.linked(pairs, own)));
            }
        }
        form
    }

    fn limit_choices<Q: QueryFragment<Dialect> + 'static>(self, name: &str, query: impl Fn() -> Q + Send + Sync + 'static) -> Self {
        self.change(name, |field| match table_choices(&field) {
            Some(source) => {
                let source = source.limited(query);
                field.choices_from(source)
            }
            None => field.choices_from(NoTable),
        })
    }

    fn create<M: WritableModel>(&mut self, db: &mut Db, new: M::New) -> Result<Option<M>>
    where
        T: FormOf<M>,
    {
        let row = new.clone().preview(db.now());
        let mut errors = FormErrors::default();
        row.clean(&mut errors);
        if !errors.is_empty() {
            self.add_errors(errors);
            return Ok(None);
        }
        // A transaction inside that of the request, which goes on if the row is refused.
        let created = db.transaction(|db| -> Result<M> {
            let row = M::create(db, new)?;
            set_links::<M, T>(self, db, &row)?;
            Ok(row)
        });
        match created {
            Ok(row) => Ok(Some(row)),
            Err(error) => {
                refused::explain(M::META, db, &row.to_values()?, error, &mut errors)?;
                self.add_errors(errors);
                Ok(None)
            }
        }
    }

    fn save<M: WritableModel>(&mut self, db: &mut Db, row: &mut M) -> Result<bool>
    where
        T: FormOf<M>,
    {
        let mut errors = FormErrors::default();
        row.clean(&mut errors);
        if !errors.is_empty() {
            self.add_errors(errors);
            return Ok(false);
        }
        let mut saved = row.clone();
        let result = db.transaction(|db| -> Result<()> {
            saved.save(db)?;
            set_links::<M, T>(self, db, &saved)
        });
        match result {
            Ok(()) => {
                *row = saved;
                Ok(true)
            }
            Err(error) if error.status() == StatusCode::CONFLICT => {
                // What was typed is not lost.
                self.add_form_error(CHANGED);
                Ok(false)
            }
            Err(error) => {
                refused::explain(M::META, db, &row.to_values()?, error, &mut errors)?;
                self.add_errors(errors);
                Ok(false)
            }
        }
    }
}

/// Sets the many-to-many relations of the form to what was submitted.
fn set_links<M: WritableModel, T: FormOf<M>>(form: &Form<T>, db: &mut Db, row: &M) -> Result<()> {
    for name in T::LINKS {
        let Some(link) = M::META.many_to_many.iter().find(|link| link.name == *name) else { continue };
        let own = M::key_values(row.key())?.into_iter().next().unwrap_or(Value::Null);
        let others = TableChoices::of((link.model)()).keys(form.values(name));
        rows::set_linked(db, pairs_of(link)?, &own, &others)?;
    }
    Ok(())
}

/// Changes the rows that a field offers, if it offers rows.
fn change_source(field: Field, change: impl FnOnce(&TableChoices) -> TableChoices) -> Field {
    match table_choices(&field).map(change) {
        Some(source) => field.choices_from(source),
        None => field,
    }
}

fn table_choices(field: &Field) -> Option<&TableChoices> {
    field.source()?.as_any()?.downcast_ref()
}

/// The choices of a field that offers no rows, but whose rows were to be limited.
struct NoTable;

impl ChoiceSource for NoTable {
    fn offer(&self, _req: &mut Request, _asked: &Asked<'_>) -> Result<Offered> {
        Err(Error::internal("limit_choices is for a field that refers to a model and offers its rows, and was called for another one"))
    }
}

/// Returns the field of a form for a many-to-many relation.
#[doc(hidden)]
pub fn link_field(field: Field, link: &'static ManyToManyMeta) -> Field {
    field.label(link.label).choices_from(TableChoices::of((link.model)()))
}

/// Returns the field of a form with what the model says of it.
#[doc(hidden)]
pub fn with_rules(mut field: Field, meta: &'static FieldMeta) -> Field {
    field = field.label(meta.label);
    if !meta.help.is_empty() {
        field = field.help(meta.help);
    }
    if meta.blank {
        field = field.optional();
    }
    if let Some(length) = meta.max_length {
        field = field.max_length(length as usize);
    }
    if let Some(digits) = meta.digits {
        field = field.digits(digits.max_digits, digits.decimal_places);
    }
    field = match (meta.min.and_then(bound), meta.max.and_then(bound)) {
        (Some(min), Some(max)) => field.range(min..=max),
        (Some(min), None) => field.range(min..),
        (None, Some(max)) => field.range(..=max),
        (None, None) => field,
    };
    if !meta.choices.is_empty() {
        field = field.choices(meta.choices.iter().copied());
    }
    field = match meta.format {
        Format::Email => field.kind(FieldKind::Email),
        Format::Url => field.kind(FieldKind::Url),
        Format::Slug => field.clean(slug),
        #[cfg(feature = "pattern")]
        Format::Pattern(pattern) => field.pattern(pattern),
        _ => field,
    };
    if let Some(reference) = meta.references {
        field = field.choices_from(TableChoices::of((reference.model)()));
    }
    if meta.long && meta.kind == Kind::Text {
        field = field.widget(Widget::TextArea);
    }
    if meta.auto == Auto::Version {
        // A new row has the first version.
        field = field.hidden().initial(1);
    }
    match meta.default {
        Some(Literal::Text(text)) => field.initial(text),
        Some(Literal::Int(number)) => field.initial(number),
        Some(Literal::Real(number)) => field.initial(number),
        Some(Literal::Bool(value)) => field.initial(value),
        None => field,
    }
}

/// Returns the end of a range of numbers.
fn bound(end: Literal) -> Option<Bound> {
    match end {
        Literal::Int(number) => Some(number.into()),
        Literal::Real(number) => Some(number.into()),
        #[cfg(feature = "decimal")]
        Literal::Text(text) => lback_db::Decimal::parse_exact(text).ok().map(Bound::from),
        _ => None,
    }
}

fn slug(text: String) -> Result<String, &'static str> {
    let is_slug = text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_');
    if is_slug { Ok(text) } else { Err("Use letters from a to z, digits, hyphens and underscores.") }
}

/// A type of a form's field that stands for a field of type `T` of a model.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this field of the form is a `{Self}`, but that of the model is a `{T}`",
    note = "give both the same type; either may be an Option"
)]
pub trait FieldOf<T> {
    /// Returns the value for the form.
    fn of(field: &T) -> Self;

    /// Gives the field of the model the value.
    fn put(self, field: &mut T);
}

impl<T: Clone> FieldOf<T> for T {
    fn of(field: &T) -> Self {
        field.clone()
    }

    fn put(self, field: &mut T) {
        *field = self;
    }
}

/// The form may leave out what the model has.
impl<T: Clone> FieldOf<T> for Option<T> {
    fn of(field: &T) -> Self {
        Some(field.clone())
    }

    fn put(self, field: &mut T) {
        if let Some(value) = self {
            *field = value;
        }
    }
}

/// The form requires what the model may lack.
impl<T: Clone + Default> FieldOf<Option<T>> for T {
    fn of(field: &Option<T>) -> Self {
        field.clone().unwrap_or_default()
    }

    fn put(self, field: &mut Option<T>) {
        *field = Some(self);
    }
}
