//! Hand-written statements for what every request may need. Diesel's own UPDATE is prepared again each time, which takes longer than
//! running it; these are prepared once per connection.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Nullable, Text};

/// Updates a session, if no other request was faster and it has not expired.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) id: &'a [u8],
    pub(super) version: i64,
    pub(super) now: i64,
    pub(super) new_id: &'a [u8],
    pub(super) user_id: Option<i64>,
    pub(super) data: &'a str,
    pub(super) meta: Option<&'a str>,
    pub(super) new_version: i64,
    pub(super) expires_at: i64,
    pub(super) expiry_hour: i64,
}

/// Moves the expiry of a session forward, if it is alive and expires earlier.
#[cfg(feature = "sqlite")]
#[derive(Debug)]
pub(super) struct Renew<'a> {
    pub(super) id: &'a [u8],
    pub(super) now: i64,
    pub(super) at_most: i64,
    pub(super) expires_at: i64,
    pub(super) expiry_hour: i64,
}

/// A backend with the types of the columns.
pub(super) trait Columns: Backend + HasSqlType<Binary> + HasSqlType<BigInt> + HasSqlType<Text> {}

impl<DB: Backend + HasSqlType<Binary> + HasSqlType<BigInt> + HasSqlType<Text>> Columns for DB {}

impl<DB: Columns> QueryFragment<DB> for Write<'_>
where
    [u8]: ToSql<Binary, DB>,
    i64: ToSql<BigInt, DB>,
    Option<i64>: ToSql<Nullable<BigInt>, DB>,
    str: ToSql<Text, DB>,
    for<'a> Option<&'a str>: ToSql<Nullable<Text>, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE sessions SET id = ");
        out.push_bind_param::<Binary, [u8]>(self.new_id)?;
        out.push_sql(", user_id = ");
        out.push_bind_param::<Nullable<BigInt>, _>(&self.user_id)?;
        out.push_sql(", data = ");
        out.push_bind_param::<Text, str>(self.data)?;
        out.push_sql(", meta = ");
        out.push_bind_param::<Nullable<Text>, _>(&self.meta)?;
        out.push_sql(", version = ");
        out.push_bind_param::<BigInt, _>(&self.new_version)?;
        out.push_sql(", expires_at = ");
        out.push_bind_param::<BigInt, _>(&self.expires_at)?;
        out.push_sql(", expiry_hour = ");
        out.push_bind_param::<BigInt, _>(&self.expiry_hour)?;
        out.push_sql(", updated_at = ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<Binary, [u8]>(self.id)?;
        out.push_sql(" AND version = ");
        out.push_bind_param::<BigInt, _>(&self.version)?;
        out.push_sql(" AND expires_at > ");
        out.push_bind_param::<BigInt, _>(&self.now)
    }
}

#[cfg(feature = "sqlite")]
impl<DB: Columns> QueryFragment<DB> for Renew<'_>
where
    [u8]: ToSql<Binary, DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE sessions SET expires_at = ");
        out.push_bind_param::<BigInt, _>(&self.expires_at)?;
        out.push_sql(", expiry_hour = ");
        out.push_bind_param::<BigInt, _>(&self.expiry_hour)?;
        out.push_sql(", updated_at = ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<Binary, [u8]>(self.id)?;
        out.push_sql(" AND expires_at > ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(" AND expires_at <= ");
        out.push_bind_param::<BigInt, _>(&self.at_most)
    }
}

/// As [`Write`], if the session keeps its id, its user and the hour in which it expires. SQLite updates every index of a column that a
/// statement names, whether or not the value changes; this statement names no indexed column.
#[cfg(feature = "sqlite")]
#[derive(Debug)]
pub(super) struct WriteInPlace<'a>(pub(super) &'a Write<'a>);

/// As [`Renew`], if the session still expires in the same hour.
#[cfg(feature = "sqlite")]
#[derive(Debug)]
pub(super) struct RenewInPlace<'a>(pub(super) &'a Renew<'a>);

/// Begins a transaction that may write.
#[cfg(feature = "sqlite")]
#[derive(Debug)]
pub(super) struct Begin;

/// Commits the transaction.
#[cfg(feature = "sqlite")]
#[derive(Debug)]
pub(super) struct Commit;

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::sqlite::Sqlite;

    use super::*;

    impl QueryFragment<Sqlite> for WriteInPlace<'_> {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
            let write = self.0;
            out.push_sql("UPDATE sessions SET data = ");
            out.push_bind_param::<Text, str>(write.data)?;
            out.push_sql(", meta = ");
            out.push_bind_param::<Nullable<Text>, _>(&write.meta)?;
            out.push_sql(", version = ");
            out.push_bind_param::<BigInt, _>(&write.new_version)?;
            out.push_sql(", expires_at = ");
            out.push_bind_param::<BigInt, _>(&write.expires_at)?;
            out.push_sql(", updated_at = ");
            out.push_bind_param::<BigInt, _>(&write.now)?;
            out.push_sql(" WHERE id = ");
            out.push_bind_param::<Binary, [u8]>(write.id)?;
            out.push_sql(" AND version = ");
            out.push_bind_param::<BigInt, _>(&write.version)?;
            out.push_sql(" AND expires_at > ");
            out.push_bind_param::<BigInt, _>(&write.now)?;
            out.push_sql(" AND user_id IS ");
            out.push_bind_param::<Nullable<BigInt>, _>(&write.user_id)?;
            out.push_sql(" AND expiry_hour = ");
            out.push_bind_param::<BigInt, _>(&write.expiry_hour)
        }
    }

    impl QueryFragment<Sqlite> for RenewInPlace<'_> {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
            let renew = self.0;
            out.push_sql("UPDATE sessions SET expires_at = ");
            out.push_bind_param::<BigInt, _>(&renew.expires_at)?;
            out.push_sql(", updated_at = ");
            out.push_bind_param::<BigInt, _>(&renew.now)?;
            out.push_sql(" WHERE id = ");
            out.push_bind_param::<Binary, [u8]>(renew.id)?;
            out.push_sql(" AND expires_at > ");
            out.push_bind_param::<BigInt, _>(&renew.now)?;
            out.push_sql(" AND expires_at <= ");
            out.push_bind_param::<BigInt, _>(&renew.at_most)?;
            out.push_sql(" AND expiry_hour = ");
            out.push_bind_param::<BigInt, _>(&renew.expiry_hour)
        }
    }

    impl QueryFragment<Sqlite> for Begin {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
            out.push_sql("BEGIN IMMEDIATE");
            Ok(())
        }
    }

    impl QueryFragment<Sqlite> for Commit {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
            out.push_sql("COMMIT");
            Ok(())
        }
    }
}

/// The text of each statement is constant, so its type identifies it.
macro_rules! prepared_once {
    ($($(#[$only:meta])? $statement:ty, $id:ty;)*) => {
        $($(#[$only])? impl QueryId for $statement {
            type QueryId = $id;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        $(#[$only])? impl<C> RunQueryDsl<C> for $statement {})*
    };
}

prepared_once! {
    Write<'_>, Write<'static>;
    #[cfg(feature = "sqlite")] Renew<'_>, Renew<'static>;
    #[cfg(feature = "sqlite")] WriteInPlace<'_>, WriteInPlace<'static>;
    #[cfg(feature = "sqlite")] RenewInPlace<'_>, RenewInPlace<'static>;
    #[cfg(feature = "sqlite")] Begin, Begin;
    #[cfg(feature = "sqlite")] Commit, Commit;
}
