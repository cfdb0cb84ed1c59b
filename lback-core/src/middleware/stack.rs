//! The application's middleware stack.

use super::{IntoMiddleware, Layer};
use crate::{ProgramError, ProgramResult};

/// A position in the middleware stack, outermost first. Middleware in the same slot keeps the order in which it was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Slot {
    /// The outermost position: sees every request and the final response, including errors. For middleware such as a request
    /// log.
    Edge,
    /// Turns errors into error pages.
    Errors,
    /// Rejects requests for unknown hosts.
    Host,
    /// Serves files before the request reaches the application.
    Files,
    /// Opens the unit of work of the database.
    Unit,
    /// Opens the session.
    Session,
    /// Identifies the current user.
    User,
    /// Reads the body, unless middleware further in refuses the request based on its head.
    Body,
    /// Rejects forged forms.
    Csrf,
    /// Runs once the current user is known. For most batteries and the application's own middleware.
    App,
    /// The innermost position, directly around the view. For middleware such as the view's timeout.
    View,
}

/// An application's middleware, outermost first.
///
/// ```
/// use lback::{Request, Response, Result};
/// use lback::middleware::{Errors, Next, RequestLog, Stack};
///
/// async fn hello(req: &mut Request, next: Next<'_>) -> Result<Response> { next.run(req).await }
///
/// let mut stack = Stack::new();
/// stack.push(RequestLog).push(Errors).insert_after("RequestLog", hello).unwrap();
/// assert_eq!(stack.names().collect::<Vec<_>>(), ["RequestLog", "hello", "Errors"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stack {
    layers: Vec<(Slot, Layer)>,
}

impl Stack {
    /// Creates an empty stack.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a middleware inside all others, next to the view.
    pub fn push<Kind>(&mut self, middleware: impl IntoMiddleware<Kind>) -> &mut Self {
        let slot = self.layers.last().map_or(Slot::App, |(slot, _)| *slot);
        self.layers.push((slot, middleware.into_middleware()));
        self
    }

    /// Adds a middleware outside all others.
    ///
    /// ```
    /// use lback::middleware::{Errors, LiveReload, Stack};
    ///
    /// let mut stack = Stack::new();
    /// stack.push(Errors).wrap(LiveReload::new());
    /// assert_eq!(stack.names().collect::<Vec<_>>(), ["LiveReload", "Errors"]);
    /// ```
    pub fn wrap<Kind>(&mut self, middleware: impl IntoMiddleware<Kind>) -> &mut Self {
        self.layers.insert(0, (Slot::Edge, middleware.into_middleware()));
        self
    }

    /// Adds a middleware to `slot`, inside those that are already in it.
    ///
    /// ```
    /// use lback::middleware::{Errors, RequestLog, Slot, Stack, Timeout};
    ///
    /// let mut stack = Stack::new();
    /// stack.place(Slot::View, Timeout).place(Slot::Edge, RequestLog).place(Slot::Errors, Errors);
    /// assert_eq!(stack.names().collect::<Vec<_>>(), ["RequestLog", "Errors", "Timeout"]);
    /// ```
    pub fn place<Kind>(&mut self, slot: Slot, middleware: impl IntoMiddleware<Kind>) -> &mut Self {
        let at = self.layers.iter().rposition(|(other, _)| *other <= slot).map_or(0, |last| last + 1);
        self.layers.insert(at, (slot, middleware.into_middleware()));
        self
    }

    /// Adds a middleware directly outside the one called `name`.
    ///
    /// # Errors
    /// Returns an error if no middleware has that name. The same applies to the other methods that take a name.
    pub fn insert_before<Kind>(&mut self, name: &str, middleware: impl IntoMiddleware<Kind>) -> ProgramResult<&mut Self> {
        let at = self.position(name)?;
        self.layers.insert(at, (self.layers[at].0, middleware.into_middleware()));
        Ok(self)
    }

    /// Adds a middleware directly inside the one called `name`.
    pub fn insert_after<Kind>(&mut self, name: &str, middleware: impl IntoMiddleware<Kind>) -> ProgramResult<&mut Self> {
        let at = self.position(name)?;
        self.layers.insert(at + 1, (self.layers[at].0, middleware.into_middleware()));
        Ok(self)
    }

    /// Replaces the middleware called `name`.
    pub fn replace<Kind>(&mut self, name: &str, middleware: impl IntoMiddleware<Kind>) -> ProgramResult<&mut Self> {
        let at = self.position(name)?;
        self.layers[at].1 = middleware.into_middleware();
        Ok(self)
    }

    /// Removes the middleware called `name`.
    pub fn remove(&mut self, name: &str) -> ProgramResult<&mut Self> {
        let at = self.position(name)?;
        self.layers.remove(at);
        Ok(self)
    }

    /// Returns the names, outermost first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.layers.iter().map(|(_, layer)| layer.name())
    }

    /// Returns whether the stack contains a middleware with this name.
    pub fn contains(&self, name: &str) -> bool {
        self.names().any(|layer| layer == name)
    }

    /// Returns the number of layers in the slots before `slot`.
    pub(crate) fn count_before(&self, slot: Slot) -> usize {
        self.layers.iter().position(|(other, _)| *other >= slot).unwrap_or(self.layers.len())
    }

    pub(crate) fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().map(|(_, layer)| layer)
    }

    fn position(&self, name: &str) -> ProgramResult<usize> {
        self.names().position(|layer| layer == name).ok_or_else(|| {
            let names = self.names().collect::<Vec<_>>().join(", ");
            ProgramError::new(format!("there is no middleware called {name}; the stack contains {names}"))
        })
    }
}

/// Checks that every layer is inside the layers that it requires.
pub(crate) fn check_order(layers: &[Layer]) -> Result<(), String> {
    for (at, layer) in layers.iter().enumerate() {
        for required in layer.requires() {
            if layers[..at].iter().any(|outer| outer.name() == *required) {
                continue;
            }
            let name = layer.name();
            let exists = layers.iter().any(|other| other.name() == *required);
            if let Some(line) = layer.remedy().filter(|_| !exists) {
                return Err(format!("the middleware {name} needs {required}, which is missing. Write {line}"));
            }
            let order = layers.iter().map(Layer::name).collect::<Vec<_>>().join(" → ");
            return Err(format!(
                "the middleware {name} needs {required} outside it, but the order is {order}. Put {required} before {name}"
            ));
        }
    }
    Ok(())
}
