//! axum with rusqlite on deadpool: a SQLite file.

use std::collections::BTreeSet;
use std::path::PathBuf;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Pool, RecycleError, RecycleResult};
use deadpool_sync::SyncWrapper;
use lback_benchmark_tfb_peers::{Csv, Fortune, Item, Options, Result, Store, World, random_number, serve};
use rusqlite::{Connection, Row, TransactionBehavior};

fn main() -> Result {
    let options = Options::of_command_line()?;
    options.runtime()?.block_on(start(&options))
}

async fn start(options: &Options) -> Result {
    let file = File(options.database.clone().into());
    let pool = Pool::builder(file).max_size(usize::try_from(options.pool)?).build()?;
    serve(Rusqlite(pool), options).await
}

/// Opens connections to a file, as deadpool-sqlite does, but reuses them without a query.
struct File(PathBuf);

impl Manager for File {
    type Type = SyncWrapper<Connection>;
    type Error = rusqlite::Error;

    async fn create(&self) -> rusqlite::Result<Self::Type> {
        let path = self.0.clone();
        let open = move || {
            let connection = Connection::open(path)?;
            connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
            Ok(connection)
        };
        SyncWrapper::new(Runtime::Tokio1, open).await
    }

    async fn recycle(&self, connection: &mut Self::Type, _: &Metrics) -> RecycleResult<Self::Error> {
        if connection.is_mutex_poisoned() { Err(RecycleError::message("a request has panicked")) } else { Ok(()) }
    }
}

#[derive(Clone)]
struct Rusqlite(Pool<File>);

impl Rusqlite {
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static) -> Result<T> {
        self.0.get().await?.interact(work).await.map_err(|error| error.to_string())?
    }
}

fn find(id: i64, connection: &Connection) -> rusqlite::Result<World> {
    let row = |row: &Row| Ok(World { id: row.get(0)?, random_number: row.get(1)? });
    connection.prepare_cached("SELECT id, randomnumber FROM world WHERE id = ?")?.query_row([id], row)
}

impl Store for Rusqlite {
    async fn world(&self, id: i64) -> Result<World> {
        self.run(move |connection| Ok(find(id, connection)?)).await
    }

    async fn worlds(&self, ids: Vec<i64>) -> Result<Vec<World>> {
        self.run(|connection| Ok(ids.into_iter().map(|id| find(id, connection)).collect::<rusqlite::Result<_>>()?)).await
    }

    async fn fortunes(&self) -> Result<Vec<Fortune>> {
        self.run(|connection| {
            let row = |row: &Row| Ok(Fortune { id: row.get(0)?, message: row.get(1)? });
            let mut select = connection.prepare_cached("SELECT id, message FROM fortune")?;
            Ok(select.query_map((), row)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn update(&self, ids: BTreeSet<i64>) -> Result<Vec<World>> {
        self.run(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut worlds = Vec::with_capacity(ids.len());
            for id in ids {
                let mut world = find(id, &transaction)?;
                world.random_number = random_number();
                transaction.prepare_cached("UPDATE world SET randomnumber = ? WHERE id = ?")?.execute([world.random_number, id])?;
                worlds.push(world);
            }
            transaction.commit()?;
            Ok(worlds)
        })
        .await
    }

    async fn insert(&self, items: Vec<Item>) -> Result<u64> {
        self.run(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut count = 0;
            let mut insert = transaction.prepare_cached("INSERT INTO items (number, name) VALUES (?, ?)")?;
            for item in items {
                count += insert.execute((item.number, item.name))?;
            }
            drop(insert);
            transaction.commit()?;
            Ok(count.try_into()?)
        })
        .await
    }

    async fn export(&self, mut csv: Csv) -> Result {
        self.run(move |connection| {
            let mut select = connection.prepare_cached("SELECT id, number, name FROM items ORDER BY id")?;
            let mut rows = select.query(())?;
            while let Some(row) = rows.next()? {
                if csv.add(row.get(0)?, row.get(1)?, row.get_ref(2)?.as_str()?)? {
                    csv.send_blocking()?;
                }
            }
            csv.send_blocking()
        })
        .await
    }
}
