//! Access to the database from a request.

use std::panic::Location;

use lback_core::{BodyWriter, Error, Request, Response, Result, blocking};

use crate::sealed::Sealed;
use crate::{Database, Db, DbSession, Isolation};

/// Adds the database to [`Request`].
pub trait RequestDb: Sealed {
    /// Returns the request's connection. All that the request writes on it is one [transaction](DbSession).
    ///
    /// ```no_run
    /// # use lback::{Request, Result};
    /// use diesel::prelude::*;
    /// use lback::db::RequestDb;
    ///
    /// fn now(req: &mut Request) -> Result<String> {
    ///     let now = diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("CURRENT_TIMESTAMP"));
    ///     Ok(now.get_result(req.db()?)?)
    /// }
    /// ```
    ///
    /// Blocks; async views use [`run_db`](Self::run_db).
    ///
    /// # Errors
    /// Returns 503 if there is no connection, and 500 if the `DbSessionMiddleware` is missing.
    fn db(&mut self) -> Result<&mut Db>;

    /// Returns the request's connection, and begins its transaction if it has not begun: for statements with effects that their SQL
    /// does not show, for example because they read from a view that calls a function. On SQLite, this is [`db`](Self::db).
    ///
    /// ```no_run
    /// # use lback::{Request, Result};
    /// # diesel::table! { tickets (id) { id -> BigInt, } }
    /// use diesel::prelude::*;
    /// use lback::db::RequestDb;
    ///
    /// /// Reads from a view of the database that numbers its rows with a sequence.
    /// fn next(req: &mut Request) -> Result<String> {
    ///     let ticket: i64 = tickets::table.select(tickets::id).first(req.transaction()?)?;
    ///     Ok(ticket.to_string())
    /// }
    /// ```
    ///
    /// Blocks. An async view nests a transaction instead: `req.run_db(|db| db.transaction(|db| …))`.
    ///
    /// # Errors
    /// As [`db`](Self::db), and 503 if the transaction cannot begin.
    fn transaction(&mut self) -> Result<&mut Db>;

    /// Sets the isolation of the request's transaction, instead of `DATABASE_ISOLATION`. Unless it is [`Isolation::ReadCommitted`],
    /// the transaction begins with the next statement, even if that only reads.
    ///
    /// ```no_run
    /// # use lback::{Request, Result};
    /// # diesel::table! { entries (id) { id -> BigInt, amount -> BigInt, } }
    /// use diesel::prelude::*;
    /// use lback::db::{Isolation, RequestDb};
    ///
    /// /// Both numbers describe the same state of the database.
    /// fn balance(req: &mut Request) -> Result<String> {
    ///     req.isolation(Isolation::RepeatableRead)?;
    ///     let count: i64 = entries::table.count().get_result(req.db()?)?;
    ///     let largest: Option<i64> = entries::table.select(diesel::dsl::max(entries::amount)).get_result(req.db()?)?;
    ///     Ok(format!("{count} entries, the largest is {}", largest.unwrap_or(0)))
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 500 if the transaction has begun, or the `DbSessionMiddleware` is missing.
    fn isolation(&mut self, isolation: Isolation) -> Result<()>;

    /// Runs `work` on the request's connection, on a thread that may block: for async views.
    ///
    /// ```no_run
    /// # use lback::{Request, Result};
    /// use diesel::prelude::*;
    /// use lback::db::RequestDb;
    ///
    /// async fn now(req: &mut Request) -> Result<String> {
    ///     let now = diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("CURRENT_TIMESTAMP"));
    ///     req.run_db(|db| Ok(now.get_result(db)?)).await
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`db`](Self::db), and those of `work`.
    fn run_db<T, F>(&mut self, work: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> Result<T> + Send + 'static;

    /// Commits the work of the request so far and ends its unit of work before the response is made: for views that go on with
    /// something that must not happen in an open transaction.
    ///
    /// # Errors
    /// Returns 500 if the commit fails; everything is rolled back then.
    fn commit_db(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// Runs `work`, which only reads, on the request's connection if it has one, and otherwise on a connection that is given back at
    /// once. It does not begin the transaction: on SQLite, a POST's keeps all others from writing until the request ends.
    ///
    /// It also works once the unit of work has ended, for example on an error page.
    ///
    /// # Errors
    /// Returns 503 if there is no connection, and 500 if the application has no database; those of `work`.
    fn read_db<T>(&mut self, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T>;

    /// Runs `work` in the request's transaction, if that has written or the request is a POST, PUT, PATCH or DELETE that has taken its
    /// connection. Otherwise runs it in a [transaction of its own](Database::write), which is committed at once and stays committed if
    /// the request fails.
    ///
    /// # Errors
    /// Returns 503 if there is no connection or the database is locked, and 500 if the `DbSessionMiddleware` is missing; those of
    /// `work`.
    fn write_db<T>(&mut self, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T>;

    /// Returns a response with the media type `content_type`, whose body `write` writes from the database while it is sent. With
    /// [`RowByRow`](crate::RowByRow), a result of any size takes little memory:
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// use lback::db::RowByRow;
    /// use lback::diesel;
    /// use lback::prelude::*;
    ///
    /// diesel::table! {
    ///     orders (id) {
    ///         id -> BigInt,
    ///         total -> BigInt,
    ///     }
    /// }
    ///
    /// fn export(req: &mut Request) -> Result<Response> {
    ///     req.stream_db("text/csv; charset=utf-8", |db, out| {
    ///         writeln!(out, "order,total")?;
    ///         for order in orders::table.order(orders::id).load_iter::<(i64, i64), RowByRow>(db)? {
    ///             let (id, total) = order?;
    ///             writeln!(out, "{id},{total}")?;
    ///         }
    ///         Ok(())
    ///     })
    /// }
    /// # let client = lback::testing::Client::with_settings(App::new(Router::new().get("/", export)), "SESSION_TIMEOUT_MINUTES = 30");
    /// # client.db(|db| diesel::sql_query("CREATE TABLE orders (id BIGINT NOT NULL, total BIGINT NOT NULL)").execute(db));
    /// # client.db(|db| diesel::insert_into(orders::table).values((orders::id.eq(7), orders::total.eq(90))).execute(db));
    /// # assert_eq!(client.get("/").send().text(), "order,total\n7,90\n");
    /// ```
    ///
    /// `write` runs on a thread of its own after the request has ended, so it does not see what the request has not committed. It has
    /// a connection of the pool until the client has read the response, and sees one state of the database, which it cannot change on
    /// PostgreSQL. `DATABASE_STATEMENT_TIMEOUT_MS` does not apply. If it fails, the connection is closed before the body is complete,
    /// and the error is logged.
    ///
    /// # Errors
    /// Returns 503 if half of the pool's connections are in use by such responses, and 500 if the application has no database or
    /// `content_type` is not valid in a header.
    fn stream_db(
        &mut self,
        content_type: &str,
        write: impl FnOnce(&mut Db, &mut BodyWriter) -> Result<()> + Send + 'static,
    ) -> Result<Response>;

    /// Runs `work` directly before the commit of this request, in its transaction: for what must be saved together with the view's
    /// work. If it fails, everything is rolled back and the request is answered with its error. See [`DbSession`] for the order.
    ///
    /// ```no_run
    /// # use lback::{Request, Response, Result};
    /// # use lback::middleware::{Middleware, Next};
    /// use diesel::prelude::*;
    /// use lback::db::RequestDb;
    ///
    /// struct Audit;
    ///
    /// impl Middleware for Audit {
    ///     async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
    ///         let result = next.run(req).await;
    ///         req.before_commit(|db| Ok(diesel::sql_query("UPDATE audit SET requests = requests + 1").execute(db).map(drop)?))?;
    ///         result
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns 500 if the `DbSessionMiddleware` is missing, or [`commit_db`](Self::commit_db) has ended the unit of work.
    fn before_commit(&mut self, work: impl FnOnce(&mut Db) -> Result<()> + Send + 'static) -> Result<()>;

    /// Runs `work` after the commit of this request, and never if it is rolled back: for what must not happen unless the data are
    /// saved. Without a transaction it runs after a response with a status below 500.
    ///
    /// ```no_run
    /// # use lback::{Request, Result};
    /// use lback::db::RequestDb;
    ///
    /// fn order(req: &mut Request) -> Result<&'static str> {
    ///     req.on_commit(|| println!("an order was placed"))?;
    ///     Ok("thank you")
    /// }
    /// ```
    ///
    /// It must not block. It cannot fail the request; a panic is logged.
    ///
    /// # Errors
    /// Returns 500 if the `DbSessionMiddleware` is missing, or [`commit_db`](Self::commit_db) has ended the unit of work.
    fn on_commit(&mut self, work: impl FnOnce() + Send + 'static) -> Result<()>;

    /// Returns the unit of work itself.
    ///
    /// # Errors
    /// Returns 500 if the `DbSessionMiddleware` is missing.
    fn db_session(&mut self) -> Result<&mut DbSession>;
}

impl RequestDb for Request {
    #[track_caller]
    fn db(&mut self) -> Result<&mut Db> {
        self.db_session()?.connection()
    }

    #[track_caller]
    fn transaction(&mut self) -> Result<&mut Db> {
        self.db_session()?.transaction()
    }

    #[track_caller]
    fn isolation(&mut self, isolation: Isolation) -> Result<()> {
        self.db_session()?.set_isolation(isolation)
    }

    fn run_db<T, F>(&mut self, work: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> Result<T> + Send + 'static,
    {
        let place = Location::caller();
        async move {
            let mut unit = self.extensions_mut().remove::<DbSession>().ok_or_else(missing)?;
            let work = move || {
                let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(unit.connection_at(place)?)));
                (unit, result)
            };
            let (unit, result) = blocking::on_thread(work).await?;
            self.extensions_mut().insert(unit);
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        }
    }

    async fn commit_db(&mut self) -> Result<()> {
        let Some(mut unit) = self.extensions_mut().remove::<DbSession>() else { return Ok(()) };
        let end_hooks = unit.take_end_hooks();
        if !end_hooks.is_empty() {
            self.extensions_mut().insert(end_hooks);
        }
        unit.commit_aside().await
    }

    #[track_caller]
    fn read_db<T>(&mut self, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
        match self.extensions_mut().get_mut::<DbSession>() {
            Some(unit) if unit.is_open() => unit.run(work),
            Some(unit) => unit.database().read(work),
            // The request's unit of work has ended: an error page, which may show who is logged in, is made by then.
            None => match self.state::<Database>() {
                Ok(database) => database.read(work),
                Err(_) => Err(missing()),
            },
        }
    }

    #[track_caller]
    fn write_db<T>(&mut self, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
        let unit = self.db_session()?;
        // Ends a transaction that has only read, even if a `before_commit` hook will begin another one.
        unit.joins_writes()?;
        match unit.is_open() {
            true => unit.run(work),
            false => unit.database().write(work),
        }
    }

    #[track_caller]
    fn stream_db(
        &mut self,
        content_type: &str,
        write: impl FnOnce(&mut Db, &mut BodyWriter) -> Result<()> + Send + 'static,
    ) -> Result<Response> {
        let database = self.state::<Database>().map_err(|_| missing())?.clone();
        let permit = database.stream_permit()?;
        Response::written(self, content_type, move |out| {
            let _permit = permit;
            database.read_at_length(|db| write(db, out))
        })
    }

    #[track_caller]
    fn before_commit(&mut self, work: impl FnOnce(&mut Db) -> Result<()> + Send + 'static) -> Result<()> {
        self.db_session()?.before_commit(work);
        Ok(())
    }

    #[track_caller]
    fn on_commit(&mut self, work: impl FnOnce() + Send + 'static) -> Result<()> {
        self.db_session()?.on_commit(work);
        Ok(())
    }

    #[track_caller]
    fn db_session(&mut self) -> Result<&mut DbSession> {
        match self.extensions_mut().get_mut::<DbSession>() {
            Some(unit) => Ok(unit),
            None => Err(missing()),
        }
    }
}

#[track_caller]
fn missing() -> Error {
    Error::internal("this request has no database: the DbSessionMiddleware is not in the stack, or stands inside the one that asks")
}
