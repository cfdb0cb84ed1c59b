//! The tables of a database.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use lback_core::Result;

use super::STATE;
use crate::Db;

/// A table of a database.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    /// The name of the type, without a length.
    pub(super) of_type: String,
    /// The place in the primary key, counted from 1; 0 if it is not part of it.
    key: i64,
}

impl Table {
    /// Returns the columns of the primary key, in its order.
    pub(super) fn key(&self) -> Vec<&Column> {
        let mut key: Vec<&Column> = self.columns.iter().filter(|column| column.key > 0).collect();
        key.sort_by_key(|column| column.key);
        key
    }
}

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    of: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    of_type: String,
    #[diesel(sql_type = BigInt)]
    key: i64,
}

#[cfg(feature = "sqlite")]
#[derive(QueryableByName)]
struct VirtualTable {
    #[diesel(sql_type = Text)]
    name: String,
}

/// A reference of one table to another.
#[derive(Clone, Debug, QueryableByName)]
pub(super) struct Reference {
    #[diesel(sql_type = Text)]
    pub(super) of: String,
    #[diesel(sql_type = Text)]
    pub(super) to: String,
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    /// Whether its check can be, and is, put off to the end of a transaction.
    #[diesel(sql_type = Bool)]
    pub(super) is_deferrable: bool,
    #[diesel(sql_type = Bool)]
    pub(super) is_deferred: bool,
}

/// The largest number that the database has given to a row of a table.
#[derive(Clone, Debug, QueryableByName)]
pub(super) struct Number {
    #[diesel(sql_type = Text)]
    pub(super) of: String,
    #[diesel(sql_type = Text)]
    pub(super) column: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) last: Option<i64>,
}

/// The tables of the schema in which PostgreSQL creates tables, without those of extensions and the parts of others.
#[cfg(feature = "postgres")]
const POSTGRES_TABLES: &str = "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
        AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

/// Returns the tables whose rows are copied, by name: all but those of the database itself and of migrations.
pub(super) fn tables(db: &mut Db) -> Result<Vec<Table>> {
    let sql = match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(_) => "SELECT t.name AS \"of\", c.name, c.type AS of_type, c.pk AS key
             FROM pragma_table_list AS t, pragma_table_xinfo(t.name) AS c
             WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND c.hidden = 0
             ORDER BY t.name, c.cid"
            .to_owned(),
        #[cfg(feature = "postgres")]
        Db::Postgres(_) => format!(
            "SELECT c.relname::text AS of, a.attname::text AS name, format_type(a.atttypid, NULL) AS of_type,
                 coalesce((SELECT array_position(i.indkey::int2[], a.attnum) + 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary), 0)::bigint
                     AS key
             {POSTGRES_TABLES} ORDER BY c.relname COLLATE \"C\", a.attnum"
        ),
    };
    let rows: Vec<ColumnRow> = diesel::sql_query(sql).load(db)?;
    let mut tables: Vec<Table> = Vec::new();
    for ColumnRow { of, name, of_type, key } in rows {
        if of == "__diesel_schema_migrations" || of == STATE {
            continue;
        }
        let column = Column { name, of_type: of_type.to_ascii_lowercase(), key };
        match tables.last_mut().filter(|table| table.name == of) {
            Some(table) => table.columns.push(column),
            None => tables.push(Table { name: of, columns: vec![column] }),
        }
    }
    Ok(tables)
}

/// Returns the virtual tables of SQLite, such as those of full-text search, by name.
pub(super) fn virtual_tables(db: &mut Db) -> Result<Vec<String>> {
    match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(_) => {
            let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual' ORDER BY name";
            Ok(diesel::sql_query(sql).load(db)?.into_iter().map(|VirtualTable { name }| name).collect())
        }
        #[cfg(feature = "postgres")]
        Db::Postgres(_) => Ok(Vec::new()),
    }
}

/// Returns the references between tables of PostgreSQL. Those of SQLite are not enforced while rows are copied.
pub(super) fn references(db: &mut Db) -> Result<Vec<Reference>> {
    match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(_) => Ok(Vec::new()),
        #[cfg(feature = "postgres")]
        Db::Postgres(_) => Ok(diesel::sql_query(
            "SELECT c.relname::text AS of, f.relname::text AS to, k.conname::text AS name,
                 k.condeferrable AS is_deferrable, k.condeferred AS is_deferred
             FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
             WHERE k.contype = 'f' AND k.conparentid = 0
                 AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())",
        )
        .load(db)?),
    }
}

/// Returns the columns that the database numbers, with the last number of each.
pub(super) fn numbers(db: &mut Db) -> Result<Vec<Number>> {
    match db {
        #[cfg(feature = "sqlite")]
        Db::Sqlite(_) => {
            let has_any = "SELECT name AS \"of\", '' AS \"column\", NULL AS last FROM sqlite_master WHERE name = 'sqlite_sequence'";
            if diesel::sql_query(has_any).load::<Number>(db)?.is_empty() {
                return Ok(Vec::new());
            }
            // SQLite has no list of the tables with AUTOINCREMENT. The other numbers follow from the rows.
            Ok(diesel::sql_query(
                "SELECT t.name AS \"of\", c.name AS \"column\", (SELECT max(s.seq) FROM sqlite_sequence AS s WHERE s.name = t.name) AS last
                 FROM sqlite_master AS t, pragma_table_info(t.name) AS c
                 WHERE t.type = 'table' AND c.pk = 1 AND upper(c.type) = 'INTEGER' AND upper(t.sql) LIKE '%AUTOINCREMENT%'",
            )
            .load(db)?)
        }
        #[cfg(feature = "postgres")]
        Db::Postgres(_) => Ok(diesel::sql_query(format!(
            "SELECT of, \"column\", pg_sequence_last_value(sequence::regclass) AS last
             FROM (SELECT c.relname::text AS of, a.attname::text AS \"column\",
                 pg_get_serial_sequence(quote_ident(c.relname), a.attname) AS sequence {POSTGRES_TABLES}) AS numbered
             WHERE sequence IS NOT NULL"
        ))
        .load(db)?),
    }
}

/// Groups the tables so that each group refers only to itself and to groups before it. The flag is whether the tables of a group, or the
/// rows of its only one, may refer to each other.
pub(super) fn in_order(tables: Vec<Table>, references: &[Reference]) -> Vec<(Vec<Table>, bool)> {
    let leads = |from: &str, to: &str| -> bool {
        let (mut seen, mut next): (Vec<&str>, Vec<&str>) = (Vec::new(), vec![from]);
        while let Some(table) = next.pop() {
            for reference in references.iter().filter(|reference| reference.of == table) {
                if reference.to == to {
                    return true;
                }
                if !seen.contains(&reference.to.as_str()) {
                    seen.push(&reference.to);
                    next.push(&reference.to);
                }
            }
        }
        false
    };
    let mut groups = Vec::new();
    let mut left = tables;
    while !left.is_empty() {
        // A table whose references all lead back to it, or to tables that are done.
        let is_next = |table: &Table| left.iter().all(|other| !leads(&table.name, &other.name) || leads(&other.name, &table.name));
        let first = left.iter().position(is_next).unwrap_or(0);
        let name = left[first].name.clone();
        let is_circle = leads(&name, &name);
        let (group, rest) =
            left.into_iter().partition(|table| table.name == name || (is_circle && leads(&name, &table.name) && leads(&table.name, &name)));
        groups.push((group, is_circle));
        left = rest;
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_come_after_those_that_they_refer_to() {
        let table = |name: &str| Table { name: name.to_owned(), columns: Vec::new() };
        let reference = |of: &str, to: &str| Reference {
            of: of.to_owned(),
            to: to.to_owned(),
            name: String::new(),
            is_deferrable: false,
            is_deferred: false,
        };
        let tables = ["a", "b", "c", "d", "e"].map(table).to_vec();
        let references = [reference("a", "b"), reference("b", "c"), reference("c", "b"), reference("c", "e"), reference("d", "d")];
        let groups: Vec<(Vec<String>, bool)> = in_order(tables, &references)
            .into_iter()
            .map(|(group, is_circle)| (group.into_iter().map(|table| table.name).collect(), is_circle))
            .collect();
        let named = |names: &[&str], is_circle| (names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>(), is_circle);
        assert_eq!(groups, [named(&["d"], true), named(&["e"], false), named(&["b", "c"], true), named(&["a"], false)]);
    }
}
