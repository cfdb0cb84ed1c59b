//! [`Model`], the trait of structs that are tables.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::Connection as _;
use lback_core::{Error, Result, StatusCode};
use lback_db::Db;
use lback_forms::FormErrors;

use crate::row::NewValues;
use crate::rows::{self, OnConflict};
use crate::{ModelMeta, Value};

/// A struct that is a table. [`#[derive(Model)]`](derive@crate::Model) implements this trait.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a model", note = "derive it: #[derive(Model)]")]
pub trait Model: Sized + Clone + 'static {
    /// The table that `diesel::table!` declares.
    type Table: diesel::Table;

    /// The type of the primary key: that of its field, or a tuple.
    type Key: Clone;

    /// The description of the model.
    const META: &'static ModelMeta;

    /// Returns the primary key of the row.
    fn key(&self) -> Self::Key;

    #[doc(hidden)]
    fn key_values(key: Self::Key) -> Result<Vec<Value>>;

    #[doc(hidden)]
    fn from_values(values: Vec<Value>) -> Result<Self>;

    #[doc(hidden)]
    fn to_values(&self) -> Result<Vec<Value>>;

    /// Returns the text by which caches know the row.
    #[doc(hidden)]
    fn cache_key(&self) -> Result<String> {
        Ok(rows::row_key(&Self::key_values(self.key())?))
    }

    /// Returns the row with this primary key.
    ///
    /// # Errors
    /// Returns 404 if there is none.
    #[track_caller]
    fn find(db: &mut Db, key: Self::Key) -> Result<Self>;

    /// Returns the rows with these primary keys, by key. Keys without a row are left out.
    ///
    /// # Errors
    /// Returns an error if the database cannot be read.
    fn find_many(db: &mut Db, keys: impl IntoIterator<Item = Self::Key>) -> Result<BTreeMap<Self::Key, Self>>
    where
        Self::Key: Ord,
    {
        crate::related::by_key(db, keys)
    }

    /// Returns whether there is a row with this primary key.
    ///
    /// # Errors
    /// Returns an error if the database cannot be read.
    fn exists(db: &mut Db, key: Self::Key) -> Result<bool> {
        Ok(rows::exists(Self::META, db, &Self::key_values(key)?)?)
    }
}

/// A model whose rows are created, changed and deleted by its own methods. [`#[derive(Model)]`](derive@crate::Model) implements this trait,
/// unless the model is `read_only`.
pub trait WritableModel: Model {
    /// A row that is not in the database yet.
    type New: NewRow<Model = Self>;

    /// Validates the row as a whole. Adding an error makes it invalid. Forms call it; the methods of this trait do not.
    fn clean(&self, errors: &mut FormErrors) {
        let _ = errors;
    }

    /// Inserts a row, and returns it as the database has it. The model's [`clean`](Self::clean) does not run; forms run it.
    ///
    /// # Errors
    /// Returns an error if the database refuses the row, or if a reference is missing.
    #[track_caller]
    fn create(db: &mut Db, new: Self::New) -> Result<Self> {
        let created = rows::insert(Self::META, db, checked::<Self>(new)?, &OnConflict::Fail)?;
        Self::from_values(created.ok_or_else(|| Error::internal("the database did not return the new row"))?)
    }

    /// Inserts rows, thousands in one statement, and returns their number. All of them are inserted or none.
    ///
    /// # Errors
    /// Returns an error if the database refuses a row, or if a reference is missing.
    #[track_caller]
    fn create_many(db: &mut Db, new: impl IntoIterator<Item = Self::New>) -> Result<usize> {
        let new = new.into_iter().map(checked::<Self>).collect::<Result<Vec<_>>>()?;
        db.transaction(|db| Ok(rows::insert_many(Self::META, db, new)?))
    }

    /// Inserts a row, or gives the row with the same values in the `unique` columns the values of the new one. Returns the row as the
    /// database has it.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Setting { pub id: i64, #[model(unique)] pub name: String, pub value: String }
    /// fn set(db: &mut Db, name: &str, value: &str) -> Result<Setting> {
    ///     let new = NewSetting { name: name.to_owned(), value: value.to_owned() };
    ///     Setting::upsert(db, new, &["name"])
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the columns are not unique together, if one of them is `None` in the new row, or if the database refuses the
    /// row.
    #[track_caller]
    fn upsert(db: &mut Db, new: Self::New, unique: &[&str]) -> Result<Self> {
        let (unique, new) = unique_columns::<Self>(new, unique)?;
        let row = rows::insert(Self::META, db, new, &OnConflict::Update(&unique))?;
        Self::from_values(row.ok_or_else(|| Error::internal("the database did not return the row"))?)
    }

    /// Returns the row that has the values of `new` in the `unique` columns, or inserts `new`. The second value is whether it was
    /// inserted. Two requests that do this at the same time get the same row.
    ///
    /// # Errors
    /// Returns an error if the columns are not unique together, if one of them is `None` in the new row, or if the database refuses the
    /// row.
    #[track_caller]
    fn get_or_create(db: &mut Db, new: Self::New, unique: &[&str]) -> Result<(Self, bool)> {
        let (unique, new) = unique_columns::<Self>(new, unique)?;
        if let Some(found) = rows::find_equal(Self::META, db, &unique, new.clone())? {
            return Ok((Self::from_values(found)?, false));
        }
        if let Some(created) = rows::insert(Self::META, db, new.clone(), &OnConflict::Skip(&unique))? {
            return Ok((Self::from_values(created)?, true));
        }
        // Another request was faster.
        let found = rows::find_equal(Self::META, db, &unique, new)?;
        let gone = || Error::internal("the row was deleted by another request").with_status(StatusCode::CONFLICT);
        Ok((Self::from_values(found.ok_or_else(gone)?)?, false))
    }

    /// Writes all fields of the row, and reads what the database has made of them. Fields with `auto_now` get the current time.
    ///
    /// # Errors
    /// Returns 409 if the row has been deleted, or, if the model has a `version`, if it has been changed since it was read. Returns an
    /// error if the database refuses the row.
    #[track_caller]
    fn save(&mut self, db: &mut Db) -> Result<()> {
        let row = rows::update(Self::META, db, &self.to_values()?)?;
        *self = Self::from_values(row.ok_or_else(|| changed(Self::META))?)?;
        Ok(())
    }

    /// Deletes the row.
    ///
    /// # Errors
    /// Returns 409 if the row has been deleted already, or, if the model has a `version`, if it has been changed since it was read.
    /// Returns an error if other rows refer to the row.
    #[track_caller]
    fn delete(self, db: &mut Db) -> Result<()> {
        if rows::delete(Self::META, db, &self.to_values()?)? { Ok(()) } else { Err(changed(Self::META)) }
    }
}

/// A row that is not in the database yet, such as `NewPost` for `Post`.
pub trait NewRow: Sized + Clone + Default + From<Self::Model> {
    /// The model of the row.
    type Model: WritableModel<New = Self>;

    #[doc(hidden)]
    fn into_values(self) -> Result<NewValues>;

    /// Returns the row as it would be in the database at this time. A number that the database gives is 0.
    fn preview(self, now: DateTime<Utc>) -> Self::Model;

    /// Returns the first reference that was not filled in.
    #[doc(hidden)]
    fn missing_reference(&self) -> Option<&'static str>;
}

/// Validates a row of the model.
///
/// # Errors
/// Returns an error if the values are not a row of the model.
pub fn clean<M: WritableModel>(row: Vec<Value>, errors: &mut FormErrors) -> Result<()> {
    M::from_values(row)?.clean(errors);
    Ok(())
}

/// Returns the values of a new row.
#[track_caller]
fn checked<M: WritableModel>(new: M::New) -> Result<NewValues> {
    match new.missing_reference() {
        None => new.into_values(),
        Some(field) => Err(Error::internal(format!(
            "a new row of {} refers to no row: set {field}, as in New{} {{ {field}: other.id, ..Default::default() }}",
            M::META.table,
            M::META.name
        ))),
    }
}

#[track_caller]
pub(crate) fn changed(meta: &ModelMeta) -> Error {
    let text = format!("the row of {} was changed or deleted in the meantime", meta.table);
    Error::internal(text).with_status(StatusCode::CONFLICT)
}

/// Returns the columns of these fields, if they are unique together and the new row has a value in each, and the values of the row.
#[track_caller]
fn unique_columns<M: WritableModel>(new: M::New, names: &[&str]) -> Result<(Vec<&'static str>, NewValues)> {
    let meta = M::META;
    let new = checked::<M>(new)?;
    let mut columns = Vec::new();
    for name in names {
        let field = meta.field(name).ok_or_else(|| Error::internal(format!("{} has no field {name}", meta.name)))?;
        match new.get(field.column) {
            Some(Value::Null) => {
                return Err(Error::internal(format!("{name} is None, and no row is found by it: NULLs are never equal")));
            }
            Some(_) => columns.push(field.column),
            None => return Err(Error::internal(format!("{name} is filled in automatically, so a new row cannot be found by it"))),
        }
    }
    let mut sorted = columns.clone();
    sorted.sort_unstable();
    let same = |others: &[&str]| {
        let mut others = others.to_vec();
        others.sort_unstable();
        others == sorted
    };
    let is_unique = same(meta.primary_key)
        || meta.fields.iter().any(|field| field.unique && same(&[field.column]))
        || meta.indexes.iter().any(|index| index.unique && index.condition.is_empty() && same(index.columns));
    if is_unique {
        return Ok((columns, new));
    }
    Err(Error::internal(format!(
        "two rows of {} may have the same {}: write #[model(unique)] at the field, or #[model(unique({}))] at the model",
        meta.table,
        names.join(" and "),
        names.join(", ")
    )))
}
