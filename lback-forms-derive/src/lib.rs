//! `#[derive(Form)]` of the Lback web framework. An application finds it, and the types that it works with, in
//! `lback::forms`.

mod attributes;
mod expand;
mod rules;

use proc_macro::TokenStream;

/// Makes a struct a form. Its documentation stands where it is re-exported: `lback::forms`.
#[proc_macro_derive(Form, attributes(form))]
pub fn derive_form(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    expand::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

#[cfg(test)]
mod tests;
