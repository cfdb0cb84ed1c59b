//! Every Rust snippet of the guide and of the README is a documentation test of this crate:
//!
//! ```text
//! cargo test --doc -p lback-guide
//! ```
//!
//! What else the guide says of files, settings and links is checked in `tests/guide.rs`.

macro_rules! chapters {
    ($($name:ident $file:literal;)*) => {$(
        #[cfg(doctest)]
        #[doc = include_str!($file)]
        mod $name {}
    )*};
}

chapters! {
    readme "../README.md";
    introduction "src/introduction.md";
    getting_started "src/getting-started.md";
    views "src/views.md";
    routing "src/routing.md";
    middleware "src/middleware.md";
    templates "src/templates.md";
    settings "src/settings.md";
    sessions "src/sessions.md";
    database "src/database.md";
    testing "src/testing.md";
    deployment "src/deployment.md";
}
