//! The query string of a list, and links to the same list with some parts changed.

use form_urlencoded::Serializer;
use lback_core::{Request, Result};
use serde::Serialize;

/// The parameters of a query string, in order, without empty ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueryString(Vec<(String, String)>);

/// A parameter that a form keeps in a hidden field.
#[derive(Serialize)]
pub(crate) struct Kept {
    name: String,
    value: String,
}

impl QueryString {
    /// Returns the parameters of a request.
    ///
    /// # Errors
    /// Returns 400 if the query string is malformed.
    pub(crate) fn of(req: &Request) -> Result<Self> {
        let all: Vec<(String, String)> = req.query()?;
        Ok(QueryString(all.into_iter().filter(|(_, value)| !value.is_empty()).collect()))
    }

    /// Returns the parameters of a text that [`text`](Self::text) returned.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes()).into_owned();
        QueryString(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Returns the parameters as text.
    pub(crate) fn text(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the parameters with this one, or without it, and from the start of the list.
    pub(crate) fn with(&self, name: &str, value: Option<&str>) -> Self {
        let mut changed = self.without(&[name, "after", "before"]);
        if let Some(value) = value {
            changed.0.push((name.to_owned(), value.to_owned()));
        }
        changed
    }

    /// Returns the parameters whose names satisfy a condition.
    pub(crate) fn only(&self, is_kept: impl Fn(&str) -> bool) -> Self {
        QueryString(self.0.iter().filter(|(name, _)| is_kept(name)).cloned().collect())
    }

    pub(crate) fn without(&self, names: &[&str]) -> Self {
        self.only(|name| !names.contains(&name))
    }

    /// Returns the parameters as hidden fields of a form.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        self.iter().map(|(name, value)| Kept { name: name.to_owned(), value: value.to_owned() }).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the link to a path with these parameters.
    pub(crate) fn on(&self, path: &str) -> String {
        if self.0.is_empty() {
            return path.to_owned();
        }
        format!("{path}?{}", self.text())
    }
}
