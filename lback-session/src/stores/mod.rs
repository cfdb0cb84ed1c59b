//! The stores that come with Lback.

mod database;
mod memory;

pub use database::DatabaseStore;
pub(crate) use database::rows;
pub use memory::MemoryStore;
