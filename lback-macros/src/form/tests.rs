use syn::{DeriveInput, parse_quote};

use super::expand;

/// What the compiler says of `input`.
fn error(input: &DeriveInput) -> String {
    expand(input).expect_err("this should not compile").to_string()
}

/// What it says of one field.
fn of_field(field: &str) -> String {
    error(&syn::parse_str(&format!("struct Post {{ {field} }}")).expect("a struct"))
}

#[test]
fn a_form_is_a_struct_with_names() {
    assert!(
        error(&parse_quote!(
            struct Post(String);
        ))
        .starts_with("a form is a struct whose fields have names")
    );
    assert!(
        error(&parse_quote!(
            struct Post;
        ))
        .starts_with("a form is a struct whose fields have names")
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
fn what_is_misspelled_is_named_with_what_there_is() {
    let message = of_field("#[form(maxlength = 3)] title: String");
    assert!(message.starts_with("a field has no `maxlength`; it can have email, password,") && message.contains("max_length"), "{message}");
    let message = of_field("#[form(messages(require = \"x\"))] title: String");
    assert!(message.starts_with("there is no rule `require`; there are required, once,"), "{message}");
    let message = error(&parse_quote! { #[form(label = "x")] struct Post { title: String } });
    assert_eq!(message, "a form can have `clean`; everything else belongs to a field");
}

#[test]
fn what_does_not_fit_the_type_is_refused() {
    assert_eq!(of_field("#[form(max_length = 3)] rating: i32"), "`max_length` is for texts, and this is a `i32`");
    assert_eq!(of_field("#[form(textarea)] day: Option<chrono::NaiveDate>"), "`textarea` is for texts, and this is a `NaiveDate`");
    assert!(of_field("#[form(required)] title: Option<String>").starts_with("an Option may be left empty"));
}

#[test]
fn what_is_said_twice_is_refused() {
    assert_eq!(of_field("#[form(label = \"a\", label = \"b\")] title: String"), "`label` is there twice");
    assert_eq!(of_field("#[form(label = \"a\")] #[form(label = \"b\")] title: String"), "`label` is there twice");
    assert_eq!(of_field("#[form(email, url)] title: String"), "a field is one thing only, and `url` comes after another");
    assert_eq!(of_field("#[form(radio, textarea)] title: String"), "a field is one thing only, and `textarea` comes after another");
    assert!(error(&parse_quote! { #[form(clean = a, clean = b)] struct Post { title: String } }).starts_with("`clean` is there twice"));
}

#[test]
fn a_word_takes_no_value_and_the_rest_takes_one() {
    assert_eq!(of_field("#[form(email = true)] title: String"), "`email` takes no value; write it alone");
    assert!(of_field("#[form(label)] title: String").contains('='));
}

#[test]
fn names_that_templates_need_are_refused() {
    assert_eq!(of_field("errors: String"), "a template finds something of the form itself under `form.errors`; rename the field");
}

#[test]
fn a_pattern_needs_its_feature() {
    let pattern = expand(&parse_quote! { struct Post { #[form(pattern = "a")] title: String } });
    assert_eq!(pattern.is_ok(), cfg!(feature = "pattern"));
}
