//! The code that the derive writes.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, FieldsNamed, Result};

use super::attributes::{Options, Rules};
use super::rules::OF_FORMS;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let named = named_fields(input)?;
    let (mut fields, mut reads, mut writes) = (Vec::new(), Vec::new(), Vec::new());
    for field in &named.named {
        let Some(ident) = &field.ident else { continue };
        let name = ident.unraw().to_string();
        if OF_FORMS.contains(&name.as_str()) {
            return Err(Error::new(
                ident.span(),
                format!("a template finds something of the form itself under `form.{name}`; rename the field"),
            ));
        }
        let ty = &field.ty;
        let rules = Rules::read(&field.attrs, ty)?.calls;
        // What is wrong with the type is shown at the type.
        fields.push(quote_spanned!(ty.span()=> __forms::Field::of::<#ty>(#name)));
        fields.push(quote!(#rules,));
        reads.push(quote_spanned!(ty.span()=> #ident: values.take::<#ty>(#name)?,));
        writes.push(quote_spanned!(ty.span()=> (#name, <#ty as __forms::FieldType>::write(&self.#ident)),));
    }
    let Options { forms, clean } = Options::read(&input.attrs)?;
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
        };
    })
}

fn named_fields(input: &DeriveInput) -> Result<&FieldsNamed> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields),
            _ => Err(Error::new(input.ident.span(), "a form is a struct whose fields have names: struct Post { title: String }")),
        },
        _ => Err(Error::new(input.ident.span(), "a form is a struct; for a field with some values, implement lback::forms::FieldType")),
    }
}
