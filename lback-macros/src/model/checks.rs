//! Checks of the types in a model, whose errors come before those of the code that uses them, and name the place and the remedy.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Path};

use super::parse::{Parsed, sql_type_of};
use super::table::is_self;
use crate::types::last_name;

pub(super) fn expand(model: &Parsed<'_>) -> TokenStream {
    let name = model.name;
    let mut checks = Checks { models: model.models(), all: TokenStream::new() };
    checks.add(name.span(), "CloneOf", &[&quote!(#name)]);
    for field in &model.fields {
        let (inner, ty) = (field.inner, field.ty);
        // Those that the derive knows have a column and a default.
        if last_name(inner).and_then(|name| sql_type_of(&name)).is_none() {
            checks.add(inner.span(), "FieldOfType", &[&quote!(#inner)]);
            if field.is_given() && field.options.default.is_none() && !model.options.read_only {
                checks.add(ty.span(), "StartingWith", &[&quote!(#ty)]);
            }
        }
        if let Some(parent) = field.options.references.as_ref().filter(|parent| !is_self(parent, name)) {
            checks.add(parent.span(), "ReferenceTo", &[&quote!(#parent)]);
            checks.add(inner.span(), "KeyTo", &[&quote!(#parent), &quote!(#inner)]);
        }
    }
    for to in model.options.links.iter().map(|link| &link.to).filter(|to| !is_self(to, name)) {
        checks.add(to.span(), "ReferenceTo", &[&quote!(#to)]);
    }
    checks.all
}

/// The checks, each of which is an item that exists only if its type does.
struct Checks<'a> {
    models: &'a Path,
    all: TokenStream,
}

impl Checks<'_> {
    /// Adds the check that the type `called` exists with these arguments. Its error is at `place`.
    fn add(&mut self, place: Span, called: &str, arguments: &[&TokenStream]) {
        let models = self.models.to_token_stream().into_iter().map(|mut token| {
            token.set_span(place);
            token
        });
        let (models, called) = (models.collect::<TokenStream>(), Ident::new(called, place));
        self.all.extend(quote_spanned! {place=>
            const _: #models::__private::Check<#models::__private::#called<#(#arguments),*>> = #models::__private::Check::PASSED;
        });
    }
}
