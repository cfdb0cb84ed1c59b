//! Forms whose fields are those of a model: `#[form(model = Post)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, FieldsNamed, Ident, Path};

/// Returns a field with the rules of the model's. If the model has no such field, the compiler says so at this one, and names a field
/// that is called similarly.
pub(super) fn field(models: &Path, model: &Path, ident: &Ident, field: &TokenStream) -> TokenStream {
    let name = ident.unraw().to_string();
    quote_spanned! {ident.span()=>
        #models::__private::with_rules(#field, const {
            let _ = |row: &#model| { let _ = &row.#ident; };
            #models::__private::field_of(<#model as #models::Model>::META, #name)
        })
    }
}

/// Returns the conversions between the form and a row.
pub(super) fn form_of(models: &Path, model: &Path, input: &DeriveInput, named: &FieldsNamed) -> TokenStream {
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let of = named.named.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        quote_spanned!(ty.span()=> #ident: #models::__private::FieldOf::of(&row.#ident),)
    });
    let apply = named.named.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        quote_spanned!(ty.span()=> #models::__private::FieldOf::put(self.#ident, &mut row.#ident);)
    });
    quote! {
        impl #generics #models::FormOf<#model> for #name #arguments #bounds {
            fn of(row: &#model) -> Self {
                Self { #(#of)* }
            }
            fn apply(self, row: &mut #model) {
                #(#apply)*
            }
        }
    }
}
