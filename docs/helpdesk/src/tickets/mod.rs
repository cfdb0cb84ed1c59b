//! The app `tickets`.

pub mod models;
#[cfg(test)]
mod tests;
pub mod urls;
pub mod views;
