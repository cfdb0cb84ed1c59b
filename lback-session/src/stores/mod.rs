//! The stores that come with Lback.

mod database;
mod memory;
#[cfg(feature = "redis")]
mod redis;

pub use database::DatabaseStore;
pub(crate) use database::rows;
pub use memory::MemoryStore;
#[cfg(feature = "redis")]
pub use redis::RedisStore;
