//! Rows for tests.

use std::sync::atomic::{AtomicU64, Ordering};

use lback_app::testing::Client;
use lback_core::{Error, Result};
use lback_db::Db;

use crate::row::NewValues;
use crate::rows::{self, OnConflict};
use crate::sealed::Sealed;
use crate::{FieldMeta, Format, Kind, ModelMeta, Models, NewRow, Value, WritableModel};

/// Adds models to the test [`Client`].
pub trait ClientModels: Sealed {
    /// Creates a row for a test. `change` fills in what matters to the test; the rest gets values that the database accepts: a
    /// unique field gets a value that no other row has, and a reference a new row.
    ///
    /// ```
    /// use lback::prelude::*;
    /// use lback::testing::Client;
    ///
    /// #[derive(Model, Clone, Debug)]
    /// pub struct Author {
    ///     pub id: i64,
    ///     #[model(max_length = 50, unique)]
    ///     pub name: String,
    /// }
    ///
    /// #[derive(Model, Clone, Debug)]
    /// pub struct Post {
    ///     pub id: i64,
    ///     #[model(references = Author)]
    ///     pub author_id: i64,
    ///     pub title: String,
    /// }
    ///
    /// fn a_post_is_shown(client: &Client) {
    ///     let post = client.create::<Post>(|post| post.title = "First".to_owned());
    ///     client.get(&format!("/posts/{}", post.id)).send().assert_contains("First");
    /// }
    /// ```
    ///
    /// # Panics
    /// Panics if the row cannot be created.
    #[track_caller]
    fn create<M: WritableModel>(&self, change: impl FnOnce(&mut M::New)) -> M;

    /// Loads a file of rows, as the command `loaddata` does: `client.load("fixtures/notes.json")`. The path is below the project's folder.
    ///
    /// # Panics
    /// Panics if the file cannot be loaded.
    #[track_caller]
    fn load(&self, file: &str);
}

impl ClientModels for Client {
    #[track_caller]
    fn create<M: WritableModel>(&self, change: impl FnOnce(&mut M::New)) -> M {
        let mut new = M::New::default();
        change(&mut new);
        self.db(|db| {
            let values = new.into_values()?;
            M::from_values(insert(db, M::META, values, 0)?)
        })
    }

    #[track_caller]
    fn load(&self, file: &str) {
        let none = Models::default();
        let models = self.app().state::<Models>().unwrap_or(&none);
        self.db(|db| crate::data::load_file(db, models, &self.app().root().join(file), file));
    }
}

/// How many rows may refer to each other in a chain.
const MOST_PARENTS: usize = 20;

/// Inserts a row, after filling in what the database would refuse.
fn insert(db: &mut Db, meta: &'static ModelMeta, mut new: NewValues, depth: usize) -> Result<Vec<Value>> {
    if depth > MOST_PARENTS {
        let text = format!("a row of {} needs another row of itself, so the test must fill in the reference", meta.table);
        return Err(Error::internal(text));
    }
    for (field, value) in new.iter_mut() {
        if !is_blank(value) {
            continue;
        }
        match field.references {
            Some(reference) => *value = parent(db, (reference.model)(), depth)?,
            None if must_differ(meta, field) => *value = distinct(field),
            None => {}
        }
    }
    let row = rows::insert(meta, db, new, &OnConflict::Fail)?;
    row.ok_or_else(|| Error::internal("the database did not return the new row"))
}

/// Inserts a row for another to refer to, and returns its key.
fn parent(db: &mut Db, meta: &'static ModelMeta, depth: usize) -> Result<Value> {
    let own = || {
        Error::internal(format!(
            "the rows of {} have methods of their own to create them, so the test must fill in the reference",
            meta.table
        ))
    };
    let row = insert(db, meta, meta.new_values.ok_or_else(own)?()?, depth + 1)?;
    let key = meta.fields.iter().position(|field| meta.primary_key.contains(&field.column));
    Ok(key.and_then(|at| row.get(at).cloned()).unwrap_or(Value::Null))
}

/// Returns whether a value is the one that a field has if it is not filled in.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Int(number) => *number == 0,
        Value::Text(text) => text.is_empty(),
        #[cfg(feature = "decimal")]
        Value::Decimal(number) => number.is_zero(),
        #[cfg(feature = "uuid")]
        Value::Uuid(uuid) => uuid.is_nil(),
        _ => false,
    }
}

fn must_differ(meta: &ModelMeta, field: &FieldMeta) -> bool {
    let in_index = meta.indexes.iter().any(|index| index.unique && index.columns.contains(&field.column));
    field.unique || in_index || meta.primary_key.contains(&field.column)
}

/// Returns a value that no other row has.
fn distinct(field: &FieldMeta) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let text = match field.format {
        Format::Email => format!("user{number}@example.com"),
        Format::Url => format!("https://example.com/{number}"),
        Format::Slug => format!("{}-{number}", field.name),
        _ => format!("{} {number}", field.label),
    };
    let longest = field.max_length.map_or(usize::MAX, |length| length as usize);
    match field.kind {
        Kind::Text if text.chars().count() <= longest => Value::Text(text),
        // Short codes: what differs is at the end.
        Kind::Text => {
            let code = base36(number);
            Value::Text(code[code.len().saturating_sub(longest)..].to_owned())
        }
        Kind::SmallInt => Value::Int(i64::try_from(number % 32_000).unwrap_or_default()),
        #[cfg(feature = "decimal")]
        Kind::Decimal => {
            let places = field.digits.map_or(0, |digits| digits.decimal_places);
            Value::Decimal(lback_db::Decimal::new(i64::try_from(number).unwrap_or(i64::MAX), places))
        }
        #[cfg(feature = "uuid")]
        Kind::Uuid => Value::Uuid(uuid::Uuid::from_u128(number.into())),
        _ => Value::Int(i64::try_from(number).unwrap_or(i64::MAX)),
    }
}

/// Writes a number with digits and small letters.
fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.is_empty() {
        digits.push(char::from_digit(u32::try_from(number % 36).unwrap_or_default(), 36).unwrap_or('0'));
        number /= 36;
    }
    digits.into_iter().rev().collect()
}
