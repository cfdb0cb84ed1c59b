//! A form: fields, what was sent for them, and what is wrong with it.

use std::fmt;
use std::marker::PhantomData;

use lback_core::{Error, Method, Request, Result};

use crate::check::{Refused, check};
use crate::conflicting_rules::contradiction;
use crate::received::receive;
use crate::rule::default_message;
use crate::{Choice, Field, FormErrors, FormFields, InitialValue, Messages, Rule, Values};

/// A form, empty or filled in.
///
/// `Form::<Post>::new()` is that of a struct with `#[derive(Form)]`, `Form::of([…])` one of [fields](Field) that are made
/// while the program runs.
///
/// ```
/// # use lback_core::{Request, Response, Result, context};
/// use lback_forms::Form;
///
/// #[derive(Form)]
/// struct Post {
///     #[form(max_length = 200)]
///     title: String,
///     #[form(textarea)]
///     body: String,
/// }
///
/// fn edit(req: &mut Request) -> Result<Response> {
///     let post = Post { title: "First".into(), body: "…".into() };     // from the database
///     let mut form = Form::new().fill(&post);
///     if let Some(post) = form.submitted(req)? {
///         if post.title != "Taken" {
///             return Ok(Response::redirect("/"));
///         }
///         form.add_error("title", "There is a post of this title.");
///     }
///     req.render("edit.html", context! { form })
/// }
/// ```
///
/// # In a template
///
/// All of it is escaped, and HTML already where it should be, so that nothing needs `safe`. The `<form>` is the
/// template's:
///
/// ```html
/// <form method="post" {{ form.enctype }}>{{ csrf_input() }} {{ form.html }} <button>Save</button></form>
/// ```
///
/// | | |
/// | --- | --- |
/// | `form.html` | everything: the summary of errors and every field |
/// | `form.summary` | what is wrong, with links to the fields; empty where nothing is |
/// | `form.hidden` | the hidden fields |
/// | `form.enctype` | `enctype="multipart/form-data"` where there are files |
/// | `form.errors` | the errors of the form as a whole, a list of texts |
/// | `form.fields` | the fields in their order, for a loop |
/// | `form.title` | the field called `title` |
///
/// and of a field:
///
/// | | |
/// | --- | --- |
/// | `html` | everything: label, input, help and errors |
/// | `input` | the input alone, or whatever it is |
/// | `label_html`, `help_html`, `errors_html` | the other parts |
/// | `attributes` | what stands in the input besides its type and value |
/// | `name`, `id`, `label`, `help`, `value`, `values`, `required`, `is_hidden` | what it is made of |
/// | `errors` | what is wrong, a list of texts |
/// | `choices` | what is offered: `value`, `label`, `id` and `selected` of each |
pub struct Form<T = Values> {
    pub(crate) fields: Vec<Shown>,
    pub(crate) errors: FormErrors,
    pub(crate) heading: String,
    ids: String,
    /// What the program has done wrong, told with the first request.
    problem: Option<String>,
    of: PhantomData<fn() -> T>,
}

/// A field and what it shows.
pub(crate) struct Shown {
    pub(crate) field: Field,
    pub(crate) values: Vec<String>,
    pub(crate) id: String,
}

impl Form<Values> {
    /// A form of these fields. See [`Values`] for how to read it.
    pub fn of(fields: impl IntoIterator<Item = Field>) -> Self {
        Self::with_fields(fields.into_iter().collect())
    }
}

impl<T: FormFields> Default for Form<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: FormFields> Form<T> {
    /// The form of `T`, empty but for what its fields hold at first.
    pub fn new() -> Self {
        Self::with_fields(T::fields())
    }

    fn with_fields(fields: Vec<Field>) -> Self {
        let shown = |field: Field| Shown { values: field.initial.clone(), id: String::new(), field };
        let form = Form {
            fields: fields.into_iter().map(shown).collect(),
            errors: FormErrors::default(),
            heading: "Please correct the following:".to_owned(),
            ids: "field".to_owned(),
            problem: None,
            of: PhantomData,
        };
        form.name_ids()
    }

    /// Shows the values of `record`, which is to be changed.
    pub fn fill(mut self, record: &T) -> Self {
        for (name, values) in record.write() {
            if let Some(shown) = self.fields.iter_mut().find(|shown| shown.field.name == name) {
                shown.values = values;
            }
        }
        self
    }

    /// Shows `value` in the field `name`.
    ///
    /// ```
    /// # use lback_forms::Form;
    /// # #[derive(Form)]
    /// # struct Booking { day: chrono::NaiveDate }
    /// # fn view(req: &mut lback_core::Request) {
    /// let form = Form::<Booking>::new().initial("day", req.now().date_naive());
    /// # }
    /// ```
    pub fn initial(mut self, name: &str, value: impl InitialValue) -> Self {
        if let Some(shown) = self.find(name) {
            shown.values = value.into_texts();
        }
        self
    }

    /// Offers these choices in the field `name`: those that are known only now, such as rows of the database.
    pub fn choices<C: Into<Choice>>(self, name: &str, choices: impl IntoIterator<Item = C>) -> Self {
        self.change(name, |field| field.choices(choices))
    }

    /// Changes the field `name`.
    ///
    /// ```
    /// # use lback_forms::Form;
    /// # #[derive(Form)]
    /// # struct Booking { day: chrono::NaiveDate }
    /// # fn view(req: &mut lback_core::Request) {
    /// let today = req.now().date_naive();
    /// let form = Form::<Booking>::new().change("day", |day| day.range(today..));
    /// # }
    /// ```
    pub fn change(mut self, name: &str, change: impl FnOnce(Field) -> Field) -> Self {
        if let Some(shown) = self.find(name) {
            shown.field = change(shown.field.clone());
        }
        self
    }

    /// Begins the ids of the fields with `prefix` and a hyphen, where a page has several forms. As a rule it is "field".
    pub fn ids(mut self, prefix: impl Into<String>) -> Self {
        self.ids = prefix.into();
        self.name_ids()
    }

    /// What stands above the summary of errors, instead of "Please correct the following:".
    pub fn heading(mut self, heading: impl Into<String>) -> Self {
        self.heading = heading.into();
        self
    }

    /// What was sent, if this is a POST (or PUT, PATCH, DELETE) and all of it passes the rules.
    ///
    /// `None` is a GET, or something is wrong: in both cases show the form. It then holds what was typed, and its errors.
    ///
    /// # Errors
    /// 400 where the body is no form that can be understood, 415 where it is none at all; 500 where the form contradicts
    /// itself, such as a length of a date.
    #[track_caller]
    pub fn submitted(&mut self, req: &mut Request) -> Result<Option<T>> {
        if let Some(problem) = self.problem() {
            return Err(Error::internal(problem));
        }
        if matches!(*req.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(None);
        }
        self.errors = FormErrors::default();
        let entries = receive(req, self.fields.iter().map(|shown| &shown.field))?;
        let mut values = Values::default();
        for (shown, entry) in self.fields.iter_mut().zip(entries) {
            shown.values = entry.texts.iter().map(|text| shown_again(&shown.field, text)).collect();
            match check(&shown.field, entry) {
                Ok(entry) => values.insert(&shown.field.name, entry),
                Err(Refused::Message(message)) => self.errors.add(&shown.field.name, message),
                Err(Refused::Rule(rule)) => {
                    self.errors.add_broken(&shown.field.name, Some(rule), message(req, &shown.field, rule));
                }
            }
        }
        if !self.errors.is_empty() {
            return Ok(None);
        }
        let read = T::read(values)?;
        read.clean(&mut self.errors);
        self.errors.settle(|name| self.fields.iter().any(|shown| shown.field.name == name));
        Ok(self.errors.is_empty().then_some(read))
    }

    /// Adds an error to the field `name`: what only the view can know, such as a name that is taken.
    pub fn add_error(&mut self, name: &str, message: impl Into<String>) {
        self.errors.add(name, message);
        self.errors.settle(|name| self.fields.iter().any(|shown| shown.field.name == name));
    }

    /// Adds an error of the form as a whole: "There is no such user, or the password is wrong."
    pub fn add_form_error(&mut self, message: impl Into<String>) {
        self.errors.add_to_form(message);
    }

    /// What is wrong. Nothing, before the form was submitted.
    pub fn errors(&self) -> &FormErrors {
        &self.errors
    }

    /// The whole form as HTML, for where there is no template.
    pub fn html(&self) -> String {
        crate::render::form_html(self)
    }

    fn name_ids(mut self) -> Self {
        for (at, shown) in self.fields.iter_mut().enumerate() {
            let name = &shown.field.name;
            // Ids are listed with spaces between them, and stand in links.
            let plain = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '-');
            shown.id = if plain { format!("{}-{name}", self.ids) } else { format!("{}-at-{at}", self.ids) };
        }
        self
    }

    fn find(&mut self, name: &str) -> Option<&mut Shown> {
        let at = self.fields.iter().position(|shown| shown.field.name == name);
        if at.is_none() {
            let names: Vec<&str> = self.fields.iter().map(|shown| shown.field.name()).collect();
            self.problem = Some(format!("the form has no field \"{name}\"; it has {names:?}"));
        }
        self.fields.get_mut(at?)
    }

    /// What the program has done wrong.
    fn problem(&self) -> Option<String> {
        let of_field = |(at, shown): (usize, &Shown)| {
            let field = &shown.field;
            let twice = self.fields.iter().take(at).any(|other| other.field.name == field.name);
            let problem = if twice { "is there twice".to_owned() } else { contradiction(field)? };
            Some(format!("the field \"{}\" of the form {problem}", field.name))
        };
        self.problem.clone().or_else(|| self.fields.iter().enumerate().find_map(of_field))
    }
}

/// What is shown again of a text. Of one that is far longer than it may be not all: each byte of it stands on the page several
/// times, escaped, and a stranger could have sent it.
fn shown_again(field: &Field, text: &str) -> String {
    let most = match field.max_length {
        Some(characters) => characters.saturating_mul(2),
        None => field.kind.longest(),
    };
    text.chars().take(most).collect()
}

/// What the visitor is told: in the words of the field, of the application, or of the framework.
fn message(req: &Request, field: &Field, rule: Rule) -> String {
    if let Some((_, message)) = field.messages.iter().find(|(known, _)| *known == rule) {
        return message.clone();
    }
    let own = req.app().state::<Messages>().and_then(|messages| messages.find(req, field, rule));
    own.unwrap_or_else(|| default_message(field, rule))
}

impl<T> fmt::Debug for Form<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What was typed may be a password.
        f.debug_struct("Form").field("fields", &self.fields.iter().map(|shown| &shown.field).collect::<Vec<_>>()).finish_non_exhaustive()
    }
}
