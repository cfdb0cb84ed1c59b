//! The ORDER BY of a query: read, or left out.

use diesel::QueryResult;
use diesel::internal::derives::multiconnection::AstPassHelper;
use diesel::query_builder::{AstPass, QueryFragment};

use super::Dialect;
use super::query_builder::{Piece, SqlBuilder};
use crate::Kind;

/// A column by which a query is ordered.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderedColumn {
    /// The name of its table.
    pub table: String,
    /// Its name.
    pub column: String,
    /// Whether the largest value comes first.
    pub descending: bool,
}

/// Returns the columns by which a query is ordered. `None` if it is ordered by anything else, or has a limit.
///
/// # Errors
/// Returns an error if the query cannot be written as SQL.
#[doc(hidden)]
pub fn order_of(query: &impl QueryFragment<Dialect>, kind: Kind) -> QueryResult<Option<Vec<OrderedColumn>>> {
    let mut builder = SqlBuilder::new(kind);
    builder.set_unordered(true);
    query.to_sql(&mut builder, &Dialect::new(kind))?;
    Ok(builder.into_left_out().and_then(|pieces| columns(&pieces)))
}

fn columns(pieces: &[Piece]) -> Option<Vec<OrderedColumn>> {
    let mut columns = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    let mut descending = false;
    let mut end = |path: &mut Vec<&str>, descending: bool| match std::mem::take(path).as_slice() {
        [table, column] => {
            columns.push(OrderedColumn { table: (*table).to_owned(), column: (*column).to_owned(), descending });
            Some(())
        }
        _ => None,
    };
    for piece in pieces.iter().skip(1) {
        match piece {
            Piece::Identifier(name) => path.push(name),
            Piece::Sql(sql) => match sql.trim() {
                "," => {
                    end(&mut path, descending)?;
                    descending = false;
                }
                "" | "." | "ASC" | "ASC NULLS FIRST" | "NULLS FIRST" | "NULLS LAST" => {}
                "DESC" | "DESC NULLS LAST" => descending = true,
                _ => return None,
            },
        }
    }
    if !pieces.is_empty() {
        end(&mut path, descending)?;
    }
    Some(columns)
}

/// Writes a query without its ORDER BY.
#[doc(hidden)]
pub fn unordered<'b, Q: QueryFragment<Dialect>>(query: &'b Q, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
    set_unordered(&mut out, true);
    let written = query.walk_ast(out.reborrow());
    set_unordered(&mut out, false);
    written
}

/// Makes the builder leave out an ORDER BY, if the pass writes SQL.
fn set_unordered(out: &mut AstPass<'_, '_, Dialect>, unordered: bool) {
    let _ = out.reborrow().cast_database::<Dialect>(
        |binds| binds,
        |builder| {
            builder.set_unordered(unordered);
            builder
        },
        |backend| backend,
        |lookup| lookup,
    );
}
