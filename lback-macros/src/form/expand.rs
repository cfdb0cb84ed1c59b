//! Generates the code of the derive.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, FieldsNamed, Result};

use super::attributes::{Options, Rules};
use super::of_model;
use super::rules::RESERVED_NAMES;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let named = named_fields(input)?;
    let options = Options::read(&input.attrs)?;
    let (mut fields, mut reads, mut writes) = (Vec::new(), Vec::new(), Vec::new());
    for field in &named.named {
        let Some(ident) = &field.ident else { continue };
        let name = ident.unraw().to_string();
        if RESERVED_NAMES.contains(&name.as_str()) {
            return Err(Error::new(
                ident.span(),
                format!("the name is reserved, because templates use `form.{name}` for a part of the form itself; rename the field"),
            ));
        }
        let ty = &field.ty;
        let rules = Rules::read(&field.attrs, ty)?.calls;
        // Errors about the type point to the type.
        let field = quote_spanned!(ty.span()=> __forms::Field::of::<#ty>(#name));
        fields.push(match &options.model {
            Some(model) => of_model::field(&options.models, model, ident, ty, &field),
            None => field,
        });
        fields.push(quote!(#rules,));
        reads.push(quote_spanned!(ty.span()=> #ident: values.take::<#ty>(#name)?,));
        writes.push(quote_spanned!(ty.span()=> (#name, <#ty as __forms::FieldType>::write(&self.#ident)),));
    }
    let form_of = options.model.as_ref().map(|model| of_model::form_of(&options.models, model, input, named));
    let Options { forms, clean, .. } = options;
    let clean = clean.map(|clean| {
        quote! {
            fn clean(&self, errors: &mut __forms::FormErrors) {
                (#clean)(self, errors)
            }
        }
    });
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        const _: () = {
            use #forms as __forms;

        impl #generics __forms::FormFields for #name #arguments #bounds {
            fn fields() -> ::std::vec::Vec<__forms::Field> {
                ::std::vec![#(#fields)*]
            }

            fn read(mut values: __forms::Values) -> __forms::Result<Self> {
                ::core::result::Result::Ok(Self { #(#reads)* })
            }

            fn write(&self) -> ::std::vec::Vec<(&'static str, ::std::vec::Vec<::std::string::String>)> {
                ::std::vec![#(#writes)*]
            }

            #clean
        }

        #form_of
        };
    })
}

fn named_fields(input: &DeriveInput) -> Result<&FieldsNamed> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields),
            _ => Err(Error::new(input.ident.span(), "a form must be a struct with named fields: struct Post { title: String }")),
        },
        _ => Err(Error::new(
            input.ident.span(),
            "a form must be a struct; to use an enum as a field, implement lback::forms::FieldType for it",
        )),
    }
}
