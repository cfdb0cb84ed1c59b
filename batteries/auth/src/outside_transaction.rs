//! Short work on the database, which does not begin the request's transaction.
//!
//! On SQLite the transaction of a POST keeps everybody else from writing until the request ends, and the check of a password
//! takes its time. So what comes before a password is checked is done here: on the request's connection where its
//! transaction is open (nothing waits for a second connection while it holds one), and else on one that is given back at
//! once.

use lback_core::{Request, Result};
use lback_db::{Database, Db, DbSession, RequestDb};
use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs `work`, which only reads.
pub fn read<T>(req: &mut Request, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
    // An error page, which may say who is logged in, is made when the request's unit of work has ended.
    if req.extensions().get::<DbSession>().is_none()
        && let Ok(database) = req.state::<Database>()
    {
        return read_from(database, work);
    }
    let unit = req.db_session()?;
    if !unit.is_open() {
        return read_from(unit.database(), work);
    }
    match unit.database().kind().is_server() {
        true => may_block(|| work(unit.connection()?)),
        false => work(unit.connection()?),
    }
}

/// A SQLite file answers too soon to make way for others meanwhile; a server, and a pool that is used up, do not.
fn read_from<T>(database: &Database, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
    if !database.kind().is_server()
        && let Some(mut connection) = database.try_get()
    {
        return work(&mut connection);
    }
    may_block(|| work(&mut *database.get()?))
}

/// Runs `work` in a transaction, which is committed unless it fails.
pub(crate) fn write<T>(req: &mut Request, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
    let unit = req.db_session()?;
    may_block(|| {
        if unit.is_open() {
            return work(unit.connection()?);
        }
        let mut own = DbSession::for_writing(unit.database().clone());
        let result = work(own.connection()?)?;
        own.commit()?;
        Ok(result)
    })
}

/// Runs `work`, which waits. If the thread is one that serves connections, these move to another thread first.
pub(crate) fn may_block<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}
