//! `#[derive(Model)]`.
//!
//! | file | topic |
//! | --- | --- |
//! | `field_options.rs`, `model_options.rs` | the attributes `#[model(…)]` |
//! | `parse.rs` | the struct as a table: columns, key, references |
//! | `checks.rs` | errors for types that do not fit |
//! | `decimals.rs` | exact numbers |
//! | `names.rs` | names of tables, and human-readable names |
//! | `table.rs` | `diesel::table!`, and joins with other tables |
//! | `rows.rs` | rows that Diesel reads |
//! | `new.rs` | rows that are not in the database yet |
//! | `meta.rs` | the description for run time |
//! | `related.rs`, `links.rs` | rows of other models |

mod checks;
mod decimals;
mod field_options;
mod links;
mod meta;
mod model_options;
mod names;
mod new;
mod parse;
mod related;
mod rows;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use names::{label, snake};

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Result};

use self::parse::Parsed;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let model = Parsed::read(input)?;
    let parts = [
        checks::expand(&model),
        table::expand(&model),
        rows::expand(&model),
        new::expand(&model).unwrap_or_default(),
        meta::expand(&model)?,
        related::expand(&model),
    ];
    let links = links::expand(&model);
    Ok(quote!(#(#parts)* #links))
}
