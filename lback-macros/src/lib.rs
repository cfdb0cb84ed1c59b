//! The derive macros of the [Lback](https://docs.rs/lback) web framework.
//!
//! Applications depend on the crate `lback`, which re-exports each macro together with the types that it works with.
//!
//! | derive | module |
//! | --- | --- |
//! | `Form` | `lback::forms` |
//! | `Model`, `Choices` | `lback::models` |

mod choices;
mod form;
mod model;
mod types;

use proc_macro::TokenStream;

/// Derives a form from a struct. See the documentation of `lback::forms`.
#[proc_macro_derive(Form, attributes(form))]
pub fn derive_form(input: TokenStream) -> TokenStream {
    derive(input, form::expand)
}

/// Derives a model from a struct. See the documentation of `lback::models`.
#[proc_macro_derive(Model, attributes(model))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    derive(input, model::expand)
}

/// Derives the choices of a field from an enum. See the documentation of `lback::models`.
#[proc_macro_derive(Choices, attributes(choice))]
pub fn derive_choices(input: TokenStream) -> TokenStream {
    derive(input, choices::expand)
}

fn derive(input: TokenStream, expand: fn(&syn::DeriveInput) -> syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
