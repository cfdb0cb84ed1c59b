//! Values that are bound to a statement.

use std::fmt;

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::query_builder::BindCollector;
use diesel::result::Error;
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::HasSqlType;

use super::Dialect;
use super::types::{Lookup, TypeMetadata};

/// The values that are bound to a statement, as its database takes them.
#[expect(missing_debug_implementations, reason = "it would show the values")]
pub enum Binds<'a> {
    /// For SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(<diesel::sqlite::Sqlite as Backend>::BindCollector<'a>),
    /// For PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(<diesel::pg::Pg as Backend>::BindCollector<'a>),
}

/// Binds a value, given what knows the types of the database.
type Bind<'a> = dyn FnOnce(&mut Binds<'a>, &mut Lookup) -> QueryResult<()> + 'a;

/// A value to bind, which is turned into that of a database when it is known which.
///
/// An implementation of `ToSql` for [`Dialect`] passes it to `Output::set_value`.
#[derive(Default)]
pub struct BindValue<'a>(Option<Box<Bind<'a>>>);

impl<'a> BindValue<'a> {
    pub(crate) fn new(bind: impl FnOnce(&mut Binds<'a>, &mut Lookup) -> QueryResult<()> + 'a) -> Self {
        BindValue(Some(Box::new(bind)))
    }
}

impl fmt::Debug for BindValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BindValue").finish_non_exhaustive()
    }
}

impl<'a> BindCollector<'a, Dialect> for Binds<'a> {
    type Buffer = BindValue<'a>;

    fn push_bound_value<T, U>(&mut self, bind: &'a U, lookup: &mut Lookup) -> QueryResult<()>
    where
        Dialect: HasSqlType<T>,
        U: ToSql<T, Dialect> + ?Sized + 'a,
    {
        let mut out = Output::<Dialect>::new(BindValue::default(), lookup);
        let is_null = bind.to_sql(&mut out).map_err(Error::SerializationError)?;
        match (is_null, out.into_inner().0) {
            (IsNull::No, Some(bind)) => bind(self, lookup),
            (IsNull::No, None) => Err(Error::SerializationError("a type's `to_sql` has set no value".into())),
            (IsNull::Yes, _) => self.push_null_value(<Dialect as HasSqlType<T>>::metadata(lookup)),
        }
    }

    fn push_null_value(&mut self, metadata: TypeMetadata) -> QueryResult<()> {
        match (self, metadata) {
            #[cfg(feature = "sqlite")]
            (Binds::Sqlite(binds), TypeMetadata::Sqlite(metadata)) => binds.push_null_value(metadata),
            #[cfg(feature = "postgres")]
            (Binds::Postgres(binds), TypeMetadata::Postgres(metadata)) => binds.push_null_value(metadata),
            #[cfg(all(feature = "sqlite", feature = "postgres"))]
            _ => Err(Error::SerializationError("a type of another database".into())),
        }
    }
}

/// For [`native`](super::native), in a pass for that database.
impl<'a> Binds<'a> {
    #[cfg(feature = "sqlite")]
    pub(super) fn sqlite(&mut self) -> &mut <diesel::sqlite::Sqlite as Backend>::BindCollector<'a> {
        match self {
            Binds::Sqlite(binds) => binds,
            #[cfg(feature = "postgres")]
            Binds::Postgres(_) => unreachable!("a pass for SQLite has its values"),
        }
    }

    #[cfg(feature = "postgres")]
    pub(super) fn postgres(&mut self) -> &mut <diesel::pg::Pg as Backend>::BindCollector<'a> {
        match self {
            Binds::Postgres(binds) => binds,
            #[cfg(feature = "sqlite")]
            Binds::Sqlite(_) => unreachable!("a pass for PostgreSQL has its values"),
        }
    }
}
