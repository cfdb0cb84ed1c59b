//! Copies the rows of one table.

use std::time::Instant;

use diesel::connection::{Connection as _, LoadConnection, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use lback_core::{Error, Result};

use super::cell::{Cell, list, quoted, text_literal};
use super::convert::{to_postgres, to_sqlite, units_to_postgres, units_to_sqlite};
use super::rows::insert;
use super::state::{self, Progress};
use super::tables::Table;
use super::{CopyProgress, Report};
use crate::{Db, RowByRow, decimal_units};

/// The most rows of a transaction, and the most bytes.
const MOST_ROWS: usize = 5_000;
const MOST_BYTES: usize = 8 << 20;

/// A table of the source, and the same one of the target.
pub(super) struct TableCopy<'a> {
    pub(super) from: &'a Table,
    pub(super) into: &'a Table,
    /// Whether all rows are copied in one transaction, which is open already.
    pub(super) in_one: bool,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Returns the number of rows of a table.
pub(super) fn count(db: &mut Db, table: &str) -> QueryResult<u64> {
    let Count { count } = diesel::sql_query(format!("SELECT count(*) AS count FROM {}", quoted(table))).get_result(db)?;
    Ok(count.unsigned_abs())
}

impl TableCopy<'_> {
    /// Copies the rows that the target does not have yet, each few thousand in a transaction of their own. Without a primary key, all
    /// rows are copied in one.
    pub(super) fn run(&self, source: &mut Db, target: &mut Db, report: Report<'_>) -> Result<()> {
        let name = &self.from.name;
        let mut progress = state::load(target, name)?;
        let total = count(source, name)?;
        let (begun, before) = (Instant::now(), progress.copied.unsigned_abs());
        let shown = |progress: &Progress| CopyProgress {
            table: name,
            copied: progress.copied.unsigned_abs(),
            total,
            before,
            time: begun.elapsed(),
            is_done: progress.is_done,
        };
        if progress.is_done {
            report(&shown(&progress));
        } else {
            let triggers = if self.in_one { Triggers::default() } else { Triggers::of(target, name)? };
            match self.from.key().is_empty() {
                true => target
                    .transaction(|target| self.copy(source, target, &triggers, &mut progress, &mut |progress| report(&shown(progress)))),
                false => self.copy(source, target, &triggers, &mut progress, &mut |progress| report(&shown(progress))),
            }?;
        }
        Ok(())
    }

    fn copy(
        &self,
        source: &mut Db,
        target: &mut Db,
        triggers: &Triggers,
        progress: &mut Progress,
        report: &mut dyn FnMut(&Progress),
    ) -> Result<()> {
        let from_server = source.kind().is_server();
        let to_server = target.kind().is_server();
        let key: Vec<usize> =
            self.from.key().iter().filter_map(|key| self.from.columns.iter().position(|column| column.name == key.name)).collect();
        let sql = self.select(from_server, progress.last_key.as_deref());
        let mut rows = LoadConnection::<RowByRow>::load(source, diesel::sql_query(sql))?;
        loop {
            let (mut batch, mut bytes, mut last_key, mut is_done) = (Vec::new(), 0, None, false);
            while batch.len() < MOST_ROWS && bytes < MOST_BYTES {
                // After its last row, a query of SQLite would begin again.
                let Some(row) = rows.next() else {
                    is_done = true;
                    break;
                };
                let row = row?;
                let mut cells = Vec::with_capacity(self.from.columns.len());
                for (at, column) in self.from.columns.iter().enumerate() {
                    let wrong = |error| {
                        Error::internal(format!("{}.{} has a value that is not UTF-8", self.from.name, column.name)).with_source(error)
                    };
                    cells.push(Cell::read(&row, at).map_err(wrong)?);
                }
                let key: Vec<String> = key.iter().filter_map(|at| cells.get(*at)).map(Cell::literal).collect();
                let key = key.join(", ");
                bytes += cells.iter().map(Cell::size).sum::<usize>();
                batch.push(self.convert(cells, from_server, to_server, &key)?);
                last_key = Some(key);
            }
            let next = Progress {
                last_key: last_key.or(progress.last_key.take()),
                copied: progress.copied + i64::try_from(batch.len()).unwrap_or(i64::MAX),
                is_done,
                ..Progress::default()
            };
            let write = target.transaction(|target| {
                triggers.disable(target)?;
                if !batch.is_empty() {
                    // The columns of the target may be in another order.
                    insert(target, self.from, &batch)?;
                }
                triggers.enable(target)?;
                state::save(target, &self.from.name, &next)
            });
            write.map_err(|error| {
                let place = next.last_key.as_deref().map_or(String::new(), |key| format!(", at or before the row with the key {key}"));
                Error::internal(format!("the rows of {} cannot be copied{place}", self.from.name)).with_source(error)
            })?;
            *progress = next;
            report(progress);
            if is_done {
                return Ok(());
            }
        }
    }

    /// Returns the query for the rows after a key.
    fn select(&self, from_server: bool, after: Option<&str>) -> String {
        let column = |name: &str| format!("{}{}", quoted(name), if from_server { "::text" } else { "" });
        let columns: Vec<String> = self.from.columns.iter().map(|name| column(&name.name)).collect();
        let mut sql = format!("SELECT {} FROM {}", columns.join(", "), quoted(&self.from.name));
        let key = list(self.from.key().iter().map(|column| column.name.as_str()));
        if key.is_empty() {
            return sql;
        }
        if let Some(after) = after {
            sql += &format!(" WHERE ({key}) > ({after})");
        }
        // Not the texts that the query returns.
        let table = quoted(&self.from.name);
        let order: Vec<String> = self.from.key().iter().map(|column| format!("{table}.{}", quoted(&column.name))).collect();
        sql + &format!(" ORDER BY {}", order.join(", "))
    }

    /// Converts the values of a row for the target.
    fn convert(&self, cells: Vec<Cell>, from_server: bool, to_server: bool, key: &str) -> Result<Vec<Cell>> {
        if from_server == to_server {
            return Ok(cells);
        }
        let convert = |(at, cell): (usize, Cell)| {
            let column = &self.from.columns[at].name;
            let type_in = |table: &'_ Table| table.columns.iter().find(|other| other.name == *column).map(|column| column.of_type.clone());
            let (server, file) = if to_server { (self.into, self.from) } else { (self.from, self.into) };
            // The type on PostgreSQL says what the value means, except that SQLite has exact numbers in units.
            let of_type = type_in(server).unwrap_or_else(|| "text".to_owned());
            let places = type_in(file).and_then(|declared| decimal_units::places(&declared));
            let converted = match (to_server, places) {
                (true, Some(places)) => units_to_postgres(cell, places),
                (true, None) => to_postgres(cell, &of_type),
                (false, Some(places)) => units_to_sqlite(cell, places),
                (false, None) => to_sqlite(cell, &of_type),
            };
            converted.map_err(|message| {
                let row = if key.is_empty() { String::new() } else { format!(" of the row with the key {key}") };
                Error::internal(format!("{}.{column}{row} cannot be copied: {message}. Correct the value, and start again", self.from.name))
            })
        };
        cells.into_iter().enumerate().map(convert).collect()
    }
}

/// The triggers of a table, which must not run for copied rows.
#[derive(Default)]
pub(super) struct Triggers {
    disable: String,
    enable: String,
}

#[derive(QueryableByName)]
struct Trigger {
    #[diesel(sql_type = Text)]
    name: String,
    /// The SQL that creates it on SQLite, and how it is enabled on PostgreSQL.
    #[diesel(sql_type = Text)]
    sql: String,
}

impl Triggers {
    pub(super) fn of(db: &mut Db, table: &str) -> QueryResult<Self> {
        let sql = match db.kind().is_server() {
            false => format!("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = {}", text_literal(table)),
            true => format!(
                "SELECT tgname::text AS name, CASE tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END AS sql
                 FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND tgrelid = {}::regclass",
                text_literal(&quoted(table))
            ),
        };
        let triggers: Vec<Trigger> = diesel::sql_query(sql).load(db)?;
        let each = |statement: &dyn Fn(&Trigger) -> String| triggers.iter().map(statement).collect::<Vec<_>>().join(";\n");
        Ok(match db.kind().is_server() {
            // SQLite cannot disable them.
            false => Triggers {
                disable: each(&|trigger| format!("DROP TRIGGER {}", quoted(&trigger.name))),
                enable: each(&|trigger| trigger.sql.clone()),
            },
            true => {
                let alter = |how: &str, trigger: &Trigger| format!("ALTER TABLE {} {how} TRIGGER {}", quoted(table), quoted(&trigger.name));
                let (disable, enable) = (each(&|trigger| alter("DISABLE", trigger)), each(&|trigger| alter(&trigger.sql, trigger)));
                // A table cannot be altered while checks of its rows are put off.
                let enable = if enable.is_empty() { enable } else { format!("SET CONSTRAINTS ALL IMMEDIATE;\n{enable}") };
                Triggers { disable, enable }
            }
        })
    }

    pub(super) fn disable(&self, db: &mut Db) -> QueryResult<()> {
        if self.disable.is_empty() { Ok(()) } else { db.batch_execute(&self.disable) }
    }

    pub(super) fn enable(&self, db: &mut Db) -> QueryResult<()> {
        if self.enable.is_empty() { Ok(()) } else { db.batch_execute(&self.enable) }
    }
}
