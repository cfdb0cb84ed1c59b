//! Statements on rows of a model, made from its description. They are the same code for all models.

use diesel::QueryResult;
use lback_db::Db;

use crate::row::{NewValues, time};
use crate::statement::{Assignment, ReadAs, Statement};
use crate::{Auto, FieldMeta, Kind, ModelMeta, Value};

/// The most values in one statement; SQLite takes 32,766.
const MOST_VALUES: usize = 30_000;
/// The most keys in one `IN`.
pub(crate) const MOST_KEYS: usize = 1024;

type Row = Vec<Value>;

pub(crate) fn kinds(meta: &ModelMeta) -> Vec<ReadAs> {
    meta.fields.iter().map(ReadAs::from).collect()
}

/// Returns `SELECT … FROM table`.
pub(crate) fn select<'a>(meta: &'static ModelMeta) -> Statement<'a> {
    let mut sql = Statement::new("SELECT ");
    sql.columns(meta).sql(" FROM ").name(meta.table);
    sql
}

/// Returns the columns of the primary key with their values.
fn key_is<'a>(meta: &'static ModelMeta, key: &'a [Value]) -> impl Iterator<Item = Assignment<'a>> {
    meta.primary_key.iter().zip(key).map(|(column, value)| (*column, kind_of(meta, column), value))
}

pub(crate) fn kind_of(meta: &ModelMeta, column: &str) -> Kind {
    meta.field_of_column(column).map_or(Kind::Text, |field| field.kind)
}

pub(crate) fn find(meta: &'static ModelMeta, db: &mut Db, key: &[Value]) -> QueryResult<Option<Row>> {
    let mut sql = select(meta);
    sql.sql(" WHERE ").equal(" AND ", key_is(meta, key));
    Ok(sql.rows(db, &kinds(meta))?.pop())
}

/// Returns a row as it is now, and keeps others from changing it until the transaction ends.
pub(crate) fn lock(meta: &'static ModelMeta, db: &mut Db, key: &[Value]) -> QueryResult<Option<Row>> {
    let mut sql = select(meta);
    sql.sql(" WHERE ").equal(" AND ", key_is(meta, key));
    // SQLite has one writer at a time.
    if db.kind().is_server() {
        sql.sql(" FOR UPDATE");
    }
    Ok(sql.rows(db, &kinds(meta))?.pop())
}

pub(crate) fn exists(meta: &'static ModelMeta, db: &mut Db, key: &[Value]) -> QueryResult<bool> {
    let mut sql = Statement::new("SELECT EXISTS (SELECT 1 FROM ");
    sql.name(meta.table).sql(" WHERE ").equal(" AND ", key_is(meta, key)).sql(")");
    Ok(sql.rows(db, &[Kind::Bool.into()])?.pop().is_some_and(|row| row == [Value::Bool(true)]))
}

/// Returns the row that has the values of a new one in these columns.
pub(crate) fn find_equal(meta: &'static ModelMeta, db: &mut Db, columns: &[&'static str], new: NewValues) -> QueryResult<Option<Row>> {
    let values = new.complete(db.now());
    let equal = values.iter().filter(|(field, _)| columns.contains(&field.column));
    let mut sql = select(meta);
    sql.sql(" WHERE ").equal(" AND ", equal.map(|(field, value)| (field.column, field.kind, value)));
    Ok(sql.rows(db, &kinds(meta))?.pop())
}

/// Returns the rows whose column has one of the values, in the order of the model.
pub(crate) fn find_in(meta: &'static ModelMeta, db: &mut Db, column: &'static str, values: &[Value]) -> QueryResult<Vec<Row>> {
    let mut rows = Vec::new();
    for values in values.chunks(MOST_KEYS) {
        let mut sql = select(meta);
        sql.sql(" WHERE ").name(column).sql(" IN (").list(kind_of(meta, column), values).sql(")");
        sql.sql(" ORDER BY ");
        order(&mut sql, meta, None);
        rows.extend(sql.rows(db, &kinds(meta))?);
    }
    Ok(rows)
}

/// The table of the pairs of a many-to-many relation: its columns for the one side and for the other.
#[derive(Clone, Copy)]
pub(crate) struct Pairs {
    pub(crate) meta: &'static ModelMeta,
    pub(crate) own: &'static str,
    pub(crate) other: &'static str,
}

/// Returns the rows of the other side that belong to each of the keys, each after its key.
pub(crate) fn find_linked(db: &mut Db, pairs: Pairs, to: &'static ModelMeta, keys: &[Value]) -> QueryResult<Vec<Row>> {
    let kind = kind_of(pairs.meta, pairs.own);
    let mut all = vec![ReadAs::from(kind)];
    all.extend(kinds(to));
    let key = to.primary_key.first().copied().unwrap_or_default();
    let mut rows = Vec::new();
    for keys in keys.chunks(MOST_KEYS) {
        let mut sql = Statement::new("SELECT ");
        sql.name(pairs.meta.table).sql(".").name(pairs.own);
        for field in to.fields {
            sql.sql(", ").name(to.table).sql(".").name(field.column);
        }
        sql.sql(" FROM ").name(pairs.meta.table).sql(" INNER JOIN ").name(to.table).sql(" ON ");
        sql.name(to.table).sql(".").name(key).sql(" = ").name(pairs.meta.table).sql(".").name(pairs.other);
        sql.sql(" WHERE ").name(pairs.meta.table).sql(".").name(pairs.own).sql(" IN (").list(kind, keys).sql(")");
        sql.sql(" ORDER BY ").name(pairs.meta.table).sql(".").name(pairs.own).sql(", ");
        order(&mut sql, to, Some(to.table));
        rows.extend(sql.rows(db, &all)?);
    }
    Ok(rows)
}

/// Adds the order of the model, and that of its key, so that the order is always the same.
fn order(sql: &mut Statement<'_>, meta: &'static ModelMeta, table: Option<&'static str>) {
    sql.join(", ", meta.total_order(), |sql, (column, descending)| {
        if let Some(table) = table {
            sql.name(table).sql(".");
        }
        sql.name(column).sql(if descending { " DESC" } else { "" });
        if meta.field_of_column(column).is_some_and(|field| field.null) {
            sql.nulls_are_smallest(descending);
        }
    });
}

/// What happens if a new row has the values of another in unique columns.
pub(crate) enum OnConflict<'a> {
    /// The statement fails.
    Fail,
    /// Nothing is inserted.
    Skip(&'a [&'static str]),
    /// The other row gets the values of the new one.
    Update(&'a [&'static str]),
}

/// Inserts a row, and returns it as the database has it; `None` if it was skipped.
pub(crate) fn insert(meta: &'static ModelMeta, db: &mut Db, new: NewValues, on_conflict: &OnConflict<'_>) -> QueryResult<Option<Row>> {
    let values = new.complete(db.now());
    let mut sql = Statement::new("INSERT INTO ");
    if values.is_empty() {
        // Only a number that the database gives.
        sql.name(meta.table).sql(" DEFAULT VALUES");
    } else {
        columns_and_rows(&mut sql, meta, std::slice::from_ref(&values));
    }
    match on_conflict {
        OnConflict::Fail => {}
        OnConflict::Skip(unique) => {
            sql.sql(" ON CONFLICT (")
                .join(", ", unique.iter(), |sql, column| {
                    sql.name(column);
                })
                .sql(") DO NOTHING");
        }
        OnConflict::Update(unique) => update_of_conflict(&mut sql, meta, unique, &values),
    }
    sql.sql(" RETURNING ").columns(meta);
    Ok(sql.rows(db, &kinds(meta))?.pop())
}

/// Adds the assignments that give a row the values of the new one, and count its versions.
fn update_of_conflict<'a>(
    sql: &mut Statement<'a>,
    meta: &'static ModelMeta,
    unique: &[&'static str],
    values: &[(&'static FieldMeta, Value)],
) {
    sql.sql(" ON CONFLICT (")
        .join(", ", unique.iter(), |sql, column| {
            sql.name(column);
        })
        .sql(") DO UPDATE SET ");
    let kept = |field: &FieldMeta| field.auto == Auto::NowAdd || unique.contains(&field.column) || meta.primary_key.contains(&field.column);
    let changed: Vec<_> = values.iter().map(|(field, _)| *field).filter(|field| !kept(field)).collect();
    if changed.is_empty() {
        // Without an assignment, the row would not be returned.
        let column = unique.first().copied().unwrap_or_default();
        sql.name(column).sql(" = excluded.").name(column);
    }
    sql.join(", ", changed, |sql, field| {
        sql.name(field.column).sql(" = ");
        match field.auto {
            Auto::Version => sql.name(meta.table).sql(".").name(field.column).sql(" + 1"),
            _ => sql.sql("excluded.").name(field.column),
        };
    });
}

/// Inserts rows, many in one statement, and returns their number.
pub(crate) fn insert_many(meta: &'static ModelMeta, db: &mut Db, new: Vec<NewValues>) -> QueryResult<usize> {
    let now = db.now();
    let rows: Vec<_> = new.into_iter().map(|new| new.complete(now)).collect();
    let mut count = 0;
    let Some(width) = rows.first().map(Vec::len) else { return Ok(0) };
    if width == 0 {
        // The database gives each row its number, and there is nothing else.
        for _ in &rows {
            let mut sql = Statement::new("INSERT INTO ");
            sql.name(meta.table).sql(" DEFAULT VALUES");
            count += sql.run(db)?;
        }
        return Ok(count);
    }
    for rows in rows.chunks((MOST_VALUES / width).max(1)) {
        let mut sql = Statement::new("INSERT INTO ");
        columns_and_rows(&mut sql, meta, rows);
        count += sql.run(db)?;
    }
    Ok(count)
}

/// Adds `table (columns) VALUES (…), (…)`.
fn columns_and_rows<'a>(sql: &mut Statement<'a>, meta: &'static ModelMeta, rows: &'a [Vec<(&'static FieldMeta, Value)>]) {
    sql.name(meta.table).sql(" (").new_columns(meta);
    sql.sql(") VALUES ").join(", ", rows, |sql, row| {
        sql.sql("(")
            .join(", ", row, |sql, (field, value)| {
                sql.bind(field.kind, value);
            })
            .sql(")");
    });
}

/// Writes all fields of a row, and returns it as the database has it. Returns `None` if there is no such row any more, or, if the
/// model has a version, if the row has another one.
pub(crate) fn update(meta: &'static ModelMeta, db: &mut Db, values: &[Value]) -> QueryResult<Option<Row>> {
    let now = db.now();
    let fields = || meta.fields.iter().zip(values);
    let times: Vec<Option<Value>> = meta.fields.iter().map(|field| (field.auto == Auto::Now).then(|| time(field, now))).collect();
    let is_key = |field: &FieldMeta| meta.primary_key.contains(&field.column);
    let key = fields().filter(|(field, _)| is_key(field)).map(|(field, value)| (field.column, field.kind, value));
    let changed = fields().zip(&times).filter(|((field, _), _)| !is_key(field) && field.auto != Auto::NowAdd);
    if changed.clone().next().is_none() {
        let mut sql = select(meta);
        sql.sql(" WHERE ").equal(" AND ", key);
        return Ok(sql.rows(db, &kinds(meta))?.pop());
    }
    let mut sql = Statement::new("UPDATE ");
    sql.name(meta.table).sql(" SET ");
    sql.join(", ", changed, |sql, ((field, value), now)| {
        sql.name(field.column).sql(" = ");
        match field.auto {
            Auto::Version => sql.name(field.column).sql(" + 1"),
            _ => sql.bind(field.kind, now.as_ref().unwrap_or(value)),
        };
    });
    sql.sql(" WHERE ").equal(" AND ", key);
    if let Some((field, value)) = fields().find(|(field, _)| field.auto == Auto::Version) {
        sql.sql(" AND ").equal("", [(field.column, field.kind, value)]);
    }
    sql.sql(" RETURNING ").columns(meta);
    let key = || row_key(key_of(meta, values));
    Ok(db.changing_row(meta.table, key, |db| sql.rows(db, &kinds(meta)))?.pop())
}

/// Returns the values of the primary key of a row.
fn key_of<'a>(meta: &'static ModelMeta, values: &'a [Value]) -> impl Iterator<Item = &'a Value> {
    let column = |column: &&str| meta.fields.iter().position(|field| field.column == *column);
    meta.primary_key.iter().filter_map(column).filter_map(|at| values.get(at))
}

/// Returns the text by which caches know a row, from the values of its primary key.
pub(crate) fn row_key<'a>(key: impl IntoIterator<Item = &'a Value>) -> String {
    key.into_iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(",")
}

/// Deletes a row; with a version, only if the row still has it. Returns whether it was deleted.
pub(crate) fn delete(meta: &'static ModelMeta, db: &mut Db, values: &[Value]) -> QueryResult<bool> {
    let counts = |field: &FieldMeta| meta.primary_key.contains(&field.column) || field.auto == Auto::Version;
    let known = meta.fields.iter().zip(values).filter(|(field, _)| counts(field));
    let mut sql = Statement::new("DELETE FROM ");
    sql.name(meta.table).sql(" WHERE ").equal(" AND ", known.map(|(field, value)| (field.column, field.kind, value)));
    let key = || row_key(key_of(meta, values));
    Ok(db.changing_row(meta.table, key, |db| sql.run(db))? > 0)
}

/// Returns the keys of the other side to which a row is linked.
pub(crate) fn linked_keys(db: &mut Db, pairs: Pairs, own: &Value) -> QueryResult<Vec<Value>> {
    let mut sql = Statement::new("SELECT ");
    sql.name(pairs.other).sql(" FROM ").name(pairs.meta.table).sql(" WHERE ").equal("", [(pairs.own, kind_of(pairs.meta, pairs.own), own)]);
    let found = sql.rows(db, &[kind_of(pairs.meta, pairs.other).into()])?;
    Ok(found.into_iter().flatten().collect())
}

/// Returns the keys of rows, each with the keys of the other side to which it is linked.
pub(crate) fn linked_keys_of_all(db: &mut Db, pairs: Pairs, keys: &[Value]) -> QueryResult<Vec<Row>> {
    let kinds = [pairs.own, pairs.other].map(|column| ReadAs::from(kind_of(pairs.meta, column)));
    let mut rows = Vec::new();
    for keys in keys.chunks(MOST_KEYS) {
        let mut sql = Statement::new("SELECT ");
        sql.name(pairs.own).sql(", ").name(pairs.other).sql(" FROM ").name(pairs.meta.table).sql(" WHERE ").name(pairs.own);
        sql.sql(" IN (").list(kind_of(pairs.meta, pairs.own), keys).sql(")");
        rows.extend(sql.rows(db, &kinds)?);
    }
    Ok(rows)
}

/// Makes the rows with these keys the only ones of the other side.
pub(crate) fn set_linked(db: &mut Db, pairs: Pairs, own: &Value, others: &[Value]) -> QueryResult<()> {
    unlink(db, pairs, own, None)?;
    link(db, pairs, own, others)
}

/// Deletes pairs of a row: those with the given keys of the other side, or all.
pub(crate) fn unlink(db: &mut Db, pairs: Pairs, own: &Value, others: Option<&[Value]>) -> QueryResult<()> {
    let Some(others) = others else {
        let mut sql = Statement::new("DELETE FROM ");
        sql.name(pairs.meta.table).sql(" WHERE ").equal("", [(pairs.own, kind_of(pairs.meta, pairs.own), own)]);
        return sql.run(db).map(drop);
    };
    for others in others.chunks(MOST_KEYS) {
        let mut sql = Statement::new("DELETE FROM ");
        sql.name(pairs.meta.table).sql(" WHERE ").equal("", [(pairs.own, kind_of(pairs.meta, pairs.own), own)]);
        sql.sql(" AND ").name(pairs.other).sql(" IN (").list(kind_of(pairs.meta, pairs.other), others).sql(")");
        sql.run(db)?;
    }
    Ok(())
}

/// Inserts pairs of a row, without those that are there already.
pub(crate) fn link(db: &mut Db, pairs: Pairs, own: &Value, others: &[Value]) -> QueryResult<()> {
    let (own_kind, other_kind) = (kind_of(pairs.meta, pairs.own), kind_of(pairs.meta, pairs.other));
    for others in others.chunks(MOST_KEYS) {
        let mut sql = Statement::new("INSERT INTO ");
        sql.name(pairs.meta.table).sql(" (").name(pairs.own).sql(", ").name(pairs.other).sql(") VALUES ");
        sql.join(", ", others, |sql, other| {
            sql.sql("(").bind(own_kind, own).sql(", ").bind(other_kind, other).sql(")");
        });
        sql.sql(" ON CONFLICT DO NOTHING");
        sql.run(db)?;
    }
    Ok(())
}
