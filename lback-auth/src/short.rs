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
pub(crate) fn read<T>(req: &mut Request, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
    let unit = match req.db_session() {
        Ok(unit) => unit,
        // A page that says what went wrong is rendered when the request's own work has ended.
        Err(none) => {
            let database = req.app().state::<Database>().ok_or(none)?;
            return may_block(|| work(&mut *database.get()?));
        }
    };
    may_block(|| match unit.is_open() {
        true => work(unit.connection()?),
        false => work(&mut *unit.database().get()?),
    })
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
