//! The app `tickets`.

pub mod forms;
pub mod models;
#[cfg(test)]
mod tests;
pub mod urls;
pub mod views;
