//! Registers listeners and finds the listeners of a signal.

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::deliver::{Label, Listener, Run};
use super::pattern::Pattern;
use super::{AnySignal, ListenerOutput, Signal};
use crate::application::Application;
use crate::{Error, Result};

/// The listeners of an application, in the order in which they are called.
///
/// A listener receives the signal and the application, and returns nothing or a [`Result`](crate::Result). If it fails or panics,
/// this is logged with the names of the signal and the listener. The sender and the other listeners are not affected.
#[derive(Default)]
pub struct Listeners {
    all: Vec<(Selector, Listener)>,
    problems: Vec<String>,
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").field("len", &self.all.len()).finish_non_exhaustive()
    }
}

/// Selects the signals that a listener receives.
enum Selector {
    Type(TypeId),
    Names(Pattern),
}

impl Listeners {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a listener for signals of type `T`.
    ///
    /// It runs in place, before [`send`](crate::Application::send) returns, and must not block.
    #[track_caller]
    pub fn on<T, R, F>(&mut self, listener: F) -> &mut Self
    where
        T: Signal,
        R: ListenerOutput,
        F: Fn(&T, &Arc<Application>) -> R + Send + Sync + 'static,
    {
        let run = move |signal: &AnySignal, app: &Arc<Application>| match signal.downcast_ref() {
            Some(signal) => listener(signal, app).into_result(),
            None => Ok(()),
        };
        self.add::<F>(Selector::Type(TypeId::of::<T>()), Run::InPlace(Box::new(run)))
    }

    /// Adds an async listener for signals of type `T`.
    ///
    /// It runs in its own task. Only a server that stops waits for that task.
    #[track_caller]
    pub fn on_async<T, F, Fut>(&mut self, listener: F) -> &mut Self
    where
        T: Signal,
        F: Fn(Arc<T>, Arc<Application>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: ListenerOutput> + Send + 'static,
    {
        let run = move |signal: AnySignal, app| {
            let work = signal.downcast().map(|signal| listener(signal, app));
            async move {
                match work {
                    Some(work) => work.await.into_result(),
                    None => Ok(()),
                }
            }
        };
        self.add::<F>(Selector::Type(TypeId::of::<T>()), Run::in_task(run))
    }

    /// Adds a listener for signals by name: `session.created`, `session.*` for all names with this prefix, or `*` for all signals.
    ///
    /// It runs in place, like a listener added by [`on`](Self::on).
    #[track_caller]
    pub fn on_name<R, F>(&mut self, names: &str, listener: F) -> &mut Self
    where
        R: ListenerOutput,
        F: Fn(&AnySignal, &Arc<Application>) -> R + Send + Sync + 'static,
    {
        let run = move |signal: &AnySignal, app: &Arc<Application>| listener(signal, app).into_result();
        self.add_by_name::<F>(names, Run::InPlace(Box::new(run)))
    }

    /// Adds an async listener for signals by name, as [`on_name`](Self::on_name) does.
    ///
    /// It runs in its own task, like a listener added by [`on_async`](Self::on_async).
    #[track_caller]
    pub fn on_name_async<F, Fut>(&mut self, names: &str, listener: F) -> &mut Self
    where
        F: Fn(AnySignal, Arc<Application>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: ListenerOutput> + Send + 'static,
    {
        let run = move |signal, app| {
            let work = listener(signal, app);
            async move { work.await.into_result() }
        };
        self.add_by_name::<F>(names, Run::in_task(run))
    }

    /// Adds the listeners of `others` after the existing ones.
    pub fn append(&mut self, others: Listeners) -> &mut Self {
        self.all.extend(others.all);
        self.problems.extend(others.problems);
        self
    }

    #[track_caller]
    fn add<F>(&mut self, selector: Selector, run: Run) -> &mut Self {
        self.all.push((selector, Listener { label: Label::of::<F>(), run }));
        self
    }

    #[track_caller]
    fn add_by_name<F>(&mut self, names: &str, run: Run) -> &mut Self {
        match Pattern::parse(names) {
            Some(pattern) => self.add::<F>(Selector::Names(pattern), run),
            None => {
                let location = Location::caller();
                self.problems
                    .push(format!("{location}: \"{names}\" is not the name of a signal; write \"user.logged_in\", \"user.*\" or \"*\""));
                self
            }
        }
    }

    /// Checks that all listeners have valid names.
    pub(crate) fn check(&self) -> Result<()> {
        match self.problems.is_empty() {
            true => Ok(()),
            false => Err(Error::internal(format!("the application cannot start:\n  {}", self.problems.join("\n  ")))),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the listeners of a signal.
    pub(super) fn of<T: Signal>(&self) -> impl Iterator<Item = &Listener> {
        let selects = |selector: &Selector| match selector {
            Selector::Type(id) => *id == TypeId::of::<T>(),
            Selector::Names(pattern) => pattern.matches(T::NAME),
        };
        self.all.iter().filter(move |(selector, _)| selects(selector)).map(|(_, listener)| listener)
    }

    /// Waits until no async listener is running.
    pub(super) async fn finished(&self) {
        // A listener may send a signal to another one just before it ends.
        while self.all.iter().any(|(_, listener)| listener.is_running()) {
            for (_, listener) in &self.all {
                listener.finished().await;
            }
        }
    }
}
