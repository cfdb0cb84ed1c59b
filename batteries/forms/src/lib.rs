//! Forms for the [Lback](https://docs.rs/lback) web framework: fields with rules, which render themselves, read submitted
//! values and validate them.
//!
//! ```
//! use lback::{Request, Response, Result};
//! use lback::templates::context;
//! use lback::forms::Form;
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
//! The template contains `<form method="post">{{ csrf_input() }}{{ form.html }}<button>Send</button></form>`.
//!
//! Applications depend on the crate `lback`, which re-exports everything here as `lback::forms`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod bounds;
mod check;
mod choice;
mod conflicting_rules;
mod entry;
mod errors;
mod field;
mod fields;
mod form;
mod kind;
mod moment;
#[cfg(feature = "pattern")]
mod pattern;
mod received;
mod render;
mod rule;
mod sealed;
mod source;
mod types;
mod url;

pub use bounds::{Bound, FieldRange};
pub use choice::Choice;
pub use entry::{Entry, Values};
pub use errors::{FieldError, FormErrors};
pub use field::Field;
pub use fields::FormFields;
pub use form::Form;
pub use kind::{FieldKind, Widget};
#[doc = include_str!("derive.md")]
pub use lback_macros::Form;
pub use rule::{Messages, Rule};
pub use source::{Asked, ChoiceSource, Offered};
pub use types::{FieldType, InitialValue};

// For the code that `#[derive(Form)]` generates.
#[doc(hidden)]
pub use lback_core::Result;
