//! `diesel::table!`, and joins with the tables that are referred to.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use super::decimals;
use super::parse::{Field, Parsed, sql_type_of};
use crate::types::last_name;

pub(super) fn expand(model: &Parsed<'_>) -> TokenStream {
    let Parsed { name, module, table, .. } = model;
    let models = model.models();
    let columns = model.fields.iter().map(column);
    let stored = model.fields.iter().filter_map(|field| stored_as(model, field));
    let key = model.key().map(|field| field.ident);
    let sql_name = (*module != *table).then(|| quote!(#[sql_name = #table]));
    let documentation = format!("The table `{table}` of [`{name}`].");
    let joins = joins(model);
    let single_keys = model.fields.iter().filter_map(|field| field.options.references.as_ref()).map(|parent| {
        let parent = if is_self(parent, name) { quote!(#name) } else { quote!(#parent) };
        quote_spanned! {parent.span()=>
            const _: () = assert!(
                <#parent as #models::Model>::META.primary_key.len() == 1,
                "a reference is to a model whose primary key is one field"
            );
        }
    });
    quote! {
        #models::diesel::table! {
            use #models::sql_types::*;
            #[doc = #documentation]
            #sql_name
            #module (#(#key),*) { #(#columns)* }
        }
        #models::joinable_tables![#module];
        impl<__Asking> #models::__private::TableFor<__Asking> for #name {
            type Table = #module::table;
        }
        #(#stored)*
        #(#single_keys)*
        #joins
    }
}

fn column(field: &Field<'_>) -> TokenStream {
    let Field { ident, column, .. } = field;
    // Links in the documentation of the field would not lead anywhere from here.
    let documentation = format!(" The column `{column}`.");
    let sql_type = sql_type(field);
    let sql_type = if field.null { quote!(Nullable<#sql_type>) } else { sql_type };
    let renamed = (*column != field.name).then(|| quote!(#[sql_name = #column]));
    quote!(#[doc = #documentation] #renamed #ident -> #sql_type,)
}

fn sql_type(field: &Field<'_>) -> TokenStream {
    if let Some(ty) = &field.options.sql_type {
        return quote!(#ty);
    }
    if let Some(digits) = decimals::digits(field) {
        let (max_digits, decimal_places) = (digits.max_digits, digits.decimal_places);
        return quote_spanned!(field.inner.span()=> Decimal<#max_digits, #decimal_places>);
    }
    let known = last_name(field.inner).and_then(|name| sql_type_of(&name)).unwrap_or("Text");
    let ident = Ident::new(known, field.inner.span());
    quote!(#ident)
}

/// Returns a check that a field has the SQL type that the table was given. `diesel::table!` needs the name of the type, so the derive
/// cannot ask the field's type for it.
fn stored_as(model: &Parsed<'_>, field: &Field<'_>) -> Option<TokenStream> {
    let is_known = field.options.sql_type.is_none() && last_name(field.inner).is_some_and(|name| sql_type_of(&name).is_some());
    if is_known {
        return None;
    }
    let (models, inner, sql_type) = (model.models(), field.inner, sql_type(field));
    Some(quote_spanned! {inner.span()=>
        const _: () = {
            use #models::sql_types::*;
            const fn is_stored_as<T: #models::__private::StoredAs<#sql_type>>() {}
            is_stored_as::<#inner>();
        };
    })
}

/// Returns the joins with other tables. If several fields refer to one table, a join without `on` uses the first.
fn joins(model: &Parsed<'_>) -> TokenStream {
    let Parsed { name, module, .. } = model;
    let (models, mut joined) = (model.models(), Vec::new());
    let mut joins = TokenStream::new();
    for field in model.fields.iter().filter(|field| !field.options.no_join) {
        let Some(parent) = &field.options.references else { continue };
        let called = last_name(parent);
        if is_self(parent, name) || joined.contains(&called) {
            continue;
        }
        joined.push(called);
        let (ident, inner) = (field.ident, field.inner);
        let get = if field.null { quote!(self.#ident.as_ref()) } else { quote!(::core::option::Option::Some(&self.#ident)) };
        let table = quote!(<#parent as #models::__private::TableFor<#module::table>>::Table);
        let on = quote! {
            #models::diesel::dsl::Eq<
                #models::diesel::dsl::Nullable<#module::#ident>,
                #models::diesel::dsl::Nullable<<#table as #models::diesel::Table>::PrimaryKey>,
            >
        };
        joins.extend(quote_spanned! {parent.span()=>
            impl #models::diesel::JoinTo<#table> for #module::table {
                type FromClause = #table;
                type OnClause = #on;
                fn join_target(rhs: #table) -> (Self::FromClause, Self::OnClause) {
                    use #models::diesel::{ExpressionMethods as _, NullableExpressionMethods as _};
                    let key = #models::diesel::Table::primary_key(&rhs).nullable();
                    (rhs, #module::#ident.nullable().eq(key))
                }
            }
            impl #models::diesel::JoinTo<#module::table> for #table {
                type FromClause = #module::table;
                type OnClause = #on;
                fn join_target(rhs: #module::table) -> (Self::FromClause, Self::OnClause) {
                    use #models::diesel::{ExpressionMethods as _, NullableExpressionMethods as _};
                    let key = #models::diesel::Table::primary_key(&<#table as ::core::default::Default>::default()).nullable();
                    (rhs, #module::#ident.nullable().eq(key))
                }
            }
            impl #models::diesel::associations::BelongsTo<#parent> for #name {
                type ForeignKey = #inner;
                type ForeignKeyColumn = #module::#ident;
                fn foreign_key(&self) -> ::core::option::Option<&Self::ForeignKey> {
                    #get
                }
                fn foreign_key_column() -> Self::ForeignKeyColumn {
                    #module::#ident
                }
            }
            impl #models::diesel::associations::BelongsTo<&'_ #parent> for #name {
                type ForeignKey = #inner;
                type ForeignKeyColumn = #module::#ident;
                fn foreign_key(&self) -> ::core::option::Option<&Self::ForeignKey> {
                    #get
                }
                fn foreign_key_column() -> Self::ForeignKeyColumn {
                    #module::#ident
                }
            }
        });
    }
    joins
}

/// Returns whether a reference is to the model itself.
pub(super) fn is_self(parent: &Type, name: &Ident) -> bool {
    matches!(parent, Type::Path(path) if path.path.is_ident("Self") || path.path.is_ident(name))
}
