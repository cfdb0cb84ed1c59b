//! The struct of a row that is not in the database yet: `NewPost`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

use super::decimals;
use super::field_options::Auto;
use super::parse::{Field, Parsed};
use crate::types::last_name;

pub(super) fn expand(model: &Parsed<'_>) -> Option<TokenStream> {
    if model.options.read_only {
        return None;
    }
    let Parsed { name, new, visibility, .. } = model;
    let models = model.models();
    let given: Vec<_> = model.fields.iter().filter(|field| field.is_given()).collect();
    let declared = given.iter().map(|field| {
        let Field { ident, ty, name: field, .. } = field;
        let documentation = format!(" See `{name}::{field}`.");
        quote!(#[doc = #documentation] pub #ident: #ty,)
    });
    let defaults = given.iter().map(|field| {
        let (ident, value) = (field.ident, initial(models, field));
        quote!(#ident: #value,)
    });
    let values = given.iter().map(|field| {
        let Field { ident, ty, column, .. } = field;
        quote!(values.add::<#ty>(#column, self.#ident)?;)
    });
    let unnamed = given.iter().filter(|field| field.is_required_reference()).map(|field| {
        let Field { ident, ty, name, .. } = field;
        quote! {
            if self.#ident == <#ty as ::core::default::Default>::default() {
                return ::core::option::Option::Some(#name);
            }
        }
    });
    let idents = model.fields.iter().map(|field| field.ident);
    let previews = model.fields.iter().map(|field| preview(model, field));
    let given_idents: Vec<_> = given.iter().map(|field| field.ident).collect();
    let new_name = new.to_string();
    // A password's hash is not for logs.
    let (shown_names, shown_idents): (Vec<_>, Vec<_>) =
        given.iter().filter(|field| !field.options.hidden).map(|field| (&field.name, field.ident)).unzip();
    let finish = if shown_names.len() == given.len() { quote!(finish) } else { quote!(finish_non_exhaustive) };
    let documentation = format!(" A [`{name}`] that is not in the database yet. `{name}::create` adds it.");
    Some(quote! {
        #[doc = #documentation]
        #[derive(Clone)]
        #visibility struct #new { #(#declared)* }
        impl ::core::fmt::Debug for #new {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut shown = f.debug_struct(#new_name);
                #(shown.field(#shown_names, &self.#shown_idents);)*
                shown.#finish()
            }
        }
        impl ::core::default::Default for #new {
            fn default() -> Self {
                #new { #(#defaults)* }
            }
        }
        impl ::core::convert::From<#name> for #new {
            fn from(row: #name) -> Self {
                #new { #(#given_idents: row.#given_idents,)* }
            }
        }
        impl #models::NewRow for #new {
            type Model = #name;
            fn into_values(self) -> #models::Result<#models::NewValues> {
                let mut values = #models::NewValues::of::<#name>();
                #(#values)*
                ::core::result::Result::Ok(values)
            }
            fn preview(self, now: #models::__private::Moment) -> #name {
                let _ = now;
                #name { #(#idents: #previews,)* }
            }
            fn missing_reference(&self) -> ::core::option::Option<&'static str> {
                #(#unnamed)*
                ::core::option::Option::None
            }
        }
    })
}

/// Returns the value of a field as the row will have it in the database. The number that the database gives is 0 until then.
fn preview(model: &Parsed<'_>, field: &Field<'_>) -> TokenStream {
    let (models, ident, ty) = (model.models(), field.ident, field.ty);
    match field.options.auto {
        _ if field.is_numbered => quote!(0),
        None => quote!(self.#ident),
        Some(Auto::Version) => quote!(1),
        Some(Auto::Now | Auto::NowAdd) => quote_spanned!(ty.span()=> <#ty as #models::__private::OfMoment>::of_moment(now)),
    }
}

/// Returns the value that a field of a new row has at first.
fn initial(models: &Path, field: &Field<'_>) -> TokenStream {
    let Some(value) = &field.options.default else {
        let ty = field.ty;
        return quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default());
    };
    if let Some(number) = decimals::literal(field, value) {
        let (models, units, places) = (models, number.units, number.places);
        let value = quote_spanned!(value.span()=> #models::Decimal::new(#units, #places));
        return if field.null { quote!(::core::option::Option::Some(#value)) } else { value };
    }
    let is_string = last_name(field.inner).is_some_and(|name| name == "String");
    // An error about the value points to the value.
    let value = if is_string { quote_spanned!(value.span()=> ::std::string::String::from(#value)) } else { quote!(#value) };
    if field.null { quote!(::core::option::Option::Some(#value)) } else { value }
}
