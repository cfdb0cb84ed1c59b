//! The trait `Model`, with the description of the model for run time.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, ExprUnary, Ident, Lit, LitStr, Path, Result, UnOp};

use super::decimals;
use super::field_options::{Auto, Format, OnDelete};
use super::model_options::{Check, Index};
use super::names::{label, plural, snake};
use super::parse::{Field, Parsed, sql_type_of};
use super::table::is_self;
use crate::types::last_name;

pub(super) fn expand(model: &Parsed<'_>) -> Result<TokenStream> {
    let Parsed { name, module, .. } = model;
    let (models, key_type, meta) = (model.models(), model.key_type(), model_meta(model)?);
    let idents: Vec<_> = model.fields.iter().map(|field| field.ident).collect();
    let types: Vec<_> = model.fields.iter().map(|field| field.ty).collect();
    let names = model.fields.iter().map(|field| &field.name);
    let (key, key_types): (Vec<_>, Vec<_>) = model.key().map(|field| (field.ident, field.ty)).unzip();
    let key_names = model.key().map(|field| &field.name);
    let (of_key, parts) = match key.as_slice() {
        [one] => (quote!(::core::clone::Clone::clone(&self.#one)), quote!(let #one = key;)),
        several => (quote!((#(::core::clone::Clone::clone(&self.#several)),*)), quote!(let (#(#several),*) = key;)),
    };
    let stored = key.iter().zip(&key_types).zip(model.key()).map(|((ident, ty), field)| {
        let name = &field.name;
        quote!(#models::__private::stored::<#ty>(<Self as #models::Model>::META, #name, #ident)?)
    });
    let stored_key = match key.len() {
        1 => quote!(#(#stored)*),
        _ => quote!((#(#stored),*)),
    };
    let writable = writable(model);
    Ok(quote! {
        impl #models::Model for #name {
            type Table = #module::table;
            type Key = #key_type;
            const META: &'static #models::ModelMeta = &#meta;
            fn key(&self) -> Self::Key {
                #of_key
            }
            #[track_caller]
            fn find(__db: &mut #models::Db, key: Self::Key) -> #models::Result<Self> {
                #parts
                let found = #models::diesel::QueryDsl::find(#module::table, #stored_key);
                let found = #models::diesel::QueryDsl::select(found, <Self as #models::diesel::SelectableHelper<_>>::as_select());
                #models::__private::OrNotFoundRow::or_404(#models::diesel::RunQueryDsl::get_result(found, __db))
            }
            fn key_values(key: Self::Key) -> #models::Result<::std::vec::Vec<#models::Value>> {
                #parts
                ::core::result::Result::Ok(::std::vec![#(#models::__private::value::<Self, #key_types>(#key_names, #key)?),*])
            }
            fn from_values(values: ::std::vec::Vec<#models::Value>) -> #models::Result<Self> {
                let mut values = #models::__private::Row::new(Self::META, values);
                ::core::result::Result::Ok(Self { #(#idents: values.take::<#types>()?,)* })
            }
            fn to_values(&self) -> #models::Result<::std::vec::Vec<#models::Value>> {
                ::core::result::Result::Ok(::std::vec![#(
                    #models::__private::value::<Self, #types>(#names, ::core::clone::Clone::clone(&self.#idents))?
                ),*])
            }
        }
        #writable
    })
}

/// Returns the trait of rows that are created, changed and deleted.
fn writable(model: &Parsed<'_>) -> Option<TokenStream> {
    let (models, name, new) = (model.models(), model.name, &model.new);
    let of_fields: Vec<_> = model
        .fields
        .iter()
        .filter_map(|field| {
            let (clean, ident, name) = (field.options.clean.as_ref()?, field.ident, &field.name);
            Some(quote! {
                if let ::core::result::Result::Err(message) = (#clean)(&self.#ident) {
                    errors.add(#name, message);
                }
            })
        })
        .collect();
    let of_row = model.options.clean.as_ref().map(|clean| quote!((#clean)(self, errors)));
    let clean = (of_row.is_some() || !of_fields.is_empty()).then(|| {
        quote! {
            fn clean(&self, errors: &mut #models::FormErrors) {
                #(#of_fields)*
                #of_row
            }
        }
    });
    (!model.options.read_only).then(|| {
        quote! {
            impl #models::WritableModel for #name {
                type New = #new;
                #clean
            }
        }
    })
}

fn model_meta(model: &Parsed<'_>) -> Result<TokenStream> {
    let models = model.models();
    let (name, table, managed) = (model.name.unraw().to_string(), &model.table, !model.options.unmanaged);
    let label_text = model.options.label.as_ref().map_or_else(|| label(&snake(&name)), LitStr::value);
    let plural_text = model.options.plural.as_ref().map_or_else(|| plural_label(model), LitStr::value);
    let fields = model.fields.iter().map(|field| field_meta(model, field));
    let key = model.key().map(|field| &field.column);
    let indexes = model.options.indexes.iter().map(|index| index_meta(model, index)).collect::<Result<Vec<_>>>()?;
    let checks = model.options.checks.iter().map(|Check { name, condition }| {
        let name = name.unraw().to_string();
        quote!(#models::CheckMeta { name: #name, condition: #condition })
    });
    let order = model.order().into_iter().map(|(field, descending)| format!("{}{}", if descending { "-" } else { "" }, field.column));
    let display = display(model)?;
    let new_values = optional((!model.options.read_only).then(|| {
        let new = &model.new;
        quote!(|| #models::NewRow::into_values(<#new as ::core::default::Default>::default()))
    }));
    let ident = model.name;
    let clean = optional((!model.options.read_only).then(|| quote!(#models::__private::clean::<#ident>)));
    let links = model.options.links.iter().map(|link| super::links::meta(model, link));
    Ok(quote! {
        #models::ModelMeta {
            name: #name,
            table: #table,
            label: #label_text,
            plural: #plural_text,
            fields: &[#(#fields),*],
            primary_key: &[#(#key),*],
            indexes: &[#(#indexes),*],
            checks: &[#(#checks),*],
            order: &[#(#order),*],
            display: #display,
            many_to_many: &[#(#links),*],
            managed: #managed,
            new_values: #new_values,
            clean: #clean,
        }
    })
}

fn plural_label(model: &Parsed<'_>) -> String {
    match &model.options.label {
        Some(label) => plural(&label.value()),
        None => label(&plural(&snake(&model.name.unraw().to_string()))),
    }
}

/// Returns the column by which people know a row: the one that was named, the first text, or the key.
fn display(model: &Parsed<'_>) -> Result<String> {
    if let Some(ident) = &model.options.display {
        return Ok(model.field(ident)?.column.clone());
    }
    let is_text = |field: &&Field<'_>| last_name(field.ty).is_some_and(|name| name == "String") && !field.options.hidden;
    let shown = model.fields.iter().find(is_text).or_else(|| model.key().next());
    Ok(shown.map(|field| field.column.clone()).unwrap_or_default())
}

fn index_meta(model: &Parsed<'_>, index: &Index) -> Result<TokenStream> {
    let models = model.models();
    let columns = index.fields.iter().map(|ident| Ok(model.field(ident)?.column.clone())).collect::<Result<Vec<_>>>()?;
    let unique = index.unique;
    let condition = index.condition.as_ref().map(LitStr::value).unwrap_or_default();
    Ok(quote!(#models::IndexMeta { columns: &[#(#columns),*], unique: #unique, condition: #condition }))
}

fn field_meta(model: &Parsed<'_>, field: &Field<'_>) -> TokenStream {
    let models = model.models();
    let Field { name, column, inner, null, options, .. } = field;
    let label_text = options.label.as_ref().map_or_else(|| label(name), LitStr::value);
    let help = options.help.as_ref().map(LitStr::value).unwrap_or_default();
    let max_length = optional(options.max_length.as_ref().map(|length| quote!(#length)));
    let digits = optional(decimals::digits(field).map(|digits| {
        let (max_digits, decimal_places) = (digits.max_digits, digits.decimal_places);
        quote!(#models::Digits { max_digits: #max_digits, decimal_places: #decimal_places })
    }));
    let end = |value: &Option<Expr>| optional(value.as_ref().and_then(|value| number(models, field, value)));
    let (min, max) = (end(&options.min), end(&options.max));
    let (long, blank, hidden, unique) = (options.long, options.blank, options.hidden, options.unique);
    // The index of the primary key serves its first column.
    let is_first_of_key = model.key().next().is_some_and(|first| first.name == *name);
    let index = options.index || (options.references.is_some() && !options.unique && !is_first_of_key);
    let default = optional(options.default.as_ref().and_then(|value| literal(models, field, value)));
    let format = match &options.format {
        None => quote!(Any),
        Some(Format::Email) => quote!(Email),
        Some(Format::Url) => quote!(Url),
        Some(Format::Slug) => quote!(Slug),
        Some(Format::File) => quote!(File),
        Some(Format::Image) => quote!(Image),
        Some(Format::Pattern(pattern)) => quote!(Pattern(#pattern)),
    };
    let auto = match options.auto {
        _ if field.is_numbered => quote!(Id),
        None => quote!(No),
        Some(Auto::Now) => quote!(Now),
        Some(Auto::NowAdd) => quote!(NowAdd),
        Some(Auto::Version) => quote!(Version),
    };
    let references = optional(options.references.as_ref().map(|parent| {
        let on_delete = match options.on_delete {
            None | Some(OnDelete::Restrict) => quote!(Restrict),
            Some(OnDelete::Cascade) => quote!(Cascade),
            Some(OnDelete::SetNull) => quote!(SetNull),
        };
        let of_parent = if is_self(parent, model.name) {
            quote!(Self::META)
        } else {
            quote_spanned!(parent.span()=> <#parent as #models::Model>::META)
        };
        quote!(#models::Reference { model: || #of_parent, on_delete: #models::OnDelete::#on_delete })
    }));
    quote_spanned! {inner.span()=>
        #models::FieldMeta {
            name: #name,
            column: #column,
            label: #label_text,
            help: #help,
            kind: <#inner as #models::FieldType>::KIND,
            null: #null,
            choices: <#inner as #models::FieldType>::CHOICES,
            default: #default,
            max_length: #max_length,
            digits: #digits,
            min: #min,
            max: #max,
            format: #models::Format::#format,
            long: #long,
            unique: #unique,
            index: #index,
            references: #references,
            auto: #models::Auto::#auto,
            blank: #blank,
            hidden: #hidden,
        }
    }
}

/// Returns the value that the database gives the column by default: a literal, a constant, or a choice. The result of a function is a
/// default of new rows alone.
fn literal(models: &Path, field: &Field<'_>, value: &Expr) -> Option<TokenStream> {
    let is_number = |lit: &Lit| matches!(lit, Lit::Int(_) | Lit::Float(_));
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => Some(quote!(#models::Literal::Text(#value))),
        Expr::Lit(ExprLit { lit: Lit::Bool(_), .. }) => Some(quote!(#models::Literal::Bool(#value))),
        Expr::Lit(ExprLit { lit, .. }) if is_number(lit) => number(models, field, value),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match &**expr {
            Expr::Lit(ExprLit { lit, .. }) if is_number(lit) => number(models, field, value),
            _ => None,
        },
        Expr::Path(_) => constant(models, field, value),
        _ => None,
    }
}

fn number(models: &Path, field: &Field<'_>, value: &Expr) -> Option<TokenStream> {
    if let Some(number) = decimals::literal(field, value) {
        let text = number.text;
        return Some(quote!(#models::Literal::Text(#text)));
    }
    let (variant, ty) = match last_name(field.inner)?.as_str() {
        "f32" | "f64" => (quote!(Real), quote!(f64)),
        "i16" | "i32" | "i64" => (quote!(Int), quote!(i64)),
        _ => return None,
    };
    Some(quote_spanned! {value.span()=>
        #models::Literal::#variant({
            #[allow(clippy::unnecessary_cast, reason = "the field may be of another type")]
            const VALUE: #ty = (#value) as #ty;
            VALUE
        })
    })
}

fn constant(models: &Path, field: &Field<'_>, value: &Expr) -> Option<TokenStream> {
    match last_name(field.inner)?.as_str() {
        "String" => Some(quote!(#models::Literal::Text(#value))),
        "bool" => Some(quote!(#models::Literal::Bool(#value))),
        // A choice. Its type is not known by name.
        name if sql_type_of(name).is_none() && field.options.sql_type.is_none() => {
            Some(quote_spanned!(value.span()=> #models::Literal::Text(#value.as_str())))
        }
        _ => number(models, field, value),
    }
}

fn optional(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// Returns the name of a field as a text.
pub(super) fn text(ident: &Ident) -> String {
    ident.unraw().to_string()
}
