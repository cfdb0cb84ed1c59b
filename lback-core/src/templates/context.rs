//! What a view hands to a template.

/// A template's variables: `context! { title, count => posts.len() }`.
///
/// A name alone stands for the variable of that name; the values are borrowed, and may be anything that is
/// [`Serialize`](serde::Serialize).
///
/// ```
/// use lback_core::context;
///
/// let title = String::from("Posts");
/// let context = context! { title, count => 3, tags => ["a", "b"] };
/// assert!(context.contains_key("count"));
/// assert_eq!(title, "Posts");
/// ```
#[macro_export]
macro_rules! context {
    ($($key:ident $(=> $value:expr)?),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut context = $crate::Context::new();
        $($crate::context!(@ context $key $($value)?);)*
        context
    }};
    (@ $context:ident $key:ident) => {
        $context.insert(stringify!($key), &$key)
    };
    (@ $context:ident $key:ident $value:expr) => {
        $context.insert(stringify!($key), &$value)
    };
}
