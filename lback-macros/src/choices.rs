//! `#[derive(Choices)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Ident, LitStr, Path, Result, Variant, parse_quote};

use crate::model::{label, snake};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(input.ident.span(), "`Choices` can be derived only for an enum: enum State { Draft, Published }"));
    };
    if data.variants.is_empty() {
        return Err(Error::new(input.ident.span(), "choices need at least one variant"));
    }
    let models = crate_path(&input.attrs)?;
    let choices = data.variants.iter().map(Choice::read).collect::<Result<Vec<_>>>()?;
    for (at, choice) in choices.iter().enumerate() {
        if choices[..at].iter().any(|other| other.stored == choice.stored) {
            return Err(Error::new(choice.ident.span(), format!("two choices are stored as \"{}\"", choice.stored)));
        }
    }
    let name = &input.ident;
    let idents: Vec<_> = choices.iter().map(|choice| choice.ident).collect();
    let stored: Vec<_> = choices.iter().map(|choice| &choice.stored).collect();
    let labels: Vec<_> = choices.iter().map(|choice| &choice.label).collect();
    Ok(quote! {
        impl #name {
            /// All choices, in order.
            pub const ALL: &'static [Self] = &[#(Self::#idents),*];

            /// Returns the choice as the database stores it.
            pub const fn as_str(&self) -> &'static str {
                match self { #(Self::#idents => #stored),* }
            }

            /// Returns the choice as people read it.
            pub const fn label(&self) -> &'static str {
                match self { #(Self::#idents => #labels),* }
            }
        }
        impl ::core::str::FromStr for #name {
            type Err = #models::NotAChoice;
            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                match text {
                    #(#stored => ::core::result::Result::Ok(Self::#idents),)*
                    _ => ::core::result::Result::Err(#models::NotAChoice::new(text, &[#(#stored),*])),
                }
            }
        }
        impl #models::FieldType for #name {
            type Stored = ::std::string::String;
            const CHOICES: &'static [(&'static str, &'static str)] = &[#((#stored, #labels)),*];
            fn from_stored(stored: Self::Stored) -> #models::StoredResult<Self> {
                ::core::result::Result::Ok(::core::str::FromStr::from_str(&stored)?)
            }
            fn into_stored(self) -> #models::StoredResult<Self::Stored> {
                ::core::result::Result::Ok(::std::string::ToString::to_string(self.as_str()))
            }
        }
        impl #models::forms::FieldType for #name {
            fn field(name: &str) -> #models::forms::Field {
                #models::forms::Field::new(name, #models::forms::FieldKind::Text).choices([#((#stored, #labels)),*])
            }
            fn read(entry: #models::forms::Entry) -> ::core::result::Result<Self, #models::forms::FieldError> {
                ::core::str::FromStr::from_str(entry.text()).map_err(|_| #models::forms::FieldError::unfit())
            }
            fn write(&self) -> ::std::vec::Vec<::std::string::String> {
                ::std::vec![::std::string::ToString::to_string(self.as_str())]
            }
        }
        impl #models::serde::Serialize for #name {
            fn serialize<S: #models::serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> #models::serde::Deserialize<'de> for #name {
            fn deserialize<D: #models::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'_, str> as #models::serde::Deserialize>::deserialize(deserializer)?;
                ::core::str::FromStr::from_str(&text).map_err(#models::serde::de::Error::custom)
            }
        }
        #models::__choice_expressions!(#name);
    })
}

/// A variant.
struct Choice<'a> {
    ident: &'a Ident,
    stored: String,
    label: String,
}

impl<'a> Choice<'a> {
    fn read(variant: &'a Variant) -> Result<Self> {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new(variant.fields.span(), "a choice has no fields"));
        }
        let mut stored = snake(&variant.ident.unraw().to_string());
        let mut shown = None;
        for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("choice")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("value") {
                    stored = meta.value()?.parse::<LitStr>()?.value();
                } else if meta.path.is_ident("label") {
                    shown = Some(meta.value()?.parse::<LitStr>()?.value());
                } else {
                    return Err(meta.error("a choice has `label` and `value`: #[choice(label = \"For everyone\", value = \"public\")]"));
                }
                Ok(())
            })?;
        }
        if stored.is_empty() {
            return Err(Error::new(variant.span(), "a choice cannot be stored as an empty text, which forms send if nothing is chosen"));
        }
        Ok(Choice { ident: &variant.ident, label: shown.unwrap_or_else(|| label(&stored)), stored })
    }
}

/// Returns the path of the module `lback::models`.
fn crate_path(attributes: &[Attribute]) -> Result<Path> {
    let mut models: Path = parse_quote!(::lback::models);
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("choice")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta.error("unknown attribute; `label` and `value` belong to a variant"));
            }
            models = meta.value()?.parse()?;
            Ok(())
        })?;
    }
    Ok(models)
}

#[cfg(test)]
mod tests {
    use syn::{DeriveInput, parse_quote};

    #[track_caller]
    fn assert_refused(input: &DeriveInput, says: &str) {
        let error = super::expand(input).map(|code| code.to_string()).expect_err("a mistake").to_string();
        assert!(error.contains(says), "{error:?} does not say {says:?}");
    }

    #[test]
    fn mistakes_are_explained() {
        assert_refused(
            &parse_quote!(
                struct State;
            ),
            "only for an enum",
        );
        assert_refused(
            &parse_quote!(
                enum State {}
            ),
            "at least one variant",
        );
        assert_refused(
            &parse_quote!(
                enum State {
                    Draft(u8),
                }
            ),
            "a choice has no fields",
        );
        assert_refused(
            &parse_quote!(
                enum State {
                    A,
                    #[choice(value = "a")]
                    B,
                }
            ),
            "two choices are stored as \"a\"",
        );
        assert_refused(
            &parse_quote!(
                enum State {
                    #[choice(name = "a")]
                    A,
                }
            ),
            "a choice has `label` and `value`",
        );
        assert_refused(
            &parse_quote!(
                enum State {
                    #[choice(value = "")]
                    A,
                }
            ),
            "cannot be stored as an empty text",
        );
    }
}
