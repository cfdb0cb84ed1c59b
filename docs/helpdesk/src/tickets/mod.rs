//! The app `tickets`.

pub mod admin;
pub mod models;
#[cfg(test)]
mod tests;
pub mod urls;
pub mod views;
