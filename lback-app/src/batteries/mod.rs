//! The batteries that every application has by default.

mod csrf;
mod database;
mod database_health;
mod sessions;

pub(crate) use csrf::Csrf;
pub(crate) use database::DatabaseBattery;
pub(crate) use sessions::Sessions;
