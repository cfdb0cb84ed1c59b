//! The submitted values for the rows.

use std::collections::{BTreeMap, BTreeSet};

use lback_core::{Method, Request, Result};

use super::super::file_inputs::sent_files;
use super::{Parent, SEEN};

/// The submitted values for the rows of a model.
#[derive(Default)]
pub(super) struct Submitted {
    /// The numbers of new rows, by the prefix of the parent.
    numbers: BTreeMap<String, BTreeSet<usize>>,
    /// The texts that are not empty, or "file" for a file, by the names of the fields.
    texts: BTreeMap<String, BTreeSet<String>>,
    /// The names of the fields for the states of the rows that were on the form.
    pub(super) seen: BTreeSet<String>,
}

impl Submitted {
    /// Returns the submitted values, or `None` if the page is only shown.
    pub(super) fn of(req: &mut Request, parents: &[Parent]) -> Result<Option<Self>> {
        if *req.method() != Method::POST {
            return Ok(None);
        }
        let prefixes: BTreeSet<&str> = parents.iter().map(|parent| parent.prefix.as_str()).collect();
        // All prefixes have the same number of parts.
        let parts = prefixes.first().map_or(0, |prefix| prefix.matches(':').count());
        let mut submitted = Submitted::default();
        let files = sent_files(req)?.into_iter().map(|name| (name, "file".to_owned()));
        for (name, text) in req.form::<Vec<(String, String)>>()?.into_iter().chain(files) {
            let Some((end, _)) = name.match_indices(':').nth(parts.saturating_sub(1)) else { continue };
            let (prefix, rest) = name.split_at(end + 1);
            let (true, Some((row, field))) = (prefixes.contains(prefix), rest.split_once(':')) else { continue };
            let number = row.strip_prefix('+').map(|number| number.parse::<u16>().ok());
            if number.is_none() && field == SEEN {
                submitted.seen.insert(name);
            } else if !text.trim().is_empty() {
                // A row is also part of the form if only rows that refer to it were filled in.
                submitted.numbers.entry(prefix.to_owned()).or_default().extend(number.flatten().map(usize::from));
                submitted.texts.entry(name).or_default().insert(text.trim().to_owned());
            }
        }
        Ok(Some(submitted))
    }

    /// Returns the numbers of the new rows of a parent.
    pub(super) fn numbers(&self, parent: &Parent) -> BTreeSet<usize> {
        self.numbers.get(&parent.prefix).cloned().unwrap_or_default()
    }

    /// Returns the texts of a field, if it was not left empty.
    pub(super) fn texts(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.texts.get(name)
    }
}
