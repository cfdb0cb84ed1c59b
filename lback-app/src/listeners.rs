//! An application's listeners to signals.

use std::sync::Arc;

use lback_core::signals::{AnySignal, Outcome};
use lback_core::{Application, Signal};

use crate::App;

impl App {
    /// Adds a listener to [signals](lback_core::signals) of the type `T`.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    /// use lback::signals::SessionCreated;
    ///
    /// # let urls = Router::new();
    /// App::new(urls).on(|event: &SessionCreated, _| println!("a visitor: {}", event.session_prefix));
    /// ```
    ///
    /// It gets the application too, and may return a [`Result`](lback_core::Result). It runs in place, in the order of
    /// registration, so it must not block; for what waits there is [`on_async`](Self::on_async). Should it fail or panic,
    /// that is logged, and nobody else notices.
    #[track_caller]
    pub fn on<T, R, F>(mut self, listener: F) -> Self
    where
        T: Signal,
        R: Outcome,
        F: Fn(&T, &Arc<Application>) -> R + Send + Sync + 'static,
    {
        self.listeners.on(listener);
        self
    }

    /// Adds an async listener to signals of the type `T`: it runs in a task of its own, which nobody waits for before the
    /// server stops.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use lback::prelude::*;
    /// use lback::signals::SessionsRevoked;
    /// use lback::app::Application;
    /// use lback::db::Database;
    ///
    /// async fn note(event: Arc<SessionsRevoked>, app: Arc<Application>) -> Result<()> {
    ///     let database = app.state::<Database>().or_404()?;
    ///     let note = diesel::sql_query("INSERT INTO notes (user_id) VALUES (?)");
    ///     database.run(move |db| Ok(note.bind::<diesel::sql_types::BigInt, _>(event.user_id).execute(db)?)).await?;
    ///     Ok(())
    /// }
    ///
    /// # let urls = Router::new();
    /// App::new(urls).on_async(note);
    /// ```
    #[track_caller]
    pub fn on_async<T, F, Fut>(mut self, listener: F) -> Self
    where
        T: Signal,
        F: Fn(Arc<T>, Arc<Application>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        self.listeners.on_async(listener);
        self
    }

    /// Adds a listener to signals by their name: `session.created`, `session.*` for all that begin so, or `*` for all.
    ///
    /// ```no_run
    /// # use lback::prelude::*;
    /// # let urls = Router::new();
    /// App::new(urls).on_name("session.*", |signal, _| println!("{}: {signal:?}", signal.name()));
    /// ```
    ///
    /// It runs in place, as that of [`on`](Self::on). What is neither a name nor such a pattern is an error when the
    /// program starts.
    #[track_caller]
    pub fn on_name<R, F>(mut self, names: &str, listener: F) -> Self
    where
        R: Outcome,
        F: Fn(&AnySignal, &Arc<Application>) -> R + Send + Sync + 'static,
    {
        self.listeners.on_name(names, listener);
        self
    }

    /// Adds an async listener to signals by their name, as [`on_async`](Self::on_async) does by their type.
    ///
    /// ```no_run
    /// # use lback::prelude::*;
    /// # let urls = Router::new();
    /// App::new(urls).on_name_async("order.*", async |signal, _| println!("{signal:?}"));
    /// ```
    #[track_caller]
    pub fn on_name_async<F, Fut>(mut self, names: &str, listener: F) -> Self
    where
        F: Fn(AnySignal, Arc<Application>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        self.listeners.on_name_async(names, listener);
        self
    }
}
