//! Validation errors, with messages for the visitor.

use std::fmt;

use lback_core::Error;

use crate::Rule;

/// A validation error of a [`clean`](crate::Field::clean) function. Texts convert into it.
///
/// ```
/// use lback::forms::FieldError;
///
/// fn no_shouting(text: String) -> Result<String, FieldError> {
///     if text.chars().any(char::is_lowercase) { Ok(text) } else { Err("Please do not shout.".into()) }
/// }
/// assert!(no_shouting("HELLO".to_owned()).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError(Option<String>);

impl FieldError {
    /// Creates an error without a message of its own. The visitor sees the field's message, such as "Enter a date."
    pub fn unfit() -> Self {
        FieldError(None)
    }

    /// Returns the error's own message, if any.
    pub(crate) fn into_message(self) -> Option<String> {
        self.0
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("The value is invalid."))
    }
}

impl From<&str> for FieldError {
    fn from(message: &str) -> Self {
        FieldError(Some(message.to_owned()))
    }
}

impl From<String> for FieldError {
    fn from(message: String) -> Self {
        FieldError(Some(message))
    }
}

/// The validation errors of a form: errors of its fields, and of the form as a whole.
///
/// Adding an error makes the form invalid.
///
/// ```
/// use lback::forms::{Form, FormErrors};
///
/// #[derive(Form)]
/// #[form(clean = Self::passwords_match)]
/// struct Register {
///     username: String,
///     #[form(password)]
///     password: String,
///     #[form(password)]
///     password_again: String,
/// }
///
/// impl Register {
///     fn passwords_match(&self, errors: &mut FormErrors) {
///         if self.password != self.password_again {
///             errors.add("password_again", "The passwords do not match.");
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormErrors {
    form: Vec<String>,
    fields: Vec<Problem>,
}

/// An error of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    field: String,
    /// `None` if the message comes from the application.
    rule: Option<Rule>,
    message: String,
}

impl FormErrors {
    /// Adds an error to the field `name`. If the form has no such field, the error is added to the form as a whole.
    pub fn add(&mut self, name: &str, message: impl Into<String>) {
        self.add_violation(name, None, message.into());
    }

    /// Adds an error to the field `name`, with the rule that its value violates.
    pub(crate) fn add_violation(&mut self, name: &str, rule: Option<Rule>, message: String) {
        self.fields.push(Problem { field: name.to_owned(), rule, message });
    }

    /// Adds an error to the form as a whole.
    pub fn add_to_form(&mut self, message: impl Into<String>) {
        self.form.push(message.into());
    }

    /// Returns whether there are no errors.
    pub fn is_empty(&self) -> bool {
        self.form.is_empty() && self.fields.is_empty()
    }

    /// Returns the messages for the field `name`.
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |error| error.field == name).map(|error| error.message.as_str())
    }

    /// Returns the rules that the field `name` violates. Errors that were [added](FormErrors::add), or that a `clean`
    /// function returned as a text, have no rule.
    pub fn rules<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Rule> {
        self.fields.iter().filter(move |error| error.field == name).filter_map(|error| error.rule)
    }

    /// Returns whether the field `name` violates `rule`, independent of the message that the visitor sees.
    ///
    /// ```
    /// # use lback::{Request, Response, Result};
    /// # use lback::templates::context;
    /// use lback::forms::{Form, Rule};
    ///
    /// # #[derive(Form)]
    /// # struct Post { title: String }
    /// # fn edit(req: &mut Request) -> Result<Response> {
    /// let mut form = Form::<Post>::new();
    /// if form.submitted(req)?.is_none() && form.errors().has("title", Rule::Required) {
    ///     return Ok(Response::redirect("/help/titles"));
    /// }
    /// # req.render("edit.html", context! { form })
    /// # }
    /// ```
    pub fn has(&self, name: &str, rule: Rule) -> bool {
        self.rules(name).any(|violated| violated == rule)
    }

    /// Returns the messages for the form as a whole.
    pub fn of_form(&self) -> impl Iterator<Item = &str> {
        self.form.iter().map(String::as_str)
    }

    /// Returns all messages, each with the name of its field, or with `None` for those of the form as a whole.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        let of_fields = self.fields.iter().map(|error| (Some(error.field.as_str()), error.message.as_str()));
        self.form.iter().map(|message| (None, message.as_str())).chain(of_fields)
    }

    /// Adds the errors of another list.
    pub(crate) fn append(&mut self, other: FormErrors) {
        self.form.extend(other.form);
        self.fields.extend(other.fields);
    }

    /// Moves errors of unknown fields to the form as a whole, so that the visitor sees them.
    pub(crate) fn settle(&mut self, known: impl Fn(&str) -> bool) {
        let (fields, unknown): (Vec<Problem>, Vec<Problem>) =
            std::mem::take(&mut self.fields).into_iter().partition(|error| known(&error.field));
        self.fields = fields;
        self.form.extend(unknown.into_iter().map(|error| error.message));
    }
}

/// Answers 422, and errors as JSON name each field: `return Err(form.errors().into())`.
impl From<&FormErrors> for Error {
    #[track_caller]
    fn from(errors: &FormErrors) -> Self {
        // As RFC 6901 escapes names.
        let pointer = |name: Option<&str>| name.map_or_else(String::new, |name| format!("/{}", name.replace('~', "~0").replace('/', "~1")));
        let invalid = Error::invalid("Some values are not valid.").with_code("invalid");
        errors.iter().fold(invalid, |error, (name, message)| error.with_field(pointer(name), message))
    }
}
