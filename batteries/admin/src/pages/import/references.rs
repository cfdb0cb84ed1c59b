//! The rows that a file refers to, by their keys or their labels.

use std::collections::{BTreeSet, HashMap};

use lback_core::{Result, TimeZone};
use lback_db::Db;
use lback_models::runtime::ops_of;
use lback_models::{Cursor, FieldMeta, Filter, List, ModelMeta, ModelOps as _, Value};

use super::problems::shortened;
use super::values::read;
use crate::language::{text, within_sentence};

/// The maximum number of texts that one statement looks up.
const MOST: usize = 400;

/// The row that a text refers to.
enum Found {
    One(Value),
    Several,
}

/// The rows that texts of one column refer to.
pub(super) struct References {
    list: List,
    key: Option<&'static FieldMeta>,
    /// The field with the label of a row.
    display: Option<&'static FieldMeta>,
    zone: TimeZone,
    /// The rows that were found, by the texts of the file. `None` for a text that names no row.
    known: HashMap<String, Option<Found>>,
}

impl References {
    /// Returns the references to rows of a list.
    pub(super) fn new(list: List, zone: TimeZone) -> Self {
        let meta = list.meta();
        let key = match meta.primary_key {
            [column] => meta.field_of_column(column),
            _ => None,
        };
        let display = meta.field_of_column(meta.display).filter(|field| !field.hidden);
        References { list, key, display, zone, known: HashMap::new() }
    }

    fn meta(&self) -> &'static ModelMeta {
        self.list.meta()
    }

    /// Reads a text as a key, whether or not there is such a row.
    pub(super) fn key(&self, text: &str) -> Option<Value> {
        read(self.meta(), self.key?, text, self.zone).ok()
    }

    /// Looks up the rows that texts refer to.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(super) fn learn<'a>(&mut self, db: &mut Db, texts: impl Iterator<Item = &'a str>) -> Result<()> {
        let new: BTreeSet<&str> = texts.filter(|text| !text.is_empty() && !self.known.contains_key(*text)).collect();
        let new: Vec<&str> = new.into_iter().collect();
        for texts in new.chunks(MOST) {
            self.learn_keys(db, texts)?;
            self.learn_labels(db, texts)?;
            for text in texts {
                self.known.entry((*text).to_owned()).or_insert(None);
            }
        }
        Ok(())
    }

    fn learn_keys(&mut self, db: &mut Db, texts: &[&str]) -> Result<()> {
        let keys: Vec<(&str, Value)> = texts.iter().filter_map(|text| Some((*text, self.key(text)?))).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let found = self.list.with_keys(db, &keys.iter().map(|(_, key)| vec![key.clone()]).collect::<Vec<_>>())?;
        let ops = ops_of(self.meta());
        let found: Vec<Value> = found.iter().filter_map(|(_, row)| ops.key(row).into_iter().next()).collect();
        for (text, key) in keys {
            if found.contains(&key) {
                self.known.insert(text.to_owned(), Some(Found::One(key)));
            }
        }
        Ok(())
    }

    fn learn_labels(&mut self, db: &mut Db, texts: &[&str]) -> Result<()> {
        let Some(display) = self.display else { return Ok(()) };
        let unknown = texts.iter().filter(|text| !self.known.contains_key(**text));
        let labels: Vec<(&str, Value)> =
            unknown.filter_map(|text| Some((*text, read(self.meta(), display, text, self.zone).ok()?))).collect();
        if labels.is_empty() {
            return Ok(());
        }
        let values = labels.iter().map(|(_, label)| label.clone()).collect();
        // Two rows of each label are enough to know that there are several.
        let most = u32::try_from(labels.len() * 2 + 1).unwrap_or(u32::MAX);
        let page = self.list.clone().filter(Filter::OneOf(display, values)).page(db, &Cursor::default(), most)?;
        let is_whole = page.next.is_none();
        for (text, label) in labels {
            let found = match is_whole {
                true => self.with_label(&page.items, display, &label),
                // One label can have so many rows that those of other labels are not among the first.
                false => {
                    let of_label = self.list.clone().filter(Filter::equal(display, label.clone()));
                    self.with_label(&of_label.page(db, &Cursor::default(), 2)?.items, display, &label)
                }
            };
            self.known.insert(text.to_owned(), found);
        }
        Ok(())
    }

    fn with_label(&self, rows: &[Vec<Value>], display: &FieldMeta, label: &Value) -> Option<Found> {
        let at = self.meta().position(display.column)?;
        let mut rows = rows.iter().filter(|row| row.get(at) == Some(label));
        let first = rows.next()?;
        match rows.next() {
            Some(_) => Some(Found::Several),
            None => ops_of(self.meta()).key(first).into_iter().next().map(Found::One),
        }
    }

    /// Returns the key of the row that a text refers to. The text must have been looked up.
    ///
    /// # Errors
    /// Returns a message if there is no such row, or if there are several.
    pub(super) fn find(&self, text: &str) -> std::result::Result<Value, String> {
        let (label, plural) = (within_sentence(self.meta().label), within_sentence(self.meta().plural));
        match self.known.get(text) {
            Some(Some(Found::One(key))) => Ok(key.clone()),
            Some(Some(Found::Several)) => {
                Err(text!("Several {models} are called “{text}”. Write the key of one.", models = plural, text = shortened(text)))
            }
            Some(None) | None => Err(text!("There is no {model} “{text}” that you may see.", model = label, text = shortened(text))),
        }
    }
}
