//! [`Form`]: fields, their submitted values, and validation errors.

use std::fmt;
use std::marker::PhantomData;

use lback_core::{Error, Method, Request, Result, TimeZone};

use crate::check::{Invalid, check};
use crate::conflicting_rules::conflict;
use crate::received::{Received, receive, receive_query};
use crate::rule::default_message;
use crate::{Asked, Choice, Entry, Field, FormErrors, FormFields, InitialValue, Messages, Offered, Rule, Values, Widget, moment};

/// A form, empty or filled in.
///
/// `Form::<Post>::new()` creates the form of a struct with `#[derive(Form)]`. `Form::of([…])` creates a form of
/// [fields](Field) at run time.
///
/// ```
/// # use lback::{Request, Response, Result};
/// # use lback::templates::context;
/// use lback::forms::Form;
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
///         form.add_error("title", "There is already a post with this title.");
///     }
///     req.render("edit.html", context! { form })
/// }
/// ```
///
/// # In a template
///
/// All values are escaped, and the parts that are HTML are marked as such, so that the filter `safe` is not needed. The
/// template contains the `<form>` element itself:
///
/// ```html
/// <form method="post" {{ form.enctype }}>{{ csrf_input() }} {{ form.html }} <button>Save</button></form>
/// ```
///
/// | | |
/// | --- | --- |
/// | `form.html` | the whole form: the summary of errors and all fields |
/// | `form.summary` | the errors, with links to the fields; empty if there are none |
/// | `form.hidden` | the hidden fields |
/// | `form.enctype` | `enctype="multipart/form-data"` if the form has file fields |
/// | `form.errors` | a list of the messages for the form as a whole |
/// | `form.fields` | a list of the fields |
/// | `form.title` | the field named `title` |
///
/// A field has these parts:
///
/// | | |
/// | --- | --- |
/// | `html` | the whole field: label, input, help and errors |
/// | `input` | just the `<input>`, `<select>` or `<textarea>` |
/// | `label_html`, `help_html`, `errors_html` | the other parts |
/// | `attributes` | the attributes of the input, except its type and value |
/// | `name`, `id`, `label`, `help`, `value`, `values`, `required`, `is_hidden` | the field's properties, as text, lists and booleans |
/// | `errors` | a list of the messages for the field |
/// | `choices` | a list of the choices, each with `value`, `label`, `id` and `selected` |
#[must_use = "a form does nothing unless it is rendered or reads a request"]
pub struct Form<T = Values> {
    pub(crate) fields: Vec<Shown>,
    pub(crate) errors: FormErrors,
    pub(crate) heading: String,
    ids: String,
    time_zone: Option<TimeZone>,
    /// A mistake in the program, such as an unknown field name. The next request reports it.
    problem: Option<String>,
    of: PhantomData<fn() -> T>,
}

/// A field and its displayed values.
pub(crate) struct Shown {
    pub(crate) field: Field,
    pub(crate) values: Vec<String>,
    pub(crate) id: String,
    /// The time zone in which a moment is shown.
    pub(crate) zone: TimeZone,
}

impl Form<Values> {
    /// Creates a form of the given fields. See [`Values`] for how to read it.
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
    /// Creates the form of `T`. Its fields have their initial values.
    pub fn new() -> Self {
        Self::with_fields(T::fields())
    }

    fn with_fields(fields: Vec<Field>) -> Self {
        let shown = |field: Field| Shown { values: field.initial.clone(), id: String::new(), zone: TimeZone::UTC, field };
        let form = Form {
            fields: fields.into_iter().map(shown).collect(),
            errors: FormErrors::default(),
            heading: "Please correct the following:".to_owned(),
            ids: "field".to_owned(),
            time_zone: None,
            problem: None,
            of: PhantomData,
        };
        form.name_ids()
    }

    /// Fills the form with the values of `record`, so that a visitor can change them.
    pub fn fill(mut self, record: &T) -> Self {
        for (name, values) in record.write() {
            if let Some(shown) = self.fields.iter_mut().find(|shown| shown.field.name == name) {
                shown.values = values;
            }
        }
        self
    }

    /// Sets the initial value of the field `name`.
    ///
    /// ```
    /// # use lback::forms::Form;
    /// # #[derive(Form)]
    /// # struct Booking { day: chrono::NaiveDate }
    /// # fn view(req: &mut lback::Request) {
    /// let form = Form::<Booking>::new().initial("day", req.today());
    /// # }
    /// ```
    pub fn initial(mut self, name: &str, value: impl InitialValue) -> Self {
        if let Some(shown) = self.find(name) {
            shown.values = value.into_texts();
        }
        self
    }

    /// Sets the choices of the field `name`, for choices that only the view knows, such as rows of the database.
    pub fn choices<C: Into<Choice>>(self, name: &str, choices: impl IntoIterator<Item = C>) -> Self {
        self.change(name, |field| field.choices(choices))
    }

    /// Changes the field `name`.
    ///
    /// ```
    /// # use lback::forms::Form;
    /// # #[derive(Form)]
    /// # struct Booking { day: chrono::NaiveDate }
    /// # fn view(req: &mut lback::Request) {
    /// let today = req.today();
    /// let form = Form::<Booking>::new().change("day", |day| day.range(today..));
    /// # }
    /// ```
    pub fn change(mut self, name: &str, change: impl FnOnce(Field) -> Field) -> Self {
        if let Some(shown) = self.find(name) {
            shown.field = change(shown.field.clone());
        }
        self
    }

    /// Sets the prefix of the fields' HTML ids, which is followed by a hyphen. The default is "field". Use it if a page
    /// contains several forms.
    pub fn ids(mut self, prefix: impl Into<String>) -> Self {
        self.ids = prefix.into();
        self.name_ids()
    }

    /// Sets the heading of the summary of errors. The default is "Please correct the following:".
    pub fn heading(mut self, heading: impl Into<String>) -> Self {
        self.heading = heading.into();
        self
    }

    /// Shows and reads moments in this time zone, instead of in that of the request. The request's is known after
    /// [`submitted`](Self::submitted); a form that is shown without it has UTC.
    pub fn time_zone(mut self, zone: TimeZone) -> Self {
        self.time_zone = Some(zone);
        self.set_zone(zone);
        self
    }

    fn set_zone(&mut self, zone: TimeZone) {
        for shown in &mut self.fields {
            shown.zone = zone;
        }
    }

    /// Returns the submitted values if the request is a POST (or PUT, PATCH or DELETE) and all of them are valid.
    ///
    /// Returns `None` for a GET request, and if a value is invalid. Render the form in both cases; it contains the submitted
    /// values and the errors.
    ///
    /// # Errors
    /// Returns 400 if the body is malformed, 415 if it is neither a form nor JSON, and 500 if the form's rules contradict each other, such
    /// as a length for a date.
    #[track_caller]
    pub fn submitted(&mut self, req: &mut Request) -> Result<Option<T>> {
        if let Some(problem) = self.problem() {
            return Err(Error::internal(problem));
        }
        self.set_zone(self.time_zone.unwrap_or(req.time_zone()));
        if matches!(*req.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            self.offer_choices(req)?;
            return Ok(None);
        }
        let received = receive(req, self.fields.iter().map(|shown| &shown.field))?;
        self.validated(req, received)
    }

    /// Returns the values in the query string, for a form with `method="get"`, such as a filter of a list. It needs no CSRF token.
    ///
    /// Returns `None` if the query string has none of the fields, and if a value is invalid. Render the form in both cases; it contains the
    /// values and the errors. A value that was left empty counts as missing.
    ///
    /// ```
    /// # use lback::{Request, Response, Result};
    /// # use lback::templates::context;
    /// use lback::forms::Form;
    ///
    /// #[derive(Form, Default)]
    /// struct Filter {
    ///     q: Option<String>,
    ///     #[form(choices = ["draft", "public"])]
    ///     state: Option<String>,
    /// }
    ///
    /// fn list(req: &mut Request) -> Result<Response> {
    ///     let mut form = Form::<Filter>::new();
    ///     let Filter { q, state } = form.queried(req)?.unwrap_or_default();
    /// #   let _ = (q, state);
    ///     req.render("posts.html", context! { form })
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 400 if the query string is malformed, and 500 if the form's rules contradict each other.
    #[track_caller]
    pub fn queried(&mut self, req: &mut Request) -> Result<Option<T>> {
        if let Some(problem) = self.problem() {
            return Err(Error::internal(problem));
        }
        self.set_zone(self.time_zone.unwrap_or(req.time_zone()));
        match receive_query(req, self.fields.iter().map(|shown| &shown.field))? {
            Some(received) => self.validated(req, received),
            None => {
                self.offer_choices(req)?;
                Ok(None)
            }
        }
    }

    /// Loads the choices of a form that is shown without being [submitted](Self::submitted), for example on a page that answers the POST of
    /// another form.
    ///
    /// # Errors
    /// Returns the error of a [source of choices](crate::ChoiceSource).
    pub fn offer_choices(&mut self, req: &mut Request) -> Result<()> {
        for shown in &mut self.fields {
            let asked = Asked { chosen: &shown.values, search: "", is_submitted: false, is_multiple: shown.field.multiple };
            if let Some(offered) = offered(&shown.field, req, &asked)? {
                shown.take_choices(&offered);
                shown.values = offered.chosen.unwrap_or_else(|| std::mem::take(&mut shown.values));
            }
        }
        Ok(())
    }

    /// Returns the values that were received, if all of them are valid.
    #[track_caller]
    fn validated(&mut self, req: &mut Request, received: Vec<Received>) -> Result<Option<T>> {
        self.errors = FormErrors::default();
        let mut values = Values::default();
        for (shown, Received { mut entry, search, zone }) in self.fields.iter_mut().zip(received) {
            shown.zone = zone.unwrap_or(shown.zone);
            let asked = Asked { chosen: &entry.texts, search: &search, is_submitted: true, is_multiple: shown.field.multiple };
            let mut error = None;
            if let Some(offered) = offered(&shown.field, req, &asked)? {
                shown.take_choices(&offered);
                entry.texts = offered.chosen.unwrap_or(entry.texts);
                error = offered.error;
            }
            let typed = entry.texts.iter().map(|text| shown_again(&shown.field, text)).collect();
            let before = std::mem::replace(&mut shown.values, typed);
            if let Some(error) = error {
                self.errors.add(&shown.field.name, error);
                continue;
            }
            let in_utc = moment::in_utc(&shown.field, entry.texts, &before, shown.zone);
            let checked = in_utc.map_err(Invalid::Rule).and_then(|texts| check(&shown.field, Entry { texts, files: entry.files }));
            match checked {
                Ok(entry) => values.insert(&shown.field.name, entry),
                Err(Invalid::Message(message)) => self.errors.add(&shown.field.name, message),
                Err(Invalid::Rule(rule)) => {
                    self.errors.add_violation(&shown.field.name, Some(rule), message(req, &shown.field, rule, shown.zone));
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

    /// Returns the values that the field `name` shows: those that were submitted, or those that the form is filled in with.
    pub fn values(&self, name: &str) -> &[String] {
        self.fields.iter().find(|shown| shown.field.name == name).map_or(&[], |shown| &shown.values)
    }

    /// Adds an error to the field `name`, for rules that only the view can check, such as a name that is taken.
    pub fn add_error(&mut self, name: &str, message: impl Into<String>) {
        self.errors.add(name, message);
        self.errors.settle(|name| self.fields.iter().any(|shown| shown.field.name == name));
    }

    /// Adds an error to the form as a whole: "Unknown user name or wrong password."
    pub fn add_form_error(&mut self, message: impl Into<String>) {
        self.errors.add_to_form(message);
    }

    /// Adds errors that were found elsewhere. Those of fields that the form does not have belong to the form as a whole.
    pub fn add_errors(&mut self, errors: FormErrors) {
        self.errors.append(errors);
        self.errors.settle(|name| self.fields.iter().any(|shown| shown.field.name == name));
    }

    /// Returns the validation errors. There are none before the form is submitted.
    pub fn errors(&self) -> &FormErrors {
        &self.errors
    }

    /// Returns the whole form as HTML, for use without a template.
    pub fn html(&self) -> String {
        crate::render::form_html(self)
    }

    fn name_ids(mut self) -> Self {
        for (at, shown) in self.fields.iter_mut().enumerate() {
            let name = &shown.field.name;
            // Ids are used in links and in lists that are separated by spaces.
            let plain = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '-');
            shown.id = if plain { format!("{}-{name}", self.ids) } else { format!("{}-at-{at}", self.ids) };
        }
        self
    }

    fn find(&mut self, name: &str) -> Option<&mut Shown> {
        let at = self.fields.iter().position(|shown| shown.field.name == name);
        if at.is_none() {
            let names: Vec<&str> = self.fields.iter().map(|shown| shown.field.name()).collect();
            self.problem = Some(format!("the form has no field \"{name}\"; the fields are {names:?}"));
        }
        self.fields.get_mut(at?)
    }

    /// Returns the first mistake in the program that builds this form.
    fn problem(&self) -> Option<String> {
        let of_field = |(at, shown): (usize, &Shown)| {
            let field = &shown.field;
            let is_duplicate = self.fields.iter().take(at).any(|other| other.field.name == field.name);
            let problem = if is_duplicate { "is defined twice".to_owned() } else { conflict(field)? };
            Some(format!("the field \"{}\" of the form {problem}", field.name))
        };
        self.problem.clone().or_else(|| self.fields.iter().enumerate().find_map(of_field))
    }
}

impl Shown {
    fn take_choices(&mut self, offered: &Offered) {
        let source = self.field.source.take();
        self.field = self.field.clone().choices(offered.choices.iter());
        self.field.source = source;
        self.field.is_searched = offered.is_searched;
    }
}

/// Returns the choices of a field that has a source of them. A hidden field shows none, and its value is not checked here.
fn offered(field: &Field, req: &mut Request, asked: &Asked<'_>) -> Result<Option<Offered>> {
    match &field.source {
        Some(source) if field.widget != Widget::Hidden => source.offer(req, asked).map(Some),
        _ => Ok(None),
    }
}

/// Returns the part of a submitted text that is shown again. A text that is far too long is cut off: each byte of it appears
/// on the page several times, escaped, and an attacker could have sent it.
fn shown_again(field: &Field, text: &str) -> String {
    let most = match field.max_length {
        Some(characters) => characters.saturating_mul(2),
        None => field.kind.max_length(),
    };
    text.chars().take(most).collect()
}

/// Returns the message for a violated rule: the field's, the application's, or the default.
pub(crate) fn message(req: &Request, field: &Field, rule: Rule, zone: TimeZone) -> String {
    if let Some((_, message)) = field.messages.iter().find(|(known, _)| *known == rule) {
        return message.clone();
    }
    let own = req.app().state::<Messages>().and_then(|messages| messages.find(req, field, rule));
    own.unwrap_or_else(|| default_message(field, rule, zone))
}

impl<T> fmt::Debug for Form<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values may include a password.
        f.debug_struct("Form").field("fields", &self.fields.iter().map(|shown| &shown.field).collect::<Vec<_>>()).finish_non_exhaustive()
    }
}
