//! Rows that Diesel reads, written out: Diesel's own derives would parse the struct once more each.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Index;
use syn::spanned::Spanned;

use super::parse::{Field, Parsed};

pub(super) fn expand(model: &Parsed<'_>) -> TokenStream {
    let Parsed { name, module, visibility, .. } = model;
    let models = model.models();
    let idents: Vec<_> = model.fields.iter().map(|field| field.ident).collect();
    let types: Vec<_> = model.fields.iter().map(|field| field.ty).collect();
    let stored = types.iter().map(|ty| quote_spanned!(ty.span()=> <#ty as #models::FieldType>::Stored)).collect::<Vec<_>>();
    let at = (0..idents.len()).map(Index::from);
    let order = order(model);
    let ordered_text = match &model.options.order {
        Some(order) => format!(" Returns the [query](Self::query) in the model's order: `{}`.", order.value()),
        None => " Returns the [query](Self::query) in the order of the primary key.".to_owned(),
    };
    let (key, key_types): (Vec<_>, Vec<_>) = model.key().map(|field| (field.ident, field.ty)).unzip();
    let (id, of_key) = match (key.as_slice(), key_types.as_slice()) {
        ([key], [ty]) => (quote!(&'ident #ty), quote!(&self.#key)),
        (keys, types) => (quote!((#(&'ident #types),*)), quote!((#(&self.#keys),*))),
    };
    quote! {
        impl<__DB: #models::diesel::backend::Backend> #models::diesel::deserialize::Queryable<#module::SqlType, __DB> for #name
        where
            (#(#stored,)*): #models::diesel::deserialize::FromStaticSqlRow<#module::SqlType, __DB>,
        {
            type Row = (#(#stored,)*);
            fn build(row: Self::Row) -> #models::diesel::deserialize::Result<Self> {
                ::core::result::Result::Ok(Self { #(#idents: <#types as #models::FieldType>::from_stored(row.#at)?,)* })
            }
        }
        impl<__DB: #models::diesel::backend::Backend> #models::diesel::expression::Selectable<__DB> for #name {
            type SelectExpression = (#(#module::#idents,)*);
            fn construct_selection() -> Self::SelectExpression {
                (#(#module::#idents,)*)
            }
        }
        impl #models::diesel::associations::HasTable for #name {
            type Table = #module::table;
            fn table() -> Self::Table {
                #module::table
            }
        }
        impl<'ident> #models::diesel::associations::Identifiable for &'ident #name {
            type Id = #id;
            fn id(self) -> Self::Id {
                #of_key
            }
        }
        impl<'ident> #models::diesel::associations::Identifiable for &'_ &'ident #name {
            type Id = #id;
            fn id(self) -> Self::Id {
                #of_key
            }
        }
        #[allow(dead_code, reason = "generated for every model")]
        impl #name {
            /// Returns a query for all rows, to be filtered, ordered and loaded with Diesel's methods.
            #visibility fn query<'a>() -> #models::diesel::dsl::IntoBoxed<
                'a,
                #models::diesel::dsl::Select<#module::table, #models::diesel::dsl::AsSelect<Self, #models::Dialect>>,
                #models::Dialect,
            > {
                #models::diesel::QueryDsl::into_boxed(#models::diesel::QueryDsl::select(
                    #module::table,
                    <Self as #models::diesel::SelectableHelper<#models::Dialect>>::as_select(),
                ))
            }

            #[doc = #ordered_text]
            #visibility fn ordered<'a>() -> #models::diesel::dsl::IntoBoxed<
                'a,
                #models::diesel::dsl::Select<#module::table, #models::diesel::dsl::AsSelect<Self, #models::Dialect>>,
                #models::Dialect,
            > {
                #models::diesel::QueryDsl::order(Self::query(), (#(#order,)*))
            }
        }
    }
}

/// Returns the expressions of the model's order. The key comes last, in the direction of the column before it, so that the order is always
/// the same, and an index of both serves it.
fn order(model: &Parsed<'_>) -> Vec<TokenStream> {
    let (models, module) = (model.models(), &model.module);
    let named = model.order();
    let is_named = |field: &&Field<'_>| !named.iter().any(|(other, _)| other.name == field.name);
    let descending = named.last().is_some_and(|(_, descending)| *descending);
    let key = model.key().filter(is_named).map(|field| (field, descending));
    let expression = |(field, descending): (&Field<'_>, bool)| {
        let ident = field.ident;
        match (field.null, descending) {
            (true, _) => quote!(#models::__private::By::new(#module::#ident, #descending)),
            (false, true) => quote!(#models::diesel::ExpressionMethods::desc(#module::#ident)),
            (false, false) => quote!(#models::diesel::ExpressionMethods::asc(#module::#ident)),
        }
    };
    named.iter().copied().chain(key).map(expression).collect()
}
