//! Statements on rows of any model.

use diesel::QueryResult;
use lback_db::Db;

use crate::rows::kinds;
use crate::statement::Statement;
use crate::{Auto, FieldMeta, Kind, ModelMeta, Value};

/// Returns the number that the database gives the rows, if it does.
pub(super) fn number(meta: &ModelMeta) -> Option<&'static FieldMeta> {
    meta.fields.iter().find(|field| field.auto == Auto::Id && meta.primary_key == [field.column])
}

/// Returns the fields of the primary key.
pub(super) fn key_fields(meta: &ModelMeta) -> impl Iterator<Item = (usize, &'static FieldMeta)> + use<> {
    let key = meta.primary_key;
    meta.fields.iter().enumerate().filter(move |(_, field)| key.contains(&field.column))
}

/// Returns the rows after the one with the key `after`, in the order of the primary key.
pub(super) fn page(db: &mut Db, meta: &'static ModelMeta, after: Option<&[Value]>) -> QueryResult<Vec<Vec<Value>>> {
    let mut sql = Statement::new("SELECT ");
    sql.columns(meta).sql(" FROM ").name(meta.table);
    if let Some(after) = after {
        sql.sql(" WHERE (").join(", ", key_fields(meta), |sql, (_, field)| {
            sql.name(field.column);
        });
        sql.sql(") > (").join(", ", key_fields(meta).zip(after), |sql, ((_, field), value)| {
            sql.bind(field.kind, value);
        });
        sql.sql(")");
    }
    sql.sql(" ORDER BY ").join(", ", key_fields(meta), |sql, (_, field)| {
        sql.name(field.column);
    });
    sql.sql(" LIMIT 500");
    sql.rows(db, &kinds(meta))
}

/// Returns the primary keys of the rows, two at most, that have these values.
pub(super) fn find(
    db: &mut Db,
    meta: &'static ModelMeta,
    key: &'static FieldMeta,
    values: &[(&'static FieldMeta, Value)],
) -> QueryResult<Vec<Value>> {
    let mut sql = Statement::new("SELECT ");
    sql.name(key.column).sql(" FROM ").name(meta.table).sql(" WHERE ");
    sql.equal(" AND ", values.iter().map(|(field, value)| (field.column, field.kind, value))).sql(" LIMIT 2");
    Ok(sql.rows(db, &[key.into()])?.into_iter().flatten().collect())
}

/// Returns those of the primary keys that a row has.
pub(super) fn existing(db: &mut Db, meta: &'static ModelMeta, key: &'static FieldMeta, values: &[Value]) -> QueryResult<Vec<Value>> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Statement::new("SELECT ");
    sql.name(key.column).sql(" FROM ").name(meta.table).sql(" WHERE ").name(key.column).sql(" IN (").list(key.kind, values).sql(")");
    Ok(sql.rows(db, &[key.into()])?.into_iter().flatten().collect())
}

/// Inserts rows with values of the `columns`. A row that has the same values as one of the table in the columns `unique` changes the
/// columns `changed` of that one instead.
pub(super) fn upsert(
    db: &mut Db,
    meta: &'static ModelMeta,
    columns: &[&'static FieldMeta],
    rows: &[Vec<Value>],
    unique: &[&'static FieldMeta],
    changed: &[&'static FieldMeta],
) -> QueryResult<()> {
    if columns.is_empty() {
        for _ in rows {
            let mut sql = Statement::new("INSERT INTO ");
            sql.name(meta.table).sql(" DEFAULT VALUES");
            sql.run(db)?;
        }
        return Ok(());
    }
    let names = |sql: &mut Statement<'_>, fields: &[&'static FieldMeta]| {
        sql.join(", ", fields, |sql, field| {
            sql.name(field.column);
        });
    };
    let mut sql = Statement::new("INSERT INTO ");
    sql.name(meta.table).sql(" (");
    names(&mut sql, columns);
    sql.sql(") VALUES ").join(", ", rows, |sql, row| {
        sql.sql("(").join(", ", columns.iter().zip(row), |sql, (field, value)| {
            sql.bind(field.kind, value);
        });
        sql.sql(")");
    });
    if !unique.is_empty() {
        sql.sql(" ON CONFLICT (");
        names(&mut sql, unique);
        sql.sql(if changed.is_empty() { ") DO NOTHING" } else { ") DO UPDATE SET " });
        sql.join(", ", changed, |sql, field| {
            sql.name(field.column).sql(" = excluded.").name(field.column);
        });
    }
    sql.run(db).map(drop)
}

/// Makes PostgreSQL number the next row after those that were inserted with their numbers. SQLite does so by itself.
pub(super) fn number_after_last(db: &mut Db, meta: &'static ModelMeta) -> QueryResult<()> {
    let Some(number) = number(meta).filter(|_| db.kind().is_server()) else { return Ok(()) };
    let (table, column) = (Value::Text(format!("\"{}\"", meta.table.replace('"', "\"\""))), Value::Text(number.column.to_owned()));
    let mut sql = Statement::new("SELECT setval(sequence, last) FROM (SELECT pg_get_serial_sequence(");
    sql.bind(Kind::Text, &table).sql(", ").bind(Kind::Text, &column).sql(")::regclass AS sequence, max(").name(number.column);
    sql.sql(")::bigint AS last FROM ").name(meta.table);
    sql.sql(") AS numbers WHERE last > coalesce(pg_sequence_last_value(sequence), 0)");
    sql.rows(db, &[Kind::BigInt.into()]).map(drop)
}
