//! What is wrong with what was sent, in the visitor's words.

use std::fmt;

use crate::Rule;

/// Why a value is refused: what a field's own [`clean`](crate::Field::clean) returns. A text is one already.
///
/// ```
/// use lback_forms::FieldError;
///
/// fn no_shouting(text: String) -> Result<String, FieldError> {
///     if text.chars().any(char::is_lowercase) { Ok(text) } else { Err("Please do not shout.".into()) }
/// }
/// assert!(no_shouting("HELLO".to_owned()).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError(Option<String>);

impl FieldError {
    /// The value is not what the field asks for, which the field itself says best: "Enter a date."
    pub fn unfit() -> Self {
        FieldError(None)
    }

    /// The message, if it has one of its own.
    pub(crate) fn into_message(self) -> Option<String> {
        self.0
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("The value is not what the field asks for."))
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

/// The errors of a form: those of its fields, and those of the form as a whole.
///
/// One that is added makes the form invalid.
///
/// ```
/// use lback_forms::{Form, FormErrors};
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
///             errors.add("password_again", "The passwords differ.");
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormErrors {
    form: Vec<String>,
    fields: Vec<Wrong>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wrong {
    field: String,
    /// `None` for an error in somebody's own words.
    rule: Option<Rule>,
    message: String,
}

impl FormErrors {
    /// Adds an error to the field `name`. Where the form has no such field, the error is one of the form.
    pub fn add(&mut self, name: &str, message: impl Into<String>) {
        self.add_broken(name, None, message.into());
    }

    /// Adds an error to the field `name`, which broke `rule`.
    pub(crate) fn add_broken(&mut self, name: &str, rule: Option<Rule>, message: String) {
        self.fields.push(Wrong { field: name.to_owned(), rule, message });
    }

    /// Adds an error of the form as a whole.
    pub fn add_to_form(&mut self, message: impl Into<String>) {
        self.form.push(message.into());
    }

    /// Is nothing wrong?
    pub fn is_empty(&self) -> bool {
        self.form.is_empty() && self.fields.is_empty()
    }

    /// The errors of the field `name`.
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |wrong| wrong.field == name).map(|wrong| wrong.message.as_str())
    }

    /// The rules that the field `name` broke. An error that was [added](FormErrors::add), or that a function of the field
    /// returned as a text, has none.
    pub fn rules<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Rule> {
        self.fields.iter().filter(move |wrong| wrong.field == name).filter_map(|wrong| wrong.rule)
    }

    /// Returns whether the field `name` broke `rule`, whatever words the visitor is told it in.
    ///
    /// ```
    /// # use lback_core::{Request, Response, Result, context};
    /// use lback_forms::{Form, Rule};
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
        self.rules(name).any(|broken| broken == rule)
    }

    /// The errors of the form as a whole.
    pub fn of_form(&self) -> impl Iterator<Item = &str> {
        self.form.iter().map(String::as_str)
    }

    /// Makes errors of fields that are not there errors of the form, so that the visitor sees them.
    pub(crate) fn settle(&mut self, known: impl Fn(&str) -> bool) {
        let (fields, lost): (Vec<Wrong>, Vec<Wrong>) = std::mem::take(&mut self.fields).into_iter().partition(|wrong| known(&wrong.field));
        self.fields = fields;
        self.form.extend(lost.into_iter().map(|wrong| wrong.message));
    }
}
