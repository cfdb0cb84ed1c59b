//! The requests with sqlx, which prepares each statement once per connection.

use std::collections::BTreeSet;

use sqlx::{PgPool, QueryBuilder, Sqlite, SqlitePool};
use tokio_stream::StreamExt;

use crate::{Csv, Fortune, Item, Result, Store, World, random_number};

const WORLD: &str = "SELECT id, randomnumber FROM world WHERE id = $1";

// The requests are the same on both databases, but sqlx's bounds for code that is generic over them are longer than this.
macro_rules! store {
    ($pool:ty, $begin:literal, $insert:ident) => {
        impl Store for $pool {
            async fn world(&self, id: i64) -> Result<World> {
                Ok(sqlx::query_as(WORLD).bind(id).fetch_one(self).await?)
            }

            async fn worlds(&self, ids: Vec<i64>) -> Result<Vec<World>> {
                let mut connection = self.acquire().await?;
                let mut worlds = Vec::with_capacity(ids.len());
                for id in ids {
                    worlds.push(sqlx::query_as(WORLD).bind(id).fetch_one(&mut *connection).await?);
                }
                Ok(worlds)
            }

            async fn fortunes(&self) -> Result<Vec<Fortune>> {
                Ok(sqlx::query_as("SELECT id, message FROM fortune").fetch_all(self).await?)
            }

            async fn update(&self, ids: BTreeSet<i64>) -> Result<Vec<World>> {
                let mut transaction = self.begin_with($begin).await?;
                let mut worlds = Vec::with_capacity(ids.len());
                for id in ids {
                    let mut world: World = sqlx::query_as(WORLD).bind(id).fetch_one(&mut *transaction).await?;
                    world.random_number = random_number();
                    let update = sqlx::query("UPDATE world SET randomnumber = $1 WHERE id = $2").bind(world.random_number).bind(id);
                    update.execute(&mut *transaction).await?;
                    worlds.push(world);
                }
                transaction.commit().await?;
                Ok(worlds)
            }

            async fn insert(&self, items: Vec<Item>) -> Result<u64> {
                $insert(self, items).await
            }

            async fn export(&self, mut csv: Csv) -> Result {
                let mut rows = sqlx::query_as("SELECT id, number, name FROM items ORDER BY id").fetch(self);
                while let Some((id, number, name)) = rows.try_next().await? {
                    let name: String = name;
                    if csv.add(id, number, &name)? {
                        csv.send().await?;
                    }
                }
                csv.send().await
            }
        }
    };
}

store!(PgPool, "BEGIN", insert_postgres);
store!(SqlitePool, "BEGIN IMMEDIATE", insert_sqlite);

/// Sends each column as an array, as sqlx's own documentation recommends for many rows.
async fn insert_postgres(pool: &PgPool, items: Vec<Item>) -> Result<u64> {
    let (numbers, names): (Vec<i64>, Vec<String>) = items.into_iter().map(|item| (item.number, item.name)).unzip();
    let insert = sqlx::query("INSERT INTO items (number, name) SELECT * FROM UNNEST($1::bigint[], $2::text[])");
    Ok(insert.bind(numbers).bind(names).execute(pool).await?.rows_affected())
}

async fn insert_sqlite(pool: &SqlitePool, items: Vec<Item>) -> Result<u64> {
    let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO items (number, name) ");
    insert.push_values(items, |mut row, item| {
        row.push_bind(item.number).push_bind(item.name);
    });
    Ok(insert.build().execute(pool).await?.rows_affected())
}
