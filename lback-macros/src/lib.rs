//! The derive macros of the [Lback](https://docs.rs/lback) web framework.
//!
//! Applications depend on the crate `lback`, which re-exports each macro together with the types that it works with.
//!
//! | derive | module |
//! | --- | --- |
//! | `Form` | `lback::forms` |

mod form;

use proc_macro::TokenStream;

/// Derives a form from a struct. See the documentation of `lback::forms`.
#[proc_macro_derive(Form, attributes(form))]
pub fn derive_form(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    form::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
