//! Renders forms as HTML.

mod control;
mod html;
mod parts;
mod view;

pub(crate) use parts::form_html;
