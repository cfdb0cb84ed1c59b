//! Forms whose fields are those of a model.

use chrono::DateTime;
use diesel::Connection as _;
use lback_core::{Result, StatusCode};
use lback_db::Db;
use lback_forms::{Field, FieldKind, Form, FormErrors, FormFields, Widget};

use crate::{Auto, FieldMeta, Format, Kind, Literal, NewRow, WritableModel, refused};

/// A form of some fields of a model. `#[derive(Form)]` implements it for a struct with `#[form(model = Post)]`.
pub trait FormOf<M: WritableModel>: FormFields {
    /// Returns the values with which the form edits a row.
    fn of(row: &M) -> Self;

    /// Gives the row the values of the form. A field of the form that is `None` leaves a field that cannot be NULL as it is.
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
        Form::new().fill(&T::of(row))
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
        match db.transaction(|db| M::create(db, new)) {
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
        match db.transaction(|db| row.save(db)) {
            Ok(()) => Ok(true),
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

/// Returns the field of a form with what the model says of it.
#[doc(hidden)]
pub fn with_rules(mut field: Field, meta: &'static FieldMeta) -> Field {
    field = field.label(meta.label);
    if !meta.help.is_empty() {
        field = field.help(meta.help);
    }
    if let Some(length) = meta.max_length {
        field = field.max_length(length as usize);
    }
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
