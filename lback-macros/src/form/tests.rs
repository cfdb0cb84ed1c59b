use syn::{DeriveInput, parse_quote};

use super::expand;

/// Returns the compile error of `input`.
fn error(input: &DeriveInput) -> String {
    expand(input).expect_err("this should not compile").to_string()
}

/// Returns the compile error of a struct with one field.
fn field_error(field: &str) -> String {
    error(&syn::parse_str(&format!("struct Post {{ {field} }}")).expect("a struct"))
}

#[test]
fn only_structs_with_named_fields_are_accepted() {
    assert!(
        error(&parse_quote!(
            struct Post(String);
        ))
        .starts_with("a form must be a struct with named fields")
    );
    assert!(
        error(&parse_quote!(
            struct Post;
        ))
        .starts_with("a form must be a struct with named fields")
    );
    assert!(
        error(&parse_quote!(
            enum Status {
                Draft,
            }
        ))
        .contains("lback::forms::FieldType")
    );
}

#[test]
fn unknown_names_are_rejected_with_the_known_ones() {
    let message = field_error("#[form(maxlength = 3)] title: String");
    assert!(
        message.starts_with("unknown attribute `maxlength`; a field can have email, password,") && message.contains("max_length"),
        "{message}"
    );
    let message = field_error("#[form(messages(require = \"x\"))] title: String");
    assert!(message.starts_with("unknown rule `require`; the rules are required, once,"), "{message}");
    let message = error(&parse_quote! { #[form(label = "x")] struct Post { title: String } });
    assert_eq!(message, "unknown attribute; a form can have `model`, `clean` and `crate`, and all others belong to a field");
}

#[test]
fn attributes_that_do_not_fit_the_type_are_rejected() {
    assert_eq!(field_error("#[form(max_length = 3)] rating: i32"), "`max_length` requires a text, but this field is of type `i32`");
    assert_eq!(
        field_error("#[form(textarea)] day: Option<chrono::NaiveDate>"),
        "`textarea` requires a text, but this field is of type `NaiveDate`"
    );
    assert!(field_error("#[form(required)] title: Option<String>").starts_with("an Option may be left empty"));
}

#[test]
fn duplicate_and_conflicting_attributes_are_rejected() {
    assert_eq!(field_error("#[form(label = \"a\", label = \"b\")] title: String"), "duplicate attribute `label`");
    assert_eq!(field_error("#[form(label = \"a\")] #[form(label = \"b\")] title: String"), "duplicate attribute `label`");
    assert_eq!(field_error("#[form(email, url)] title: String"), "`url` conflicts with an earlier attribute of this field");
    assert_eq!(field_error("#[form(radio, textarea)] title: String"), "`textarea` conflicts with an earlier attribute of this field");
    assert!(
        error(&parse_quote! { #[form(clean = a, clean = b)] struct Post { title: String } }).starts_with("duplicate attribute `clean`")
    );
}

#[test]
fn flags_take_no_value_and_other_attributes_require_one() {
    assert_eq!(field_error("#[form(email = true)] title: String"), "`email` takes no value; write just `email`");
    assert!(field_error("#[form(label)] title: String").contains('='));
}

#[test]
fn reserved_field_names_are_rejected() {
    assert!(field_error("errors: String").starts_with("the name is reserved, because templates use `form.errors`"));
}

#[test]
fn pattern_requires_its_feature() {
    let pattern = expand(&parse_quote! { struct Post { #[form(pattern = "a")] title: String } });
    assert_eq!(pattern.is_ok(), cfg!(feature = "pattern"));
}
