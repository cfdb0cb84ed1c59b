//! Forms whose fields are those of a model: `#[form(model = Post)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, FieldsNamed, Ident, Path, Type};

use crate::types::{last_name, of_generic};

/// Returns a field with the rules of the model's. If the model has no such field, the compiler says so at this one, and names a field
/// that is called similarly.
pub(super) fn field(models: &Path, model: &Path, ident: &Ident, ty: &Type, field: &TokenStream) -> TokenStream {
    let name = ident.unraw().to_string();
    if is_link(ty) {
        let set = format_ident!("set_{}", ident.unraw(), span = ident.span());
        return quote_spanned! {ident.span()=>
            #models::__private::link_field(#field, const {
                // If there is no such relation, the compiler says so here.
                let _ = #model::#set;
                #models::__private::link_of(<#model as #models::Model>::META, #name)
            })
        };
    }
    quote_spanned! {ident.span()=>
        #models::__private::with_rules(#field, const {
            let _ = |row: &#model| { let _ = &row.#ident; };
            #models::__private::field_of(<#model as #models::Model>::META, #name)
        })
    }
}

/// Returns whether a field of this type is a many-to-many relation: a list of keys. A model has no other lists, apart from bytes.
fn is_link(ty: &Type) -> bool {
    of_generic(ty, "Vec").is_some_and(|of| last_name(of).is_none_or(|name| name != "u8" && name != "UploadedFile"))
}

/// Returns the conversions between the form and a row.
pub(super) fn form_of(models: &Path, model: &Path, input: &DeriveInput, named: &FieldsNamed) -> TokenStream {
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let links = named.named.iter().filter(|field| is_link(&field.ty)).filter_map(|field| field.ident.as_ref());
    let links: Vec<_> = links.map(|ident| ident.unraw().to_string()).collect();
    let of = named.named.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        if is_link(ty) {
            // The form reads them when it is shown.
            return quote!(#ident: ::std::vec::Vec::new(),);
        }
        quote_spanned!(ty.span()=> #ident: #models::__private::FieldOf::of(&row.#ident),)
    });
    let apply = named.named.iter().filter(|field| !is_link(&field.ty)).map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        quote_spanned!(ty.span()=> #models::__private::FieldOf::put(self.#ident, &mut row.#ident);)
    });
    quote! {
        impl #generics #models::FormOf<#model> for #name #arguments #bounds {
            const LINKS: &'static [&'static str] = &[#(#links),*];
            fn of(row: &#model) -> Self {
                Self { #(#of)* }
            }
            fn apply(self, row: &mut #model) {
                #(#apply)*
            }
        }
    }
}
