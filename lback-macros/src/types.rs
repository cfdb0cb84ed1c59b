//! Inspects types, for several derives.

use syn::{GenericArgument, PathArguments, Type};

/// Returns the `T` of an `Option<T>`.
pub(crate) fn of_option(ty: &Type) -> Option<&Type> {
    of_generic(ty, "Option")
}

/// Returns the `T` of a `name<T>`.
pub(crate) fn of_generic<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}

/// Returns the last segment of a type's path: `NaiveDate` for `chrono::NaiveDate`.
pub(crate) fn last_name(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    Some(path.path.segments.last()?.ident.to_string())
}
