//! Submitted values: of one field, and of a whole form.

use std::collections::BTreeMap;
use std::fmt;

use lback_core::{Error, Result, UploadedFile};

use crate::FieldType;
use crate::kind::truth;

/// The submitted values of a field: texts, at most one for most fields, and files.
#[derive(Default)]
pub struct Entry {
    pub(crate) texts: Vec<String>,
    pub(crate) files: Vec<UploadedFile>,
}

impl Entry {
    /// Creates an entry of texts.
    pub fn of(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Entry { texts: texts.into_iter().map(Into::into).collect(), files: Vec::new() }
    }

    /// Returns the first text, or an empty string if there is none.
    pub fn text(&self) -> &str {
        self.texts.first().map_or("", String::as_str)
    }

    /// Splits the entry into one entry for each text and file.
    pub(crate) fn split(self) -> impl Iterator<Item = Entry> {
        let texts = self.texts.into_iter().map(|text| Entry::of([text]));
        texts.chain(self.files.into_iter().map(|file| Entry { texts: Vec::new(), files: vec![file] }))
    }

    /// Returns whether the entry contains neither a text nor a file.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.files.is_empty()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may be a password.
        f.debug_struct("Entry").field("texts", &self.texts.len()).field("files", &self.files).finish()
    }
}

impl FromIterator<Entry> for Entry {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        entries.into_iter().fold(Entry::default(), |mut all, entry| {
            all.texts.extend(entry.texts);
            all.files.extend(entry.files);
            all
        })
    }
}

/// The valid values of a form by the names of the fields. A form that was [built at run time](crate::Form::of) returns them.
///
/// ```
/// # use lback::{Request, Response, Result};
/// use lback::forms::{Field, Form};
///
/// fn answer(req: &mut Request) -> Result<Response> {
///     let mut form = Form::of([Field::text("name"), Field::integer("rating").range(1..=10), Field::date("day").optional()]);
///     if let Some(mut values) = form.submitted(req)? {
///         let name = values.text("name").to_owned();
///         let rating: u8 = values.take("rating")?;
///         let day: Option<chrono::NaiveDate> = values.take("day")?;
/// #       let _ = (name, rating, day);
///         return Ok(Response::redirect("/thanks"));
///     }
///     req.render("answer.html", lback::templates::context! { form })
/// }
/// ```
#[derive(Default)]
pub struct Values(BTreeMap<String, Entry>);

impl Values {
    /// Returns the text of the field `name`, or an empty string if it was left empty.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", Entry::text)
    }

    /// Returns the texts of the field `name`. A multiple choice may have several.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flat_map(|entry| &entry.texts).map(String::as_str)
    }

    /// Returns whether the checkbox `name` is checked.
    pub fn is_checked(&self, name: &str) -> bool {
        truth(self.text(name)) == Some(true)
    }

    /// Takes the value of the field `name` as a `V`. Use an `Option` for a field that may be left empty.
    ///
    /// # Errors
    /// Returns 500 if the form has no such field, its value was taken already, or the value is not a `V`. In each case, the
    /// rules of the form do not match the code that reads it.
    #[track_caller]
    pub fn take<V: FieldType>(&mut self, name: &str) -> Result<V> {
        let Some(entry) = self.0.remove(name) else {
            let names: Vec<&String> = self.0.keys().collect();
            return Err(Error::internal(format!(
                "the form has no field \"{name}\", or its value was taken already; the fields are {names:?}"
            )));
        };
        match V::read(entry) {
            Ok(value) => Ok(value),
            Err(_) => {
                let type_name = std::any::type_name::<V>();
                Err(Error::internal(format!(
                    "the value of the field \"{name}\" is not a valid {type_name}; the field's kind and rules allow other values"
                )))
            }
        }
    }

    pub(crate) fn insert(&mut self, name: &str, entry: Entry) {
        self.0.insert(name.to_owned(), entry);
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One of the values may be a password.
        f.debug_tuple("Values").field(&self.0.keys().collect::<Vec<_>>()).finish()
    }
}
