//! Parses the `#[form(…)]` attributes.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::meta::ParseNestedMeta;
use syn::parse::Parse;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprPath, Ident, Path, Result, Type, parse_quote};

use super::rules::{FLAGS, Group, MESSAGES, NON_TEXT_TYPES, TEXT_ONLY, VALUES};
use crate::types::{last_name, of_option};

/// The rules of a field, as calls to the methods of `Field`.
#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) calls: TokenStream,
    names: Vec<String>,
    groups: Vec<Group>,
}

impl Rules {
    /// Parses the attributes of a field of type `ty`.
    pub(crate) fn read(attributes: &[Attribute], ty: &Type) -> Result<Self> {
        let mut rules = Rules::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("form")) {
            attribute.parse_nested_meta(|meta| rules.add(&meta, ty))?;
        }
        Ok(rules)
    }

    fn add(&mut self, meta: &ParseNestedMeta<'_>, ty: &Type) -> Result<()> {
        let name = name(meta)?;
        self.check(meta, &name, ty)?;
        if let Some((_, group)) = FLAGS.iter().find(|(flag, _)| *flag == name) {
            if meta.input.peek(syn::Token![=]) {
                return Err(meta.error(format!("`{name}` takes no value; write just `{name}`")));
            }
            if *group != Group::Rule && self.groups.iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(group)) {
                return Err(meta.error(format!("`{name}` conflicts with an earlier attribute of this field")));
            }
            self.groups.push(*group);
            let method = Ident::new(&name, meta.path.span());
            self.calls.extend(match group {
                Group::Kind(kind) => {
                    let kind = format_ident!("{kind}");
                    quote!(.kind(__forms::FieldKind::#kind))
                }
                _ => quote!(.#method()),
            });
        } else if name == "messages" {
            meta.parse_nested_meta(|meta| self.add_message(&meta))?;
        } else if VALUES.contains(&name.as_str()) {
            let call = call(meta, &name, ty)?;
            self.calls.extend(call);
        } else {
            let flags = FLAGS.iter().map(|(flag, _)| *flag);
            return Err(meta.error(format!("unknown attribute `{name}`; a field can have {}, messages", list(flags.chain(VALUES)))));
        }
        Ok(())
    }

    fn check(&mut self, meta: &ParseNestedMeta<'_>, name: &str, ty: &Type) -> Result<()> {
        if self.names.iter().any(|known| known == name) {
            return Err(meta.error(format!("duplicate attribute `{name}`")));
        }
        self.names.push(name.to_owned());
        let type_name = last_name(inner(ty)).unwrap_or_default();
        if TEXT_ONLY.contains(&name) && NON_TEXT_TYPES.contains(&type_name.as_str()) {
            return Err(meta.error(format!("`{name}` requires a text, but this field is of type `{type_name}`")));
        }
        if name == "required" && last_name(ty).is_some_and(|name| name == "Option") {
            return Err(meta.error("an Option may be left empty; remove either the Option or `required`"));
        }
        if name == "pattern" && !cfg!(feature = "pattern") {
            return Err(meta.error("`pattern` requires the feature `pattern`: lback = { …, features = [\"pattern\"] } in Cargo.toml"));
        }
        Ok(())
    }

    fn add_message(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let name = name(meta)?;
        let Some((_, rule)) = MESSAGES.iter().find(|(known, _)| *known == name) else {
            let known = MESSAGES.iter().map(|(name, _)| *name);
            return Err(meta.error(format!("unknown rule `{name}`; the rules are {}", list(known))));
        };
        let rule = format_ident!("{rule}");
        let message: Expr = meta.value()?.parse()?;
        self.calls.extend(quote!(.message(__forms::Rule::#rule, #message)));
        Ok(())
    }
}

/// Returns the method call of a rule that takes a value.
fn call(meta: &ParseNestedMeta<'_>, name: &str, ty: &Type) -> Result<TokenStream> {
    let value: Expr = meta.value()?.parse()?;
    let method = Ident::new(name, meta.path.span());
    Ok(match (name, &value) {
        // A function is called for each form, so that its result may change. A constant has a name in upper case.
        ("choices", Expr::Path(path)) if !is_constant(path) => quote!(.choices(#value())),
        // If the types do not match, the compiler points to the attribute.
        ("clean", _) => {
            let ty = inner(ty);
            quote!(.clean::<#ty, _>(#value))
        }
        _ => quote!(.#method(#value)),
    })
}

/// Returns whether a path names a constant rather than a function, by Rust's naming conventions.
fn is_constant(path: &ExprPath) -> bool {
    path.path.segments.last().is_some_and(|last| !last.ident.to_string().contains(char::is_lowercase))
}

/// The `#[form(…)]` attributes of the struct itself.
pub(crate) struct Options {
    /// The path of the module `lback::forms`.
    pub(crate) forms: Path,
    /// The function that validates the form as a whole.
    pub(crate) clean: Option<Expr>,
    /// The model whose fields these are.
    pub(crate) model: Option<Path>,
    /// The path of the module `lback::models`.
    pub(crate) models: Path,
}

impl Options {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let (mut forms, mut clean, mut model, mut models) = (None, None, None, None);
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("form")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("crate") {
                    set_once(&mut forms, &meta, "duplicate attribute `crate`")
                } else if meta.path.is_ident("clean") {
                    set_once(&mut clean, &meta, "duplicate attribute `clean`; one function can call another")
                } else if meta.path.is_ident("model") {
                    set_once(&mut model, &meta, "duplicate attribute `model`")
                } else if meta.path.is_ident("models") {
                    set_once(&mut models, &meta, "duplicate attribute `models`")
                } else {
                    Err(meta.error("unknown attribute; a form can have `model`, `clean` and `crate`, and all others belong to a field"))
                }
            })?;
        }
        Ok(Options {
            forms: forms.unwrap_or_else(|| parse_quote!(::lback::forms)),
            clean,
            model,
            models: models.unwrap_or_else(|| parse_quote!(::lback::models)),
        })
    }
}

fn set_once<T: Parse>(option: &mut Option<T>, meta: &ParseNestedMeta<'_>, twice: &str) -> Result<()> {
    if option.is_some() {
        return Err(meta.error(twice));
    }
    *option = Some(meta.value()?.parse()?);
    Ok(())
}

fn name(meta: &ParseNestedMeta<'_>) -> Result<String> {
    meta.path
        .get_ident()
        .map(Ident::to_string)
        .ok_or_else(|| Error::new(Span::call_site(), "the attributes in `#[form(…)]` must be plain names"))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// Returns the `T` of an `Option<T>`, or any other type unchanged.
fn inner(ty: &Type) -> &Type {
    of_option(ty).unwrap_or(ty)
}
