//! The stores that come with Lback.

mod cookie;
mod database;
mod memory;
#[cfg(feature = "redis")]
mod redis;
mod wake;

pub use cookie::CookieStore;
pub use database::DatabaseStore;
pub(crate) use database::rows;
pub use database::rows::{sessions, tables};
pub use memory::MemoryStore;
#[cfg(feature = "redis")]
pub use redis::{RedisStore, redis_client};
