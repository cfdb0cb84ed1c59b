//! axum with Diesel on deadpool: PostgreSQL.

use std::collections::BTreeSet;

use deadpool_diesel::postgres::{Manager, Pool};
use deadpool_diesel::{ManagerConfig, RecyclingMethod, Runtime};
use diesel::pg::{PgConnection, PgRowByRowLoadingMode};
use diesel::prelude::*;
use lback_benchmark_tfb_peers::{Csv, Fortune, Item, Options, Result, Store, World, random_number, serve};

diesel::table! {
    world (id) {
        id -> BigInt,
        #[sql_name = "randomnumber"]
        random_number -> BigInt,
    }
}

diesel::table! {
    fortune (id) {
        id -> BigInt,
        message -> Text,
    }
}

diesel::table! {
    items (id) {
        id -> BigInt,
        number -> BigInt,
        name -> Text,
    }
}

fn main() -> Result {
    let options = Options::of_command_line()?;
    options.runtime()?.block_on(start(&options))
}

async fn start(options: &Options) -> Result {
    let recycling_method =
        if options.untested { RecyclingMethod::CustomFunction(Box::new(|_: &mut _| Ok(()))) } else { RecyclingMethod::default() };
    let manager = Manager::from_config(&options.database, Runtime::Tokio1, ManagerConfig { recycling_method });
    let pool = Pool::builder(manager).max_size(usize::try_from(options.pool)?).build()?;
    serve(Diesel(pool), options).await
}

#[derive(Clone)]
struct Diesel(Pool);

impl Diesel {
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut PgConnection) -> Result<T> + Send + 'static) -> Result<T> {
        self.0.get().await?.interact(work).await.map_err(|error| error.to_string())?
    }
}

fn find(id: i64, connection: &mut PgConnection) -> QueryResult<World> {
    world::table.find(id).first(connection)
}

impl Store for Diesel {
    async fn world(&self, id: i64) -> Result<World> {
        self.run(move |connection| Ok(find(id, connection)?)).await
    }

    async fn worlds(&self, ids: Vec<i64>) -> Result<Vec<World>> {
        self.run(|connection| Ok(ids.into_iter().map(|id| find(id, connection)).collect::<QueryResult<_>>()?)).await
    }

    async fn fortunes(&self) -> Result<Vec<Fortune>> {
        self.run(|connection| Ok(fortune::table.load(connection)?)).await
    }

    async fn update(&self, ids: BTreeSet<i64>) -> Result<Vec<World>> {
        let update = |id, connection: &mut PgConnection| {
            let mut row = find(id, connection)?;
            row.random_number = random_number();
            diesel::update(world::table.find(id)).set(world::random_number.eq(row.random_number)).execute(connection)?;
            Ok(row)
        };
        self.run(move |connection| {
            Ok(connection.transaction(|connection| ids.into_iter().map(|id| update(id, connection)).collect::<QueryResult<_>>())?)
        })
        .await
    }

    async fn insert(&self, items: Vec<Item>) -> Result<u64> {
        self.run(|connection| {
            let rows: Vec<_> = items.into_iter().map(|item| (items::number.eq(item.number), items::name.eq(item.name))).collect();
            Ok(diesel::insert_into(items::table).values(rows).execute(connection)?.try_into()?)
        })
        .await
    }

    async fn export(&self, mut csv: Csv) -> Result {
        self.run(move |connection| {
            let rows = items::table.order(items::id).load_iter::<(i64, i64, String), PgRowByRowLoadingMode>(connection)?;
            for row in rows {
                let (id, number, name) = row?;
                if csv.add(id, number, &name)? {
                    csv.send_blocking()?;
                }
            }
            csv.send_blocking()
        })
        .await
    }
}
