//! The methods of [`App`] that add signal listeners.

use std::sync::Arc;

use lback_core::signals::{AnySignal, ListenerOutput};
use lback_core::{Application, Signal};

use crate::App;

impl App {
    /// Adds a listener for [signals](lback_core::signals) of type `T`.
    ///
    /// ```no_run
    /// use lback::prelude::*;
    /// use lback::signals::SessionCreated;
    ///
    /// # let urls = Router::new();
    /// App::new(urls).on(|event: &SessionCreated, _| println!("new session: {}", event.session_prefix));
    /// ```
    ///
    /// The listener also receives the application, and may return a [`Result`](lback_core::Result). Listeners run inline, in
    /// the order of registration, so they must not block; use [`on_async`](Self::on_async) for work that waits. An error or
    /// panic in a listener is logged and has no other effect.
    #[track_caller]
    pub fn on<T, R, F>(mut self, listener: F) -> Self
    where
        T: Signal,
        R: ListenerOutput,
        F: Fn(&T, &Arc<Application>) -> R + Send + Sync + 'static,
    {
        self.listeners.on(listener);
        self
    }

    /// Adds an async listener for signals of type `T`. It runs in its own task, which is not awaited before the server stops.
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
        Fut: Future<Output: ListenerOutput> + Send + 'static,
    {
        self.listeners.on_async(listener);
        self
    }

    /// Adds a listener for signals by name: `session.created`, `session.*` for all names with this prefix, or `*` for all
    /// signals.
    ///
    /// ```no_run
    /// # use lback::prelude::*;
    /// # let urls = Router::new();
    /// App::new(urls).on_name("session.*", |signal, _| println!("{}: {signal:?}", signal.name()));
    /// ```
    ///
    /// The listener runs inline, as with [`on`](Self::on). An invalid name or pattern is an error when the program starts.
    #[track_caller]
    pub fn on_name<R, F>(mut self, names: &str, listener: F) -> Self
    where
        R: ListenerOutput,
        F: Fn(&AnySignal, &Arc<Application>) -> R + Send + Sync + 'static,
    {
        self.listeners.on_name(names, listener);
        self
    }

    /// Adds an async listener for signals by name. It runs as with [`on_async`](Self::on_async).
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
        Fut: Future<Output: ListenerOutput> + Send + 'static,
    {
        self.listeners.on_name_async(names, listener);
        self
    }
}
