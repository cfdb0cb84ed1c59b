//! Rows that refer to each other, of many rows with one query.

use std::collections::{BTreeMap, BTreeSet};

use diesel::Connection as _;
use lback_core::{Error, Result};
use lback_db::Db;

use crate::rows::{self, Pairs};
use crate::{Model, Value};

/// Returns the rows with these primary keys, by key.
pub(crate) fn by_key<M: Model<Key: Ord>>(db: &mut Db, keys: impl IntoIterator<Item = M::Key>) -> Result<BTreeMap<M::Key, M>> {
    let keys: BTreeSet<_> = keys.into_iter().collect();
    let mut found = BTreeMap::new();
    let &[column] = M::META.primary_key else {
        for key in keys {
            if let Some(row) = rows::find(M::META, db, &M::key_values(key)?)? {
                let row = M::from_values(row)?;
                found.insert(row.key(), row);
            }
        }
        return Ok(found);
    };
    let keys = keys.into_iter().map(M::key_values).collect::<Result<Vec<_>>>()?.concat();
    for row in rows::find_in(M::META, db, column, &keys)? {
        let row = M::from_values(row)?;
        found.insert(row.key(), row);
    }
    Ok(found)
}

/// Returns the row that each row refers to.
pub fn parents_of<C, P: Model<Key: Ord>>(db: &mut Db, children: &[C], key: impl Fn(&C) -> P::Key) -> Result<Vec<P>> {
    let found = by_key::<P>(db, children.iter().map(&key))?;
    let gone = || Error::internal(format!("a row refers to one of {} that does not exist", P::META.table));
    children.iter().map(|child| found.get(&key(child)).cloned().ok_or_else(gone)).collect()
}

/// Returns the row that each row refers to, if it refers to one.
pub fn parents_of_some<C, P: Model<Key: Ord>>(db: &mut Db, children: &[C], key: impl Fn(&C) -> Option<P::Key>) -> Result<Vec<Option<P>>> {
    let found = by_key::<P>(db, children.iter().filter_map(&key))?;
    Ok(children.iter().map(|child| found.get(&key(child)?).cloned()).collect())
}

/// Returns the rows whose field `field` refers to each of the rows.
pub fn children_of<P: Model<Key: Ord>, C: Model>(
    db: &mut Db,
    parents: &[P],
    field: &str,
    key: impl Fn(&C) -> Option<P::Key>,
) -> Result<Vec<Vec<C>>> {
    let column = column_of::<C>(field)?;
    // A row that is given twice must not be asked for twice: its children would come twice.
    let keys: BTreeSet<_> = parents.iter().map(Model::key).collect();
    let keys = keys.into_iter().map(P::key_values).collect::<Result<Vec<_>>>()?.concat();
    let mut children: BTreeMap<P::Key, Vec<C>> = BTreeMap::new();
    for row in rows::find_in(C::META, db, column, &keys)? {
        let child = C::from_values(row)?;
        if let Some(parent) = key(&child) {
            children.entry(parent).or_default().push(child);
        }
    }
    Ok(parents.iter().map(|parent| children.get(&parent.key()).cloned().unwrap_or_default()).collect())
}

/// Returns the rows of the other side of a many-to-many relation, for each of the rows.
pub fn links_of<Pair: Model, From: Model<Key: Ord>, To: Model>(db: &mut Db, rows: &[From], fields: (&str, &str)) -> Result<Vec<Vec<To>>> {
    let unique: BTreeSet<_> = rows.iter().map(Model::key).collect();
    let keys = unique.iter().cloned().map(From::key_values).collect::<Result<Vec<_>>>()?.concat();
    let mut of_each: Vec<Vec<To>> = vec![Vec::new(); keys.len()];
    let mut at = 0;
    for mut row in rows::find_linked(db, pairs::<Pair>(fields)?, To::META, &keys)? {
        // The rows of one key come together.
        let key = row.remove(0);
        if keys.get(at) != Some(&key) {
            at = keys.iter().position(|own| *own == key).unwrap_or(at);
        }
        if let Some(links) = of_each.get_mut(at) {
            links.push(To::from_values(row)?);
        }
    }
    let by_key: BTreeMap<_, _> = unique.into_iter().zip(of_each).collect();
    Ok(rows.iter().map(|row| by_key.get(&row.key()).cloned().unwrap_or_default()).collect())
}

/// Makes the rows with these keys the only ones of the other side.
pub fn set_links<Pair: Model, From: Model, To: Model>(db: &mut Db, row: &From, keys: &[To::Key], fields: (&str, &str)) -> Result<()> {
    let (pairs, own, others) = linked::<Pair, From, To>(row, keys, fields)?;
    db.transaction(|db| Ok(rows::set_linked(db, pairs, &own, &others)?))
}

/// Adds rows of the other side.
pub fn add_links<Pair: Model, From: Model, To: Model>(db: &mut Db, row: &From, keys: &[To::Key], fields: (&str, &str)) -> Result<()> {
    let (pairs, own, others) = linked::<Pair, From, To>(row, keys, fields)?;
    db.transaction(|db| Ok(rows::link(db, pairs, &own, &others)?))
}

/// Removes rows of the other side.
pub fn remove_links<Pair: Model, From: Model, To: Model>(db: &mut Db, row: &From, keys: &[To::Key], fields: (&str, &str)) -> Result<()> {
    let (pairs, own, others) = linked::<Pair, From, To>(row, keys, fields)?;
    db.transaction(|db| Ok(rows::unlink(db, pairs, &own, Some(&others))?))
}

fn linked<Pair: Model, From: Model, To: Model>(row: &From, keys: &[To::Key], fields: (&str, &str)) -> Result<(Pairs, Value, Vec<Value>)> {
    let own = From::key_values(row.key())?.pop().unwrap_or(Value::Null);
    let others = keys.iter().cloned().map(To::key_values).collect::<Result<Vec<_>>>()?.concat();
    Ok((pairs::<Pair>(fields)?, own, others))
}

fn pairs<Pair: Model>((own, other): (&str, &str)) -> Result<Pairs> {
    Ok(Pairs { meta: Pair::META, own: column_of::<Pair>(own)?, other: column_of::<Pair>(other)? })
}

fn column_of<M: Model>(field: &str) -> Result<&'static str> {
    let unknown = || Error::internal(format!("{} has no field {field}; the model of the pairs needs it", M::META.name));
    M::META.field(field).map(|field| field.column).ok_or_else(unknown)
}
