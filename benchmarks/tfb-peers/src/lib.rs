//! TechEmpower's requests on axum. The programs differ only in the [`Store`].

mod csv;
mod options;
mod routes;
pub mod sqlx_store;

use std::collections::BTreeSet;
use std::error::Error;

pub use csv::Csv;
pub use options::Options;
pub use routes::serve;

/// The result of an operation. The error of a request becomes a response with the status 500.
pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The number of rows in `world`.
const WORLDS: i64 = 10_000;

#[derive(diesel::Queryable, serde::Serialize, sqlx::FromRow)]
pub struct World {
    pub id: i64,
    #[serde(rename = "randomNumber")]
    #[sqlx(rename = "randomnumber")]
    pub random_number: i64,
}

#[derive(diesel::Queryable, serde::Serialize, sqlx::FromRow)]
pub struct Fortune {
    pub id: i64,
    pub message: String,
}

pub struct Item {
    pub number: i64,
    pub name: String,
}

/// The database work of each request.
pub trait Store: Clone + Send + Sync + 'static {
    fn world(&self, id: i64) -> impl Future<Output = Result<World>> + Send;
    fn worlds(&self, ids: Vec<i64>) -> impl Future<Output = Result<Vec<World>>> + Send;
    fn fortunes(&self) -> impl Future<Output = Result<Vec<Fortune>>> + Send;
    /// Reads each row, sets a new random number, and writes it, all in one transaction.
    fn update(&self, ids: BTreeSet<i64>) -> impl Future<Output = Result<Vec<World>>> + Send;
    fn insert(&self, items: Vec<Item>) -> impl Future<Output = Result<u64>> + Send;
    /// Writes all rows of `items`, without keeping them in memory.
    fn export(&self, csv: Csv) -> impl Future<Output = Result> + Send;
}

/// Returns a random id of a row in `world`, or a new number for it.
pub fn random_number() -> i64 {
    fastrand::i64(1..=WORLDS)
}
