//! Many-to-many relations: the model of the pairs, and methods for the rows of the other model.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, LitStr};

use super::meta::text;
use super::model_options::Link;
use super::names::{label, snake};
use super::parse::Parsed;
use super::table::is_self;
use crate::types::last_name;

/// The model of the pairs, and its fields.
struct Pairs {
    model: TokenStream,
    own: Ident,
    other: Ident,
}

pub(super) fn expand(model: &Parsed<'_>) -> TokenStream {
    model.options.links.iter().map(|link| expand_link(model, link)).collect()
}

fn expand_link(model: &Parsed<'_>, link: &Link) -> TokenStream {
    let (models, name, visibility, to) = (model.models(), model.name, model.visibility, &link.to);
    let Pairs { model: pairs, own, other } = pairs(model, link);
    let declared = link.through.is_none().then(|| declaration(model, link, &pairs, &own, &other));
    let (own_name, other_name) = (text(&own), text(&other));
    let called = &link.name;
    let (of, set, add, remove) =
        (format_ident!("{called}_of"), format_ident!("set_{called}"), format_ident!("add_{called}"), format_ident!("remove_{called}"));
    let texts = [
        format!("Returns the `{called}` of the row."),
        format!("Returns the `{called}` of each row, in the same order, with one query."),
        format!("Makes the rows with the given keys the only `{called}` of the row."),
        format!("Adds the rows with the given keys to the `{called}` of the row. Those that it has already stay."),
        format!("Removes the rows with the given keys from the `{called}` of the row."),
    ];
    let [text_one, text_of, text_set, text_add, text_remove] = texts;
    let errors = "# Errors\nReturns an error if the database cannot be read or written.";
    let keys = quote!(&[<#to as #models::Model>::Key]);
    // A model of the pairs that the application has written may have fields that must be filled in.
    let change = link.through.is_none().then(|| {
        quote! {
            #[doc = #text_set]
            ///
            #[doc = #errors]
            #visibility fn #set(&self, db: &mut #models::Db, keys: #keys) -> #models::Result<()> {
                #models::__private::set_links::<#pairs, #name, #to>(db, self, keys, (#own_name, #other_name))
            }
            #[doc = #text_add]
            ///
            #[doc = #errors]
            #visibility fn #add(&self, db: &mut #models::Db, keys: #keys) -> #models::Result<()> {
                #models::__private::add_links::<#pairs, #name, #to>(db, self, keys, (#own_name, #other_name))
            }
            #[doc = #text_remove]
            ///
            #[doc = #errors]
            #visibility fn #remove(&self, db: &mut #models::Db, keys: #keys) -> #models::Result<()> {
                #models::__private::remove_links::<#pairs, #name, #to>(db, self, keys, (#own_name, #other_name))
            }
        }
    });
    quote_spanned! {to.span()=>
        #declared
        #[allow(dead_code, reason = "generated for every relation")]
        impl #name {
            #[doc = #text_one]
            ///
            #[doc = #errors]
            #visibility fn #called(&self, db: &mut #models::Db) -> #models::Result<::std::vec::Vec<#to>> {
                ::core::result::Result::Ok(Self::#of(db, ::core::slice::from_ref(self))?.pop().unwrap_or_default())
            }
            #[doc = #text_of]
            ///
            #[doc = #errors]
            #visibility fn #of(db: &mut #models::Db, rows: &[Self]) -> #models::Result<::std::vec::Vec<::std::vec::Vec<#to>>> {
                #models::__private::links_of::<#pairs, #name, #to>(db, rows, (#own_name, #other_name))
            }
            #change
        }
    }
}

/// Returns the description of a relation for run time.
pub(super) fn meta(model: &Parsed<'_>, link: &Link) -> TokenStream {
    let (models, to, name) = (model.models(), &link.to, text(&link.name));
    let Pairs { model: pairs, own, other } = pairs(model, link);
    let (own, other) = (text(&own), text(&other));
    let label = label(&name);
    quote! {
        #models::ManyToManyMeta {
            name: #name,
            label: #label,
            model: || <#to as #models::Model>::META,
            through: || <#pairs as #models::Model>::META,
            own: #own,
            other: #other,
        }
    }
}

fn pairs(model: &Parsed<'_>, link: &Link) -> Pairs {
    let own = format_ident!("{}_id", snake(&text(model.name)));
    let to_name = last_name(&link.to).unwrap_or_default();
    // A row may be linked to rows of the same table.
    let other =
        if *model.name == to_name || to_name == "Self" { format_ident!("other_id") } else { format_ident!("{}_id", snake(&to_name)) };
    let model = match &link.through {
        Some(through) => quote!(#through),
        None => {
            let name = pairs_name(model, link);
            quote!(#name)
        }
    };
    Pairs { model, own, other }
}

fn pairs_name(model: &Parsed<'_>, link: &Link) -> Ident {
    let called: String = text(&link.name).split('_').map(capitalized).collect();
    format_ident!("{}{called}", model.name, span = link.name.span())
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Returns the model of the pairs, whose key is both references. The other model has a numbered key.
fn declaration(model: &Parsed<'_>, link: &Link, pairs: &TokenStream, own: &Ident, other: &Ident) -> TokenStream {
    let (models, name, visibility, key) = (model.models(), model.name, model.visibility, model.key_type());
    let called = text(&link.name);
    let of_name = || LitStr::new(&format!("{}_{called}", model.table), link.name.span());
    let table = link.table.clone().unwrap_or_else(of_name);
    let module = format_ident!("{}_{called}", model.module);
    let documentation = format!("A pair of a [`{name}`] and one of its `{called}`.");
    let (own_text, other_text) = (format!("The key of the [`{name}`]."), format!("The key of one of its `{called}`."));
    // Within the struct, `Self` would be the pairs.
    let is_self = is_self(&link.to, name);
    let to = if is_self {
        quote!(#name)
    } else {
        let to = &link.to;
        quote!(#to)
    };
    // Two references to one table: the join is by the first.
    let no_join = is_self.then(|| quote!(, no_join));
    let unmanaged = model.options.unmanaged.then(|| quote!(, unmanaged));
    quote! {
        #[doc = #documentation]
        #[derive(#models::DeriveModel, Clone, Debug, PartialEq)]
        #[model(crate = #models, table = #table, module = #module #unmanaged)]
        #visibility struct #pairs {
            #[doc = #own_text]
            #[model(primary_key, references = #name, on_delete = cascade)]
            pub #own: #key,
            #[doc = #other_text]
            #[model(primary_key, references = #to, on_delete = cascade #no_join)]
            pub #other: i64,
        }
    }
}
