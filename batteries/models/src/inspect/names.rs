//! Names in Rust for those of a database.

/// The words that cannot be names in Rust, and those that have a meaning in a model's module.
const RESERVED: [&str; 57] = [
    "abstract",
    "all_columns",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "columns",
    "const",
    "continue",
    "crate",
    "do",
    "dsl",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "self",
    "Self",
    "star",
    "static",
    "struct",
    "super",
    "table",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// The types that the models use, whose names a struct or an enum beside them cannot have.
pub(super) const USED: [&str; 19] = [
    "DateTime",
    "Decimal",
    "Err",
    "Json",
    "NaiveDate",
    "NaiveDateTime",
    "NaiveTime",
    "None",
    "Ok",
    "Option",
    "Result",
    "Self",
    "Some",
    "String",
    "TimeDelta",
    "Utc",
    "Uuid",
    "Value",
    "Vec",
];

/// Returns the name, with a number if it is not free.
pub(super) fn free_name(name: String, is_free: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name}{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| is_free(name)).unwrap_or(name)
}

/// Returns a name in snake case that Rust accepts.
pub(super) fn field_name(name: &str) -> String {
    let words = words(name).join("_").to_lowercase();
    match words.chars().next() {
        None => "unnamed".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("n{words}"),
        Some(_) if RESERVED.contains(&words.as_str()) => format!("{words}_"),
        Some(_) => words,
    }
}

/// Returns whether Rust accepts the name as it is.
pub(super) fn is_plain(name: &str) -> bool {
    field_name(name) == name
}

/// Returns a name in camel case for the singular of a table.
pub(super) fn struct_name(table: &str) -> String {
    camel(&singular(&field_name(table)))
}

/// Returns the words of a name in camel case.
pub(super) fn camel(name: &str) -> String {
    let words = words(name).into_iter().map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    });
    let name: String = words.collect();
    match name.chars().next() {
        Some(first) if first.is_alphabetic() => name,
        _ => format!("N{name}"),
    }
}

fn words(name: &str) -> Vec<&str> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

/// Returns the singular of the name of a table, whose plural the derive makes.
fn singular(name: &str) -> String {
    let ends_in = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    for (plural, singular) in [("people", "person"), ("children", "child"), ("ies", "y")] {
        if let Some(stem) = name.strip_suffix(plural) {
            return format!("{stem}{singular}");
        }
    }
    match name.strip_suffix('s') {
        Some(stem) if ends_in(&["ses", "xes", "zes", "ches", "shes"]) => stem.strip_suffix('e').unwrap_or(stem).to_owned(),
        Some(stem) if !ends_in(&["ss", "us", "is"]) => stem.to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_in_rust() {
        let tables = ["posts", "blog_categories", "boxes", "addresses", "people", "status", "iso countries", "2fa", "news_series"];
        let names = ["Post", "BlogCategory", "Box", "Address", "Person", "Status", "IsoCountry", "N2fa", "NewsSery"];
        assert_eq!(tables.map(struct_name), names);
    }

    #[test]
    fn columns_are_named_in_rust() {
        let columns = ["title", "type", "the name", "userId", "2fa", "é", ""];
        assert_eq!(columns.map(field_name), ["title", "type_", "the_name", "userid", "n2fa", "unnamed", "unnamed"]);
    }
}
