//! The application's list of middleware.

use super::{IntoMiddleware, Layer};
use crate::{Error, Result};

/// The middleware of an application, outermost first.
///
/// ```
/// use lback_core::middleware::{Errors, RequestLog, Stack};
/// use lback_core::{Next, Request, Response, Result};
///
/// async fn hello(req: &mut Request, next: Next<'_>) -> Result<Response> { next.run(req).await }
///
/// let mut stack = Stack::new();
/// stack.push(RequestLog).push(Errors).insert_after("RequestLog", hello).unwrap();
/// assert_eq!(stack.names().collect::<Vec<_>>(), ["RequestLog", "hello", "Errors"]);
/// ```
#[derive(Clone, Default)]
pub struct Stack {
    layers: Vec<Layer>,
    /// What brings a middleware that an application may leave out.
    brought: Vec<(&'static str, &'static str)>,
}

impl Stack {
    /// A stack without a layer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a middleware inside all that are there, next to the view.
    pub fn push<Kind>(&mut self, middleware: impl IntoMiddleware<Kind>) -> &mut Self {
        self.layers.push(middleware.into_middleware());
        self
    }

    /// Adds a middleware directly outside the one called `name`.
    ///
    /// # Errors
    /// Where there is none of that name; the same holds for the other methods that take one.
    #[track_caller]
    pub fn insert_before<Kind>(&mut self, name: &str, middleware: impl IntoMiddleware<Kind>) -> Result<&mut Self> {
        let at = self.position(name)?;
        self.layers.insert(at, middleware.into_middleware());
        Ok(self)
    }

    /// Adds a middleware directly inside the one called `name`.
    #[track_caller]
    pub fn insert_after<Kind>(&mut self, name: &str, middleware: impl IntoMiddleware<Kind>) -> Result<&mut Self> {
        let at = self.position(name)?;
        self.layers.insert(at + 1, middleware.into_middleware());
        Ok(self)
    }

    /// Puts a middleware in the place of the one called `name`.
    #[track_caller]
    pub fn replace<Kind>(&mut self, name: &str, middleware: impl IntoMiddleware<Kind>) -> Result<&mut Self> {
        let at = self.position(name)?;
        self.layers[at] = middleware.into_middleware();
        Ok(self)
    }

    /// Takes the middleware called `name` out.
    #[track_caller]
    pub fn remove(&mut self, name: &str) -> Result<&mut Self> {
        let at = self.position(name)?;
        self.layers.remove(at);
        Ok(self)
    }

    /// Says what an application writes to have the middleware called `name`, for the error where one requires it that is
    /// nowhere: `stack.brought_by("AuthMiddleware", "App::new(urls).auth()")`.
    pub fn brought_by(&mut self, name: &'static str, line: &'static str) -> &mut Self {
        self.brought.push((name, line));
        self
    }

    /// The names, outermost first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.layers.iter().map(Layer::name)
    }

    /// Is there a middleware of this name?
    pub fn contains(&self, name: &str) -> bool {
        self.names().any(|layer| layer == name)
    }

    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    #[track_caller]
    fn position(&self, name: &str) -> Result<usize> {
        self.names().position(|layer| layer == name).ok_or_else(|| {
            let names = self.names().collect::<Vec<_>>().join(", ");
            Error::internal(format!("there is no middleware called {name}; the stack holds {names}"))
        })
    }
}

/// Checks that every layer, of the stack and of a route inside it, stands inside those it requires.
pub(crate) fn check_order(layers: &[Layer], stack: &Stack) -> Result<(), String> {
    for (at, layer) in layers.iter().enumerate() {
        for required in layer.requires() {
            if layers[..at].iter().any(|outer| outer.name() == *required) {
                continue;
            }
            let name = layer.name();
            let is_there = layers.iter().any(|other| other.name() == *required);
            if let Some((_, line)) = stack.brought.iter().find(|(brought, _)| brought == required && !is_there) {
                return Err(format!("the middleware {name} needs {required}, which is missing. Write {line}"));
            }
            let order = layers.iter().map(Layer::name).collect::<Vec<_>>().join(" → ");
            return Err(format!(
                "the middleware {name} needs {required} outside it, and the order is {order}. Put {required} before {name}"
            ));
        }
    }
    Ok(())
}
