pub mod account;
pub mod cart;
pub mod devices;
pub mod home;
