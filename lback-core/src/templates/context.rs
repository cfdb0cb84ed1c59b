//! The variables that a view passes to a template.

/// Creates the variables of a template: `context! { title, count => posts.len() }`.
///
/// A name on its own stands for the variable of that name. Values are borrowed and can have any type that implements
/// [`Serialize`](serde::Serialize).
///
/// ```
/// use lback::templates::context;
///
/// let title = String::from("Posts");
/// let context = context! { title, count => 3, tags => ["a", "b"] };
/// assert!(context.contains_key("count"));
/// assert_eq!(title, "Posts");
/// ```
#[macro_export]
macro_rules! context {
    ($($key:ident $(=> $value:expr)?),* $(,)?) => {{
        #[allow(unused_mut, reason = "nothing is inserted into an empty context")]
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
