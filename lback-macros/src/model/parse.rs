//! The struct as a table: its columns, its key, and its references.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, FieldsNamed, Ident, LitStr, Path, Result, Type, Visibility};

use super::decimals;
use super::field_options::{Auto, FieldOptions, Format, OnDelete};
use super::model_options::{Index, ModelOptions};
use super::names::{plural, snake};
use crate::types::{last_name, of_generic, of_option};

/// A struct that is a model.
pub(super) struct Parsed<'a> {
    pub(super) name: &'a Ident,
    pub(super) visibility: &'a Visibility,
    pub(super) options: ModelOptions,
    pub(super) table: String,
    /// The module that `diesel::table!` makes.
    pub(super) module: Ident,
    /// The struct of a row that is not in the database yet.
    pub(super) new: Ident,
    pub(super) fields: Vec<Field<'a>>,
}

/// A field, and its column.
pub(super) struct Field<'a> {
    pub(super) ident: &'a Ident,
    /// The name of the field, and that of the column in `diesel::table!`.
    pub(super) name: String,
    pub(super) ty: &'a Type,
    /// The type without its `Option`.
    pub(super) inner: &'a Type,
    pub(super) null: bool,
    pub(super) column: String,
    pub(super) options: FieldOptions,
    pub(super) is_key: bool,
    /// Whether the database numbers the rows.
    pub(super) is_numbered: bool,
}

impl Field<'_> {
    /// Whether the application gives a new row the value.
    pub(super) fn is_given(&self) -> bool {
        !self.is_numbered && self.options.auto.is_none()
    }

    /// Whether a new row must name the row that it refers to.
    pub(super) fn is_required_reference(&self) -> bool {
        self.options.references.is_some() && !self.null && self.options.default.is_none()
    }
}

impl<'a> Parsed<'a> {
    pub(super) fn read(input: &'a DeriveInput) -> Result<Self> {
        let named = named_fields(input)?;
        if !input.generics.params.is_empty() {
            return Err(Error::new(input.generics.span(), "a model has no type parameters or lifetimes"));
        }
        if !matches!(input.vis, Visibility::Public(_)) {
            return Err(Error::new(
                input.ident.span(),
                format!("a model must be `pub`, because its table is: write `pub struct {}`", input.ident),
            ));
        }
        let options = ModelOptions::read(&input.attrs)?;
        let name = &input.ident;
        let table = options.table.as_ref().map_or_else(|| plural(&snake(&name.unraw().to_string())), LitStr::value);
        let module = match &options.module {
            Some(module) => module.clone(),
            None => identifier(&table, options.table.as_ref().map_or(name.span(), LitStr::span))?,
        };
        let new = options.new.clone().unwrap_or_else(|| quote::format_ident!("New{}", name.unraw(), span = name.span()));
        let mut fields = Vec::new();
        for field in &named.named {
            if let Some(ident) = &field.ident {
                fields.push(self::field(ident, field)?);
            }
        }
        find_key(name, &mut fields)?;
        let model = Parsed { name, visibility: &input.vis, options, table, module, new, fields };
        model.check()?;
        Ok(model)
    }

    /// Returns the path of the module `lback::models`.
    pub(super) fn models(&self) -> &Path {
        &self.options.models
    }

    /// Returns the fields of the primary key.
    pub(super) fn key(&self) -> impl Iterator<Item = &Field<'a>> + Clone {
        self.fields.iter().filter(|field| field.is_key)
    }

    /// Returns the type of the primary key: that of its field, or a tuple.
    pub(super) fn key_type(&self) -> TokenStream {
        let types: Vec<_> = self.key().map(|field| field.ty).collect();
        match types.as_slice() {
            [one] => quote!(#one),
            several => quote!((#(#several),*)),
        }
    }

    /// Returns the field that is named in an attribute of the model.
    pub(super) fn field(&self, ident: &Ident) -> Result<&Field<'a>> {
        self.named(&ident.unraw().to_string(), ident.span())
    }

    /// Returns the fields of `order`, and whether each starts with the largest.
    pub(super) fn order(&self) -> Vec<(&Field<'a>, bool)> {
        // `check` has found them all.
        self.order_parts()
            .into_iter()
            .filter_map(|(name, descending, _)| Some((self.fields.iter().find(|field| field.name == name)?, descending)))
            .collect()
    }

    fn order_parts(&self) -> Vec<(String, bool, proc_macro2::Span)> {
        let Some(order) = &self.options.order else { return Vec::new() };
        let text = order.value();
        let parts = text.split(',').map(str::trim).map(|part| match part.strip_prefix('-') {
            Some(name) => (name.to_owned(), true, order.span()),
            None => (part.to_owned(), false, order.span()),
        });
        parts.collect()
    }

    fn named(&self, name: &str, span: proc_macro2::Span) -> Result<&Field<'a>> {
        self.fields.iter().find(|field| field.name == name).ok_or_else(|| {
            let names: Vec<_> = self.fields.iter().map(|field| field.name.as_str()).collect();
            Error::new(span, format!("`{}` has no field `{name}`; its fields are {}", self.name, names.join(", ")))
        })
    }

    /// Checks what the compiler would explain badly.
    fn check(&self) -> Result<()> {
        if self.fields.len() > MOST_FIELDS {
            let text = format!("a model can have at most {MOST_FIELDS} fields; move some into a model of their own, or into a Json");
            return Err(Error::new(self.name.span(), text));
        }
        for (at, field) in self.fields.iter().enumerate() {
            if self.module == field.name || RESERVED.contains(&field.name.as_str()) {
                let text = format!(
                    "the module of the table needs the name `{}` for itself; rename the field, and keep `column = \"{}\"`",
                    field.name, field.column
                );
                return Err(Error::new(field.ident.span(), text));
            }
            if self.fields[..at].iter().any(|other| other.column == field.column) {
                return Err(Error::new(field.ident.span(), format!("two fields have the column `{}`", field.column)));
            }
        }
        for field in &self.fields {
            check_field(field)?;
        }
        let of_indexes = self.options.indexes.iter().filter_map(|index| index.condition.as_ref());
        for condition in self.options.checks.iter().map(|check| &check.condition).chain(of_indexes) {
            decimals::check_condition(&self.fields, condition)?;
        }
        let mut versions = self.fields.iter().filter(|field| field.options.auto == Some(Auto::Version));
        if let Some(second) = versions.nth(1) {
            return Err(Error::new(second.ident.span(), "a model can have only one `version` field"));
        }
        for Index { fields, .. } in &self.options.indexes {
            for ident in fields {
                self.field(ident)?;
            }
        }
        if let Some(display) = &self.options.display {
            self.field(display)?;
        }
        if let (Some(link), true) = (self.options.links.first(), self.key().count() > 1) {
            return Err(Error::new(link.name.span(), "`many_to_many` requires a key of one field; write a model for the pairs"));
        }
        self.order_parts().into_iter().try_for_each(|(name, _, span)| self.named(&name, span).map(drop))
    }
}

/// The largest table for which Diesel is compiled.
const MOST_FIELDS: usize = 32;

/// Names in the module of a table.
const RESERVED: [&str; 5] = ["table", "star", "all_columns", "columns", "dsl"];

fn named_fields(input: &DeriveInput) -> Result<&FieldsNamed> {
    const EXAMPLE: &str = "a model must be a struct with named fields: pub struct Post { pub id: i64, pub title: String }";
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields),
            _ => Err(Error::new(input.ident.span(), EXAMPLE)),
        },
        Data::Enum(_) => {
            Err(Error::new(input.ident.span(), "a model must be a struct; an enum can be the type of a field, with #[derive(Choices)]"))
        }
        Data::Union(_) => Err(Error::new(input.ident.span(), EXAMPLE)),
    }
}

fn field<'a>(ident: &'a Ident, field: &'a syn::Field) -> Result<Field<'a>> {
    let options = FieldOptions::read(&field.attrs)?;
    let name = ident.unraw().to_string();
    let inner = of_option(&field.ty);
    Ok(Field {
        ident,
        ty: &field.ty,
        null: inner.is_some(),
        inner: inner.unwrap_or(&field.ty),
        column: options.column.as_ref().map_or_else(|| name.clone(), LitStr::value),
        name,
        options,
        is_key: false,
        is_numbered: false,
    })
}

/// Marks the fields of the primary key: those with `primary_key`, or else `id`.
fn find_key(model: &Ident, fields: &mut [Field<'_>]) -> Result<()> {
    let is_named = fields.iter().any(|field| field.options.primary_key);
    for field in fields.iter_mut() {
        field.is_key = if is_named { field.options.primary_key } else { field.name == "id" };
    }
    let keys = fields.iter().filter(|field| field.is_key).count();
    if keys == 0 {
        return Err(Error::new(
            model.span(),
            "a model needs a primary key: add a field `pub id: i64`, which the database numbers, or mark another with #[model(primary_key)]",
        ));
    }
    for field in fields.iter_mut().filter(|field| field.is_key) {
        if field.null {
            return Err(Error::new(field.ty.span(), "a primary key cannot be an Option"));
        }
        let is_id = keys == 1 && field.name == "id" && last_name(field.ty).is_some_and(|name| name == "i64");
        field.is_numbered = is_id && field.options.default.is_none() && field.options.references.is_none();
    }
    Ok(())
}

fn check_field(field: &Field<'_>) -> Result<()> {
    let options = &field.options;
    let error = |message: &str| Err(Error::new(field.ty.span(), message));
    if let Some(instead) = unsupported(field.inner) {
        return error(&instead);
    }
    let type_name = last_name(field.inner).unwrap_or_default();
    let is_text = type_name == "String";
    if !is_text && (options.max_length.is_some() || options.long || options.blank || options.format.is_some()) && is_known(&type_name) {
        return error(&format!("max_length, long, blank, email, url, slug, file and pattern are for a `String`, not for `{type_name}`"));
    }
    match options.auto {
        Some(Auto::Version) if field.null || (type_name != "i32" && type_name != "i64") => {
            return error("the type of a `version` field must be `i32` or `i64`");
        }
        Some(Auto::Now | Auto::NowAdd) if !["DateTime", "NaiveDateTime", "NaiveDate"].contains(&type_name.as_str()) => {
            return error("auto_now and auto_now_add are for a `DateTime<Utc>`, a `NaiveDateTime` or a `NaiveDate`");
        }
        _ => {}
    }
    if options.auto.is_some() && options.default.is_some() {
        return error("a field that is filled in automatically has no `default`");
    }
    if type_name == "Uuid" && !cfg!(feature = "uuid") {
        return error("a UUID requires the feature `uuid`: lback = { …, features = [\"uuid\"] } in Cargo.toml");
    }
    decimals::check(field)?;
    if (options.min.is_some() || options.max.is_some()) && !NUMBERS.contains(&type_name.as_str()) {
        return error(&format!("`min` and `max` are for numbers, not for `{type_name}`"));
    }
    match options.on_delete {
        Some(_) if options.references.is_none() => return error("`on_delete` belongs to a reference: add `references = User`"),
        Some(OnDelete::SetNull) if !field.null => {
            return error("`on_delete = set_null` requires an Option, which is None if the row is deleted");
        }
        _ => {}
    }
    if matches!(options.format, Some(Format::Pattern(_))) && !cfg!(feature = "pattern") {
        return error("`pattern` requires the feature `pattern`: lback = { …, features = [\"pattern\"] } in Cargo.toml");
    }
    Ok(())
}

/// The types that have `min` and `max`.
const NUMBERS: [&str; 6] = ["i16", "i32", "i64", "f32", "f64", "Decimal"];

/// Returns what to write instead of a type that no column has.
fn unsupported(ty: &Type) -> Option<String> {
    if matches!(ty, Type::Reference(_)) {
        return Some("a model owns its values: write `String` instead of a reference".to_owned());
    }
    if of_option(ty).is_some() {
        return Some("nested Options are not supported: write one Option".to_owned());
    }
    let name = last_name(ty)?;
    let instead = match name.as_str() {
        "i8" | "u8" => "i16",
        "u16" => "i32",
        "u32" | "u64" | "usize" | "isize" | "i128" | "u128" => "i64",
        "char" => "String",
        "Duration" if is_std(ty) => "chrono::TimeDelta",
        "Vec" if of_generic(ty, "Vec").and_then(last_name).is_none_or(|of| of != "u8") => "Json<Vec<…>>",
        "HashMap" | "BTreeMap" | "HashSet" | "BTreeSet" => "Json<…>",
        "DateTime" if of_generic(ty, "DateTime").and_then(last_name).is_some_and(|zone| zone != "Utc") => "DateTime<Utc>",
        _ => return None,
    };
    Some(format!("`{name}` has no column type; write `{instead}`"))
}

fn is_std(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.iter().any(|segment| segment.ident == "std"))
}

/// Returns whether the derive knows the type, so that it can tell that it is no text.
fn is_known(type_name: &str) -> bool {
    sql_type_of(type_name).is_some_and(|sql_type| sql_type != "Text")
}

/// Returns the SQL type of a type that the derive knows by name.
pub(super) fn sql_type_of(type_name: &str) -> Option<&'static str> {
    Some(match type_name {
        "String" => "Text",
        "i16" => "SmallInt",
        "i32" => "Integer",
        "i64" | "TimeDelta" | "Duration" => "BigInt",
        "f32" => "Float",
        "f64" => "Double",
        "bool" => "Bool",
        "NaiveDate" => "Date",
        "NaiveTime" => "Time",
        "NaiveDateTime" => "Timestamp",
        "DateTime" => "Timestamptz",
        "Vec" => "Binary",
        "Json" | "Value" => "Jsonb",
        "Uuid" => "Uuid",
        "Decimal" => "Decimal",
        _ => return None,
    })
}

fn identifier(table: &str, span: proc_macro2::Span) -> Result<Ident> {
    syn::parse_str::<Ident>(table)
        .map(|mut ident| {
            ident.set_span(span);
            ident
        })
        .map_err(|_| Error::new(span, format!("`{table}` cannot be the name of a module; name one: `module = …`")))
}
