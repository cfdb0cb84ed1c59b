//! The rows that a deletion affects.

use std::collections::{BTreeMap, BTreeSet};

use lback_core::Result;
use lback_db::Db;

use super::{Filter, List, key_of, key_text};
use crate::{Cursor, FieldMeta, ModelMeta, OnDelete, RowValues, Value};

/// The rows that a deletion affects, apart from the deleted ones themselves.
#[derive(Debug, Default)]
pub struct Dependents {
    /// The rows that are deleted as well, by model; those that refer to others come after them.
    pub deleted: Vec<(&'static ModelMeta, Vec<RowValues>)>,
    /// The rows that will refer to nothing in this field.
    pub released: Vec<(&'static ModelMeta, &'static FieldMeta, Vec<RowValues>)>,
    /// The rows that forbid the deletion.
    pub protected: Vec<(&'static ModelMeta, &'static FieldMeta, Vec<RowValues>)>,
    /// Whether there are more rows than were asked for.
    pub has_more: bool,
}

/// Rows of a model.
type OfModel = (&'static ModelMeta, Vec<RowValues>);

/// The maximum number of keys in one query.
const MOST_KEYS: usize = 500;

/// Returns the rows that the deletion of `rows` affects, at most `most` of them. `models` are all models whose rows may refer to others.
///
/// # Errors
/// Returns an error if the database fails.
pub fn dependents(
    db: &mut Db,
    models: &[&'static ModelMeta],
    meta: &'static ModelMeta,
    rows: &[RowValues],
    most: usize,
) -> Result<Dependents> {
    let mut search = Search { db, models, most, found: Dependents::default(), known: BTreeMap::new(), count: 0 };
    search.known.entry(meta.table).or_default().extend(rows.iter().map(|row| key_text(meta, row)));
    let mut waiting = vec![(meta, rows.to_vec())];
    while let Some((meta, rows)) = waiting.pop() {
        if search.count >= most {
            search.found.has_more = true;
            break;
        }
        waiting.extend(search.referring_to(meta, &rows)?);
    }
    let Search { mut found, known, .. } = search;
    // A row that is deleted protects nothing, and need not be released.
    let is_deleted =
        |meta: &'static ModelMeta, row: &RowValues| known.get(meta.table).is_some_and(|known| known.contains(&key_text(meta, row)));
    for (meta, _, rows) in found.protected.iter_mut().chain(&mut found.released) {
        rows.retain(|row| !is_deleted(meta, row));
    }
    found.protected.retain(|(.., rows)| !rows.is_empty());
    found.released.retain(|(.., rows)| !rows.is_empty());
    Ok(found)
}

struct Search<'a> {
    db: &'a mut Db,
    models: &'a [&'static ModelMeta],
    most: usize,
    found: Dependents,
    /// The keys of the rows that are deleted, by table.
    known: BTreeMap<&'static str, BTreeSet<String>>,
    count: usize,
}

impl Search<'_> {
    /// Finds the rows that refer to some that are deleted. Returns the rows that are deleted with them.
    fn referring_to(&mut self, meta: &'static ModelMeta, rows: &[RowValues]) -> Result<Vec<OfModel>> {
        let mut deleted = Vec::new();
        let keys: Vec<Value> = rows.iter().filter_map(|row| key_of(meta, row).into_iter().next()).collect();
        for other in self.models {
            for field in other.fields {
                let Some(reference) = field.references.filter(|reference| (reference.model)().table == meta.table) else { continue };
                let found = self.find(other, field, &keys)?;
                if found.is_empty() {
                    continue;
                }
                match reference.on_delete {
                    OnDelete::Restrict => self.found.protected.push((other, field, found)),
                    OnDelete::SetNull => self.found.released.push((other, field, found)),
                    OnDelete::Cascade => {
                        let known = self.known.entry(other.table).or_default();
                        let new: Vec<_> = found.into_iter().filter(|row| known.insert(key_text(other, row))).collect();
                        if !new.is_empty() {
                            self.found.deleted.push((other, new.clone()));
                            deleted.push((*other, new));
                        }
                    }
                }
            }
        }
        Ok(deleted)
    }

    fn find(&mut self, meta: &'static ModelMeta, field: &'static FieldMeta, keys: &[Value]) -> Result<Vec<RowValues>> {
        let mut found = Vec::new();
        for keys in keys.chunks(MOST_KEYS) {
            let left = self.most.saturating_sub(self.count);
            let per_page = u32::try_from(left).unwrap_or(u32::MAX).max(1);
            let list = List::of(meta).filter(Filter::OneOf(field, keys.to_vec()));
            let page = list.page(self.db, &Cursor::default(), per_page)?;
            self.found.has_more |= page.next.is_some() || (left == 0 && !page.items.is_empty());
            self.count += page.items.len();
            found.extend(page.items);
        }
        Ok(found)
    }
}
