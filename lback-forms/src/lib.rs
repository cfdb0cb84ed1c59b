//! Forms for the [Lback](https://docs.rs/lback) web framework: fields with rules, which render themselves, take what a
//! visitor sent, and say what is wrong with it.
//!
//! ```
//! # extern crate lback_forms as lback;
//! use lback_core::{Request, Response, Result, context};
//! use lback_forms::Form;
//!
//! #[derive(Form)]
//! struct Contact {
//!     #[form(max_length = 100)]
//!     name: String,
//!     #[form(email, label = "E-mail")]
//!     email: Option<String>,
//!     #[form(textarea)]
//!     message: String,
//! }
//!
//! fn contact(req: &mut Request) -> Result<Response> {
//!     let mut form = Form::<Contact>::new();
//!     if let Some(contact) = form.submitted(req)? {
//!         println!("{} wrote: {}", contact.name, contact.message);
//!         return Ok(Response::redirect("/thanks"));
//!     }
//!     req.render("contact.html", context! { form })
//! }
//! ```
//!
//! with `<form method="post">{{ csrf_input() }}{{ form.html }}<button>Send</button></form>` in the template. An application
//! names the crate `lback`, where these are in `lback::forms`.

mod address;
mod bounds;
mod check;
mod choice;
mod contradiction;
mod entry;
mod errors;
mod field;
mod fields;
mod form;
mod kind;
#[cfg(feature = "pattern")]
mod pattern;
mod received;
mod render;
mod rule;
mod types;

pub use bounds::{Bound, FieldRange};
pub use choice::Choice;
pub use entry::{Entry, Values};
pub use errors::{FieldError, FormErrors};
pub use field::Field;
pub use fields::FormFields;
pub use form::Form;
pub use kind::{Kind, Widget};
#[doc = include_str!("derive.md")]
pub use lback_forms_derive::Form;
pub use rule::{Messages, Rule};
pub use types::{FieldType, InitialValue};

// What the derive writes names `lback::forms`. A program that renames this crate to `lback` has that, too.
#[doc(hidden)]
pub extern crate self as forms;
#[doc(hidden)]
pub use lback_core::Result;
