//! Which statements are prepared: kept on the connection, so that the database parses and plans them once.
//!
//! Diesel prepares statements whose SQL is known by their type, of which a program has a limited number, and never an UPDATE, an INSERT
//! of several rows, or what contains SQL written by hand. Here, the others are prepared, too, when they come for the second time, up to
//! a limit.

use std::any::TypeId;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};

/// Maximum number of prepared statements of a connection whose SQL is built at run time.
const LIMIT: usize = 256;
/// Maximum number of statements that are remembered until they come for the second time.
const REMEMBERED: usize = 1024;
/// Longer statements, such as an INSERT of many rows, are not prepared: the database would keep their plans, which are larger still.
const LONGEST: usize = 16 * 1024;

/// The statements of one connection whose SQL is built at run time, by hashes.
#[derive(Default)]
pub(crate) struct Prepared {
    prepared: HashSet<u64>,
    seen: HashSet<u64>,
}

impl Prepared {
    /// Returns whether to prepare the statement. `None` leaves it to Diesel.
    pub(crate) fn admits<DB, T>(&mut self, source: &T, backend: &DB) -> QueryResult<Option<bool>>
    where
        DB: Backend<QueryBuilder: Default>,
        T: QueryFragment<DB> + QueryId,
    {
        if T::HAS_STATIC_QUERY_ID {
            return Ok(None);
        }
        Ok(Some(self.admits_sql(&sql(source, backend)?)))
    }

    /// As [`admits`](Self::admits), for a statement that is built at run time.
    pub(crate) fn admits_sql(&mut self, sql: &str) -> bool {
        let hash = hash(sql);
        if self.prepared.contains(&hash) {
            return true;
        }
        if sql.len() > LONGEST || self.prepared.len() >= LIMIT || !is_query(sql) {
            return false;
        }
        if self.seen.remove(&hash) {
            self.prepared.insert(hash);
            return true;
        }
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(hash);
        false
    }
}

/// Returns the SQL of a statement.
pub(crate) fn sql<DB, T>(source: &T, backend: &DB) -> QueryResult<String>
where
    DB: Backend<QueryBuilder: Default>,
    T: QueryFragment<DB>,
{
    let mut builder = DB::QueryBuilder::default();
    source.to_sql(&mut builder, backend)?;
    Ok(builder.finish())
}

/// Returns whether a statement reads or changes rows. SQLite runs some others, such as PRAGMA, while it prepares them, and only then.
fn is_query(sql: &str) -> bool {
    const WORDS: [&str; 7] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "VALUES", "REPLACE"];
    let word = sql.trim_start_matches(|c: char| c == '(' || c.is_whitespace()).split(|c: char| !c.is_ascii_alphabetic()).next();
    word.is_some_and(|word| WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)))
}

fn hash(sql: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    sql.hash(&mut hasher);
    hasher.finish()
}

/// A statement that is prepared or not, regardless of what Diesel would decide.
pub(crate) struct Statement<T> {
    pub(crate) source: T,
    pub(crate) prepare: Option<bool>,
}

impl<DB: Backend, T: QueryFragment<DB>> QueryFragment<DB> for Statement<T> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.source.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, backend: &DB) -> QueryResult<bool> {
        self.prepare.map_or_else(|| self.source.is_safe_to_cache_prepared(backend), Ok)
    }
}

impl<T: QueryId> QueryId for Statement<T> {
    type QueryId = T::QueryId;
    const HAS_STATIC_QUERY_ID: bool = T::HAS_STATIC_QUERY_ID;

    fn query_id() -> Option<TypeId> {
        T::query_id()
    }
}

impl<T: Query> Query for Statement<T> {
    type SqlType = T::SqlType;
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, LONGEST, Prepared, REMEMBERED};

    #[test]
    fn a_statement_is_prepared_when_it_comes_again() {
        let mut prepared = Prepared::default();
        assert!(!prepared.admits_sql("SELECT 1"));
        assert!(prepared.admits_sql("SELECT 1"));
        assert!(prepared.admits_sql("SELECT 1"));
        assert!(!prepared.admits_sql("SELECT 2"));
    }

    #[test]
    fn only_what_reads_or_changes_rows_is_prepared() {
        let mut prepared = Prepared::default();
        let mut again = |sql: &str| prepared.admits_sql(sql) || prepared.admits_sql(sql);
        for sql in ["PRAGMA foreign_keys = ON", " pragma cache_size", "CREATE TABLE x (n)", "SET x = 1", "", "-- SELECT"] {
            assert!(!again(sql), "{sql}");
        }
        for sql in ["select 1", "(SELECT 1) UNION (SELECT 2)", "\n\tWITH x AS (SELECT 1) SELECT 2", "UPDATE x SET n = 1", "VALUES (1)"] {
            assert!(again(sql), "{sql}");
        }
    }

    #[test]
    fn there_is_a_limit_and_what_is_prepared_stays_so() {
        let mut prepared = Prepared::default();
        let twice = |prepared: &mut Prepared, sql: &str| (prepared.admits_sql(sql), prepared.admits_sql(sql));
        for n in 0..LIMIT {
            assert_eq!(twice(&mut prepared, &format!("SELECT {n}")), (false, true));
        }
        assert_eq!(twice(&mut prepared, "SELECT 'one more'"), (false, false));
        assert!(prepared.admits_sql("SELECT 0"));
        for n in 0..10 * REMEMBERED {
            prepared.admits_sql(&format!("SELECT {n}"));
        }
        assert!(prepared.prepared.len() <= LIMIT && prepared.seen.len() <= REMEMBERED);
    }

    #[test]
    fn a_long_statement_is_not_prepared() {
        let mut prepared = Prepared::default();
        let long = "x".repeat(LONGEST + 1);
        assert!(!prepared.admits_sql(&long) && !prepared.admits_sql(&long));
    }
}
