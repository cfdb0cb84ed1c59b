pub mod members;
pub mod moderating;
pub mod reading;
pub mod writing;
