//! Who listens, and to what.

use std::any::TypeId;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::deliver::{Label, Listener, Run};
use super::pattern::Pattern;
use super::{AnySignal, Outcome, Signal};
use crate::application::Application;
use crate::{Error, Result};

/// The listeners of an application, in the order in which they are told.
///
/// A listener gets the signal and the application, and returns nothing or a [`Result`](crate::Result). Should it fail or
/// panic, that is logged with the names of the signal and the listener, and nobody else notices.
#[derive(Default)]
pub struct Listeners {
    all: Vec<(Hears, Listener)>,
    problems: Vec<String>,
}

/// What a listener listens to.
enum Hears {
    Type(TypeId),
    Names(Pattern),
}

impl Listeners {
    /// Nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a listener to signals of the type `T`.
    ///
    /// It runs in place, before [`send`](crate::Application::send) returns, and must not block.
    #[track_caller]
    pub fn on<T, R, F>(&mut self, listener: F) -> &mut Self
    where
        T: Signal,
        R: Outcome,
        F: Fn(&T, &Arc<Application>) -> R + Send + Sync + 'static,
    {
        let run = move |signal: &AnySignal, app: &Arc<Application>| match signal.downcast_ref() {
            Some(signal) => listener(signal, app).into_result(),
            None => Ok(()),
        };
        self.add::<F>(Hears::Type(TypeId::of::<T>()), Run::Now(Box::new(run)))
    }

    /// Adds an async listener to signals of the type `T`.
    ///
    /// It runs in a task of its own, which nobody waits for before the server stops.
    #[track_caller]
    pub fn on_async<T, F, Fut>(&mut self, listener: F) -> &mut Self
    where
        T: Signal,
        F: Fn(Arc<T>, Arc<Application>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
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
        self.add::<F>(Hears::Type(TypeId::of::<T>()), Run::later(run))
    }

    /// Adds a listener to signals by their name: `session.created`, `session.*` for all that begin so, or `*` for all.
    ///
    /// It runs in place, as that of [`on`](Self::on).
    #[track_caller]
    pub fn on_name<R, F>(&mut self, names: &str, listener: F) -> &mut Self
    where
        R: Outcome,
        F: Fn(&AnySignal, &Arc<Application>) -> R + Send + Sync + 'static,
    {
        let run = move |signal: &AnySignal, app: &Arc<Application>| listener(signal, app).into_result();
        self.add_by_name::<F>(names, Run::Now(Box::new(run)))
    }

    /// Adds an async listener to signals by their name.
    ///
    /// It runs in a task of its own, as that of [`on_async`](Self::on_async).
    #[track_caller]
    pub fn on_name_async<F, Fut>(&mut self, names: &str, listener: F) -> &mut Self
    where
        F: Fn(AnySignal, Arc<Application>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        let run = move |signal, app| {
            let work = listener(signal, app);
            async move { work.await.into_result() }
        };
        self.add_by_name::<F>(names, Run::later(run))
    }

    /// Adds those of `others` behind these.
    pub fn append(&mut self, others: Listeners) -> &mut Self {
        self.all.extend(others.all);
        self.problems.extend(others.problems);
        self
    }

    #[track_caller]
    fn add<F>(&mut self, hears: Hears, run: Run) -> &mut Self {
        self.all.push((hears, Listener { label: Label::of::<F>(), run }));
        self
    }

    #[track_caller]
    fn add_by_name<F>(&mut self, names: &str, run: Run) -> &mut Self {
        match Pattern::parse(names) {
            Some(pattern) => self.add::<F>(Hears::Names(pattern), run),
            None => {
                let place = Location::caller();
                self.problems.push(format!("{place}: \"{names}\" names no signal; write \"user.logged_in\", \"user.*\" or \"*\""));
                self
            }
        }
    }

    /// Can all these be told?
    pub(crate) fn check(&self) -> Result<()> {
        match self.problems.is_empty() {
            true => Ok(()),
            false => Err(Error::internal(format!("the application cannot start:\n  {}", self.problems.join("\n  ")))),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those of a signal.
    pub(super) fn of<T: Signal>(&self) -> impl Iterator<Item = &Listener> {
        let hear = |hears: &Hears| match hears {
            Hears::Type(id) => *id == TypeId::of::<T>(),
            Hears::Names(pattern) => pattern.fits(T::NAME),
        };
        self.all.iter().filter(move |(hears, _)| hear(hears)).map(|(_, listener)| listener)
    }

    /// Waits until no async listener runs any more.
    pub(super) async fn finished(&self) {
        // One may tell another something in its last moment.
        while self.all.iter().any(|(_, listener)| listener.is_running()) {
            for (_, listener) in &self.all {
                listener.finished().await;
            }
        }
    }
}
