//! The derives of the [Lback](https://docs.rs/lback) web framework.
//!
//! An application names the crate `lback`, which re-exports each derive beside the types that it works with.
//!
//! | derive | module |
//! | --- | --- |
//! | `Form` | `lback::forms` |

mod form;

use proc_macro::TokenStream;

/// Derives a form from a struct. `lback::forms` documents it.
#[proc_macro_derive(Form, attributes(form))]
pub fn derive_form(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    form::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
