//! The stores of counts: memory, the database and Redis.

mod database;
mod memory;
#[cfg(feature = "redis")]
mod redis;
mod shared;

pub(crate) use database::{InDatabase, delete_old, rate_limits};
pub(crate) use memory::Memory;
#[cfg(feature = "redis")]
pub(crate) use redis::InRedis;
pub(crate) use shared::{Ask, Shared};
