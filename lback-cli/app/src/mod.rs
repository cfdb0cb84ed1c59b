//! The app `__APP__`.

pub mod models;
#[cfg(test)]
mod tests;
pub mod urls;
pub mod views;
