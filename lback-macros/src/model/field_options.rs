//! The attributes of a field.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::parse::Parse;
use syn::{Attribute, Expr, Ident, LitInt, LitStr, Result, Type};

/// What `#[model(…)]` says of a field.
#[derive(Default)]
pub(crate) struct FieldOptions {
    pub(crate) primary_key: bool,
    pub(crate) column: Option<LitStr>,
    pub(crate) sql_type: Option<Type>,
    pub(crate) label: Option<LitStr>,
    pub(crate) help: Option<LitStr>,
    pub(crate) max_length: Option<LitInt>,
    pub(crate) max_digits: Option<LitInt>,
    pub(crate) decimal_places: Option<LitInt>,
    pub(crate) min: Option<Expr>,
    pub(crate) max: Option<Expr>,
    pub(crate) format: Option<Format>,
    pub(crate) long: bool,
    pub(crate) blank: bool,
    pub(crate) hidden: bool,
    pub(crate) unique: bool,
    pub(crate) index: bool,
    pub(crate) default: Option<Expr>,
    pub(crate) auto: Option<Auto>,
    pub(crate) references: Option<Type>,
    pub(crate) on_delete: Option<OnDelete>,
    pub(crate) no_join: bool,
    pub(crate) clean: Option<Expr>,
}

/// What a text must look like.
pub(crate) enum Format {
    Email,
    Url,
    Slug,
    File,
    Image,
    Pattern(LitStr),
}

/// Who gives a field its value, other than the application.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auto {
    Now,
    NowAdd,
    Version,
}

/// What happens if the row that a field refers to is deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDelete {
    Restrict,
    Cascade,
    SetNull,
}

const ALL: &str = "primary_key, column, sql_type, label, help, max_length, max_digits, decimal_places, min, max, long, blank, email, url, slug, file, image, pattern, hidden, unique, index, \
                   default, auto_now, auto_now_add, version, references, on_delete, no_join, clean";

impl FieldOptions {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut options = FieldOptions::default();
        let mut names = Vec::new();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("model")) {
            attribute.parse_nested_meta(|meta| {
                let name = name(&meta)?;
                if names.contains(&name) {
                    return Err(meta.error(format!("duplicate attribute `{name}`")));
                }
                options.add(&meta, &name)?;
                names.push(name);
                Ok(())
            })?;
        }
        Ok(options)
    }

    fn add(&mut self, meta: &ParseNestedMeta<'_>, name: &str) -> Result<()> {
        match name {
            "primary_key" => self.primary_key = flag(meta, name)?,
            "long" => self.long = flag(meta, name)?,
            "blank" => self.blank = flag(meta, name)?,
            "hidden" => self.hidden = flag(meta, name)?,
            "unique" => self.unique = flag(meta, name)?,
            "index" => self.index = flag(meta, name)?,
            "no_join" => self.no_join = flag(meta, name)?,
            "auto_now" => self.set_auto(meta, name, Auto::Now)?,
            "auto_now_add" => self.set_auto(meta, name, Auto::NowAdd)?,
            "version" => self.set_auto(meta, name, Auto::Version)?,
            "email" => self.set_format(meta, name, Format::Email)?,
            "url" => self.set_format(meta, name, Format::Url)?,
            "slug" => self.set_format(meta, name, Format::Slug)?,
            "file" => self.set_format(meta, name, Format::File)?,
            "image" => self.set_format(meta, name, Format::Image)?,
            "pattern" => {
                let pattern = value(meta, name, "\"[A-Z]{2}[0-9]+\"")?;
                self.put_format(meta, Format::Pattern(pattern))?;
            }
            "column" => self.column = Some(value(meta, name, "\"the name of the column\"")?),
            "sql_type" => self.sql_type = Some(value(meta, name, "BigInt")?),
            "label" => self.label = Some(value(meta, name, "\"Published on\"")?),
            "help" => self.help = Some(value(meta, name, "\"a hint\"")?),
            "max_length" => self.max_length = Some(value(meta, name, "120")?),
            "max_digits" => self.max_digits = Some(value(meta, name, "10")?),
            "decimal_places" => self.decimal_places = Some(value(meta, name, "2")?),
            "min" => self.min = Some(value(meta, name, "0")?),
            "max" => self.max = Some(value(meta, name, "100")?),
            "default" => self.default = Some(value(meta, name, "0")?),
            "clean" => self.clean = Some(value(meta, name, "a_function")?),
            "references" => self.references = Some(value(meta, name, "User")?),
            "on_delete" => self.on_delete = Some(on_delete(meta)?),
            _ => return Err(meta.error(format!("unknown attribute `{name}`; a field of a model can have {ALL}"))),
        }
        Ok(())
    }

    fn set_auto(&mut self, meta: &ParseNestedMeta<'_>, name: &str, auto: Auto) -> Result<()> {
        flag(meta, name)?;
        if self.auto.replace(auto).is_some() {
            return Err(meta.error("a field is one of `auto_now`, `auto_now_add` and `version`"));
        }
        Ok(())
    }

    fn set_format(&mut self, meta: &ParseNestedMeta<'_>, name: &str, format: Format) -> Result<()> {
        flag(meta, name)?;
        self.put_format(meta, format)
    }

    fn put_format(&mut self, meta: &ParseNestedMeta<'_>, format: Format) -> Result<()> {
        if self.format.replace(format).is_some() {
            return Err(meta.error("a field is one of `email`, `url`, `slug`, `file`, `image` and `pattern`"));
        }
        Ok(())
    }
}

fn on_delete(meta: &ParseNestedMeta<'_>) -> Result<OnDelete> {
    let chosen: Ident = value(meta, "on_delete", "cascade")?;
    match chosen.to_string().as_str() {
        "restrict" => Ok(OnDelete::Restrict),
        "cascade" => Ok(OnDelete::Cascade),
        "set_null" => Ok(OnDelete::SetNull),
        _ => Err(syn::Error::new(chosen.span(), "`on_delete` is `restrict`, `cascade` or `set_null`")),
    }
}

/// Returns the name of an attribute.
pub(super) fn name(meta: &ParseNestedMeta<'_>) -> Result<String> {
    meta.path
        .get_ident()
        .map(Ident::to_string)
        .ok_or_else(|| syn::Error::new(Span::call_site(), "the attributes in `#[model(…)]` must be plain names"))
}

/// Reads an attribute without a value.
pub(super) fn flag(meta: &ParseNestedMeta<'_>, name: &str) -> Result<bool> {
    if meta.input.peek(syn::Token![=]) || meta.input.peek(syn::token::Paren) {
        return Err(meta.error(format!("`{name}` takes no value; write just `{name}`")));
    }
    Ok(true)
}

/// Reads an attribute with a value, such as the example.
pub(super) fn value<T: Parse>(meta: &ParseNestedMeta<'_>, name: &str, example: &str) -> Result<T> {
    let value = meta.value().map_err(|_| meta.error(format!("`{name}` takes a value: `{name} = {example}`")))?;
    let span = value.span();
    value.parse().map_err(|_| syn::Error::new(span, format!("write `{name} = {example}`")))
}
