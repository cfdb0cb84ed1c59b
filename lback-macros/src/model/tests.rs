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
    let cases: [(DeriveInput, &str); 19] = [
        (field!(#[model(colour)] pub a: String,), "unknown attribute `colour`; a field of a model can have primary_key"),
        (field!(#[model(unique, unique)] pub a: String,), "duplicate attribute `unique`"),
        (field!(#[model(unique = true)] pub a: String,), "write just `unique`"),
        (field!(#[model(max_length)] pub a: String,), "`max_length = 120`"),
        (field!(#[model(max_length = "x")] pub a: String,), "write `max_length = 120`"),
        (field!(#[model(max_length = 5)] pub a: i64,), "are for a `String`, not for `i64`"),
        (field!(#[model(max_digits = 5)] pub a: i64,), "`max_digits` and `decimal_places` are for a `Decimal`"),
        (field!(#[model(min = 5)] pub a: String,), "`min` and `max` are for numbers, not for `String`"),
        (field!(#[model(max = 5)] pub a: bool,), "`min` and `max` are for numbers, not for `bool`"),
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
fn a_decimal_needs_its_digits() {
    if !cfg!(feature = "decimal") {
        assert_refused(&field!(pub a: Decimal,), "features = [\"decimal\"]");
        return;
    }
    let cases: [(DeriveInput, &str); 12] = [
        (field!(pub a: Decimal,), "#[model(max_digits = 10, decimal_places = 2)]"),
        (field!(#[model(max_digits = 10)] pub a: Option<Decimal>,), "needs its digits"),
        (field!(#[model(max_digits = 19, decimal_places = 2)] pub a: Decimal,), "1 to 18 digits"),
        (field!(#[model(max_digits = 0, decimal_places = 0)] pub a: Decimal,), "1 to 18 digits"),
        (field!(#[model(max_digits = 2, decimal_places = 3)] pub a: Decimal,), "no more places than digits"),
        (field!(#[model(max_digits = 4, decimal_places = 2, default = 0.001)] pub a: Decimal,), "0.001 does not fit 4 digits, 2 of them"),
        (field!(#[model(max_digits = 4, decimal_places = 2, min = -100)] pub a: Decimal,), "-100 does not fit"),
        (field!(#[model(max_digits = 4, decimal_places = 2, max = 1e1)] pub a: Decimal,), "write a number such as 9.95"),
        (field!(#[model(max_digits = 4, decimal_places = 2, max = MOST)] pub a: Decimal,), "are numbers such as 9.95"),
        (
            parse_quote! {
                #[model(check(dear = "price > 0.5 OR price = 0"))]
                pub struct Post { pub id: i64, #[model(max_digits = 4, decimal_places = 2)] pub price: Decimal }
            },
            "a condition with a Decimal cannot contain the number 0.5: SQLite stores `price` in units of its last place",
        ),
        (
            parse_quote! {
                #[model(index(price, condition = "price > 5"))]
                pub struct Post { pub id: i64, #[model(max_digits = 4, decimal_places = 2)] pub price: Decimal }
            },
            "cannot contain the number 5",
        ),
        (
            parse_quote! {
                #[model(unique(sku, condition = "price <= 9.95"))]
                pub struct Post { pub id: i64, pub sku: String, #[model(max_digits = 4, decimal_places = 2)] pub price: Decimal }
            },
            "cannot contain the number 9.95",
        ),
    ];
    for (input, says) in cases {
        assert_refused(&input, says);
    }
    let fits: DeriveInput = parse_quote! {
        #[model(check(discount = "price <= list_price AND price >= 0"), index(price, condition = "price > 0"))]
        pub struct Post {
            pub id: i64,
            #[model(max_digits = 4, decimal_places = 2, default = -99.9, min = -99.99)]
            pub price: Decimal,
            #[model(max_digits = 4, decimal_places = 2, default = computed())]
            pub list_price: Decimal,
        }
    };
    assert!(expand(&fits).is_ok());
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
