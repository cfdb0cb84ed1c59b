//! Methods for the rows that a model refers to, and for the rows that refer to others.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

use super::parse::{Field, Parsed};

pub(super) fn expand(model: &Parsed<'_>) -> TokenStream {
    let references = model.fields.iter().filter(|field| field.options.references.is_some());
    let methods = references.map(|field| methods(model, field));
    let name = model.name;
    quote! {
        #[allow(dead_code, reason = "generated for every reference")]
        impl #name { #(#methods)* }
    }
}

/// Returns the methods of one reference: for `author_id`, `author`, `author_of` and `by_author`.
fn methods(model: &Parsed<'_>, field: &Field<'_>) -> TokenStream {
    let (models, visibility, ident) = (model.models(), model.visibility, field.ident);
    let Some(parent) = &field.options.references else { return TokenStream::new() };
    let stem = field.name.strip_suffix("_id").unwrap_or(&field.name);
    let (of_many, by) = (format_ident!("{stem}_of"), format_ident!("by_{stem}"));
    // `type` is a keyword.
    let of_one = syn::parse_str::<Ident>(stem).unwrap_or_else(|_| Ident::new_raw(stem, ident.span()));
    let column = &field.name;
    let one_text = format!("Returns the row that `{column}` refers to.");
    let many_text = format!("Returns the row that `{column}` of each row refers to, in the same order, with one query.");
    let by_text = format!("Returns the rows whose `{column}` is each of the given rows, in the same order, with one query.");
    let errors = "# Errors\nReturns an error if the database cannot be read.";
    let key = quote!(::core::clone::Clone::clone(&row.#ident));
    let (optional_key, single, several) = if field.null {
        (key.clone(), quote!(::core::option::Option<#parent>), quote!(#models::__private::parents_of_some(db, rows, |row: &Self| #key)))
    } else {
        (quote!(::core::option::Option::Some(#key)), quote!(#parent), quote!(#models::__private::parents_of(db, rows, |row: &Self| #key)))
    };
    let find = if field.null {
        quote!(match ::core::clone::Clone::clone(&self.#ident) {
            ::core::option::Option::Some(key) => <#parent as #models::Model>::find(db, key).map(::core::option::Option::Some),
            ::core::option::Option::None => ::core::result::Result::Ok(::core::option::Option::None),
        })
    } else {
        quote!(<#parent as #models::Model>::find(db, ::core::clone::Clone::clone(&self.#ident)))
    };
    quote_spanned! {parent.span()=>
        #[doc = #one_text]
        ///
        #[doc = #errors]
        #visibility fn #of_one(&self, db: &mut #models::Db) -> #models::Result<#single> {
            #find
        }
        #[doc = #many_text]
        ///
        #[doc = #errors]
        #visibility fn #of_many(db: &mut #models::Db, rows: &[Self]) -> #models::Result<::std::vec::Vec<#single>> {
            #several
        }
        #[doc = #by_text]
        ///
        #[doc = #errors]
        #visibility fn #by(db: &mut #models::Db, rows: &[#parent]) -> #models::Result<::std::vec::Vec<::std::vec::Vec<Self>>> {
            #models::__private::children_of(db, rows, #column, |row: &Self| #optional_key)
        }
    }
}
