//! Expressions that SQLite and PostgreSQL write differently, under one name for both.
//!
//! The traits are in the prelude; the functions are named with their module.

mod dates;
mod json;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite_functions;
mod text;
mod time_zones;

use diesel::backend::Backend;

pub use dates::{DateMethods, Day, Hour, Month, Period, Truncated, Week, Year};
pub use json::{JsonAt, JsonContains, JsonMethods, NumberAt, PartAt, ReadAt, TextAt};
pub use text::{ILike, TextMethods};
pub use time_zones::InTimeZone;
#[cfg(feature = "postgres")]
pub use time_zones::name_on_postgres;

use crate::{Dialect, Kind};

/// A backend that these expressions are written for: that of [`Db`](crate::Db), and those of the connections that it holds.
#[diagnostic::on_unimplemented(
    message = "this expression is for `Db`, not for a connection with the backend `{Self}`",
    note = "run the query on `req.db()?`"
)]
pub trait Target: Backend {
    /// Returns the kind of the database.
    fn kind(&self) -> Kind;
}

impl Target for Dialect {
    fn kind(&self) -> Kind {
        Dialect::kind(self)
    }
}

#[cfg(feature = "sqlite")]
impl Target for diesel::sqlite::Sqlite {
    fn kind(&self) -> Kind {
        Kind::Sqlite
    }
}

#[cfg(feature = "postgres")]
impl Target for diesel::pg::Pg {
    fn kind(&self) -> Kind {
        Kind::Postgres
    }
}
