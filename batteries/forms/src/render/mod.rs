//! The form as a page shows it.

mod control;
mod html;
mod parts;
mod view;

pub(crate) use parts::form_html;
