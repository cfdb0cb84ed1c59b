//! Models for the [Lback](https://docs.rs/lback) web framework: one struct that defines the table, its migrations, its queries and its
//! forms.
//!
//! ```
//! use lback::prelude::*;
//!
//! #[derive(Model, Clone, Debug)]
//! #[model(order = "-created_at")]
//! pub struct Note {
//!     pub id: i64,
//!     #[model(max_length = 200)]
//!     pub title: String,
//!     #[model(long)]
//!     pub text: String,
//!     #[model(auto_now_add)]
//!     pub created_at: DateTime<Utc>,
//! }
//!
//! fn newest(db: &mut Db) -> Result<Vec<Note>> {
//!     Ok(Note::query().order(notes::created_at.desc()).limit(10).load(db)?)
//! }
//!
//! fn add(db: &mut Db, title: &str) -> Result<Note> {
//!     Note::create(db, NewNote { title: title.to_owned(), ..Default::default() })
//! }
//! ```
//!
//! Applications depend on the crate `lback`, which re-exports everything here as `lback::models`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod battery;
mod checks;
mod choice;
mod cursor;
mod data;
mod field_type;
mod form;
mod inspect;
mod key;
mod keyset;
mod meta;
pub mod migrate;
mod model;
mod order;
mod page;
mod refused;
mod registry;
mod related;
mod row;
mod rows;
pub mod runtime;
mod sealed;
mod seek;
mod statement;
mod table_choices;
mod testing;
mod texts;
mod value;

pub use battery::AppModels;
pub use choice::NotAChoice;
pub use cursor::Cursor;
pub use field_type::{FieldType, Json, Stored, StoredAs, StoredResult};
pub use form::{FormOf, ModelForm};
#[doc = include_str!("choices.md")]
pub use lback_macros::Choices;
#[doc = include_str!("derive.md")]
pub use lback_macros::Model;
pub use meta::{
    Auto, CheckMeta, Clean, Digits, FieldMeta, Format, IndexMeta, Kind, Literal, ManyToManyMeta, ModelMeta, OnDelete, Reference,
};
pub use model::{Model, NewRow, WritableModel};
pub use page::{Page, QueryMethods};
pub use registry::{ModelList, Models};
pub use row::NewValues;
pub use runtime::{Comparison, Filter, List, ModelOps};
pub use seek::{CursorPage, ModelRow};
pub use testing::ClientModels;
pub use value::{RowValues, Value};

#[cfg(feature = "decimal")]
pub use lback_db::Decimal;

// For the code that the derives generate.
#[doc(hidden)]
pub use diesel;
#[doc(hidden)]
pub use lback_core::Result;
#[doc(hidden)]
pub use lback_db::{Db, Dialect, joinable_tables, sql_types};
#[doc(hidden)]
pub use lback_forms::{self as forms, FormErrors};
#[doc(hidden)]
pub use lback_macros::Model as DeriveModel;
#[doc(hidden)]
pub use runtime::ops;
#[doc(hidden)]
pub use serde;

/// What the code that the derives generate calls.
#[doc(hidden)]
pub mod __private {
    pub use crate::checks::{Check, CloneOf, FieldOfType, KeyTo, ReferenceTo, StartingWith};
    pub use crate::field_type::StoredAs;
    pub use crate::form::{FieldOf, link_field, with_rules};
    pub use crate::key::TableFor;
    pub use crate::meta::{field_of, link_of};
    pub use crate::model::clean;
    pub use crate::order::By;
    pub use crate::related::{add_links, children_of, links_of, parents_of, parents_of_some, remove_links, set_links};
    pub use crate::row::{OfMoment, Row, stored, value};
    pub use lback_db::OrNotFoundRow;

    /// A moment.
    pub type Moment = chrono::DateTime<chrono::Utc>;
}
