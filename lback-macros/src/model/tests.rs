//! Mistakes in models, and what the compiler says of them.

use syn::{DeriveInput, parse_quote};

use super::expand;

#[track_caller]
fn assert_refused(input: &DeriveInput, says: &str) {
    let error = expand(input).map(|code| code.to_string()).expect_err("a mistake").to_string();
    assert!(error.contains(says), "{error:?} does not say {says:?}");
}

/// A model with one more field.
macro_rules! field {
    ($($field:tt)*) => {
        parse_quote! {
            pub struct Post {
                pub id: i64,
                $($field)*
            }
        }
    };
}

#[test]
fn a_model_is_a_public_struct_with_a_key() {
    assert_refused(
        &parse_quote!(
            struct Post {
                id: i64,
            }
        ),
        "must be `pub`",
    );
    assert_refused(
        &parse_quote!(
            pub struct Post(i64);
        ),
        "named fields",
    );
    assert_refused(
        &parse_quote!(
            pub enum Post {
                A,
            }
        ),
        "#[derive(Choices)]",
    );
    assert_refused(
        &parse_quote!(
            pub struct Post<T> {
                id: T,
            }
        ),
        "no type parameters",
    );
    assert_refused(
        &parse_quote!(
            pub struct Post {
                title: String,
            }
        ),
        "needs a primary key",
    );
    assert_refused(
        &parse_quote!(
            pub struct Post {
                #[model(primary_key)]
                slug: Option<String>,
            }
        ),
        "cannot be an Option",
    );
}

#[test]
fn types_without_a_column_name_one_that_has() {
    let cases: [(DeriveInput, &str); 8] = [
        (field!(pub n: u32,), "write `i64`"),
        (field!(pub n: Option<u16>,), "write `i32`"),
        (field!(pub n: usize,), "write `i64`"),
        (field!(pub list: Vec<String>,), "write `Json<Vec<…>>`"),
        (field!(pub map: HashMap<String, i32>,), "write `Json<…>`"),
        (field!(pub at: DateTime<Local>,), "write `DateTime<Utc>`"),
        (field!(pub text: &'static str,), "write `String`"),
        (field!(pub twice: Option<Option<i64>>,), "write one Option"),
    ];
    for (input, says) in cases {
        assert_refused(&input, says);
    }
}

#[test]
fn attributes_that_do_not_fit_are_refused() {
    let cases: [(DeriveInput, &str); 16] = [
        (field!(#[model(colour)] pub a: String,), "unknown attribute `colour`; a field of a model can have primary_key"),
        (field!(#[model(unique, unique)] pub a: String,), "duplicate attribute `unique`"),
        (field!(#[model(unique = true)] pub a: String,), "write just `unique`"),
        (field!(#[model(max_length)] pub a: String,), "`max_length = 120`"),
        (field!(#[model(max_length = "x")] pub a: String,), "write `max_length = 120`"),
        (field!(#[model(max_length = 5)] pub a: i64,), "are for a `String`, not for `i64`"),
        (field!(#[model(email)] pub a: bool,), "are for a `String`, not for `bool`"),
        (field!(#[model(email, url)] pub a: String,), "one of `email`, `url`"),
        (field!(#[model(auto_now)] pub a: String,), "are for a `DateTime<Utc>`"),
        (field!(#[model(auto_now, auto_now_add)] pub a: DateTime<Utc>,), "one of `auto_now`"),
        (field!(#[model(version)] pub a: String,), "must be `i32`"),
        (field!(#[model(version, default = 3)] pub a: i32,), "has no `default`"),
        (field!(#[model(on_delete = cascade)] pub a: i64,), "add `references = User`"),
        (field!(#[model(references = User, on_delete = set_null)] pub a: i64,), "requires an Option"),
        (field!(#[model(references = User, on_delete = explode)] pub a: i64,), "is `restrict`, `cascade` or `set_null`"),
        (field!(#[model(version)] pub a: i32, #[model(version)] pub b: i32,), "only one `version`"),
    ];
    for (input, says) in cases {
        assert_refused(&input, says);
    }
}

#[test]
fn attributes_of_the_model_name_its_fields() {
    /// A model with this attribute.
    macro_rules! model {
        ($($attribute:tt)*) => {
            parse_quote! {
                #[model($($attribute)*)]
                pub struct Post { pub id: i64, pub title: String }
            }
        };
    }
    let cases: [(DeriveInput, &str); 9] = [
        (model!(order = "-created"), "`Post` has no field `created`; its fields are id, title"),
        (model!(display = name), "`Post` has no field `name`"),
        (model!(index(titel)), "`Post` has no field `titel`"),
        (model!(index()), "name the fields"),
        (model!(index), "write `index(state, published_at)`"),
        (model!(unique = "title"), "write `unique(state, published_at)`"),
        (model!(colour), "unknown attribute `colour`; a model can have table"),
        (model!(table = "my posts"), "cannot be the name of a module; name one: `module = …`"),
        (model!(many_to_many(members: User, by = Membership)), "through = Membership"),
    ];
    for (input, says) in cases {
        assert_refused(&input, says);
    }
}
