//! COPY of rows into a table of PostgreSQL.

use std::cell::RefCell;
use std::marker::PhantomData;

use diesel::connection::MultiConnectionHelper;
use diesel::insertable::InsertValues;
use diesel::internal::table_macro::StaticQueryFragment;
use diesel::pg::{CopyFormat, CopyTarget, Pg};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryBuilder, QueryFragment, QueryId, ValuesClause};
use diesel::result::Error;
use diesel::sql_types::SqlType;

use super::{Binds, Dialect, SqlBuilder, defaults};
use crate::statements::rows::counted;
use crate::{Kind, Postgres};

/// What a binary copy begins with: its signature, and no flags and extensions.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const END: [u8; 2] = (-1_i16).to_be_bytes();

/// Copies rows into a table. Returns their number, or `None` if they are not of one shape or not only of values.
pub(super) fn copy<T, V>(table: T, rows: &[ValuesClause<V, T>], connection: &mut Postgres) -> QueryResult<Option<usize>>
where
    T: Table + StaticQueryFragment,
    T::Component: QueryFragment<Dialect>,
    T::SqlType: SqlType,
    V: InsertValues<Dialect, T> + QueryId,
{
    let dialect = Dialect::for_copy();
    let Some(first) = rows.first() else { return Ok(Some(0)) };
    if !defaults::have_one_shape(rows, &dialect)? || !has_values_only(&first.values, &dialect)? {
        return Ok(None);
    }
    let mut target = SqlBuilder::new(Kind::Postgres);
    T::STATIC_COMPONENT.to_sql(&mut target, &dialect)?;
    target.push_sql(" (");
    Columns(first).to_sql(&mut target, &dialect)?;
    target.push_sql(")");
    let target = target.finish();
    let connection = recorded(connection, &target)?;
    let data = encoded(rows, &dialect, connection)?;
    send(connection, table, target, &data, CopyFormat::Binary).map(Some)
}

/// Copies rows in the text format of PostgreSQL into `target`, a table with its columns in SQL.
pub(crate) fn copy_text(connection: &mut Postgres, target: String, data: &[u8]) -> QueryResult<()> {
    // Diesel wants a table, and asks the target for its SQL.
    diesel::table! {
        any_table (id) {
            id -> BigInt,
        }
    }
    let connection = recorded(connection, &target)?;
    send(connection, any_table::table, target, data, CopyFormat::Text).map(drop)
}

/// Records that rows are added to `target`, and returns the connection that does it.
fn recorded<'c>(connection: &'c mut Postgres, target: &str) -> QueryResult<&'c mut PgConnection> {
    if let Some(tracking) = connection.tracking() {
        tracking.add_sql(&format!("INSERT INTO {target} VALUES ()"));
    }
    connection.diesel_unrecorded()
}

fn send<T>(connection: &mut PgConnection, table: T, target: String, data: &[u8], format: CopyFormat) -> QueryResult<usize>
where
    T: Table,
    T::SqlType: SqlType,
{
    TARGET.set(target);
    let write = |out: &mut dyn std::io::Write| out.write_all(data).map_err(|error| Error::SerializationError(error.into()));
    let copy = diesel::copy_from(table).from_raw_data(Target(PhantomData::<T>), write).with_format(format);
    counted(|| copy.execute(connection), |rows| Some(*rows))
}

/// Returns whether a row has columns, and binds a value for each.
fn has_values_only<V: QueryFragment<Dialect>>(values: &V, dialect: &Dialect) -> QueryResult<bool> {
    let mut sql = SqlBuilder::new(Kind::Postgres);
    values.to_sql(&mut sql, dialect)?;
    let sql = sql.finish();
    Ok(!sql.is_empty() && sql.split(", ").enumerate().all(|(n, value)| value == format!("${}", n + 1)))
}

/// Returns rows in PostgreSQL's binary format.
fn encoded<V, T>(rows: &[ValuesClause<V, T>], dialect: &Dialect, connection: &mut PgConnection) -> QueryResult<Vec<u8>>
where
    V: QueryFragment<Dialect>,
{
    let too_large = |_| Error::SerializationError("a row or a value is too large for COPY".into());
    let mut data = HEADER.to_vec();
    for row in rows {
        let mut binds = Binds::Postgres(Default::default());
        row.values.collect_binds(&mut binds, PgConnection::to_any(connection), dialect)?;
        let values = &binds.postgres().binds;
        data.extend(i16::try_from(values.len()).map_err(too_large)?.to_be_bytes());
        for value in values {
            match value {
                Some(value) => {
                    data.extend(i32::try_from(value.len()).map_err(too_large)?.to_be_bytes());
                    data.extend(value);
                }
                None => data.extend((-1_i32).to_be_bytes()),
            }
        }
    }
    data.extend(END);
    Ok(data)
}

/// The columns of a row.
struct Columns<'a, V, T>(&'a ValuesClause<V, T>);

impl<V: InsertValues<Dialect, T>, T: Table> QueryFragment<Dialect> for Columns<'_, V, T> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        self.0.values.column_names(out)
    }
}

thread_local! {
    /// The table and its columns. Diesel asks only the type of a target for its SQL.
    static TARGET: RefCell<String> = const { RefCell::new(String::new()) };
}

struct Target<T>(PhantomData<T>);

impl<T: Table> CopyTarget for Target<T>
where
    T::SqlType: SqlType,
{
    type Table = T;
    type SqlType = T::SqlType;

    fn walk_target(mut out: AstPass<'_, '_, Pg>) -> QueryResult<()> {
        TARGET.with_borrow(|sql| out.push_sql(sql));
        Ok(())
    }
}
