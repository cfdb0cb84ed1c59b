//! How one listener is told.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::Semaphore;

use super::AnySignal;
use crate::application::Application;
use crate::panics::{self, catch_panic};
use crate::view::BoxFuture;
use crate::{Error, Result};

/// How often one async listener runs at once. What comes on top of that is not delivered: one that hangs must not fill
/// the memory.
const AT_ONCE: u32 = 1024;

pub(super) struct Listener {
    pub(super) label: Label,
    pub(super) run: Run,
}

type InPlace = Box<dyn Fn(&AnySignal, &Arc<Application>) -> Result<()> + Send + Sync>;
type Begin = Box<dyn Fn(AnySignal, Arc<Application>) -> BoxFuture<'static, Result<()>> + Send + Sync>;

pub(super) enum Run {
    Now(InPlace),
    Later(Arc<Later>),
}

pub(super) struct Later {
    begin: Begin,
    places: Arc<Semaphore>,
    missed: AtomicU64,
}

impl Run {
    pub(super) fn later<Fut>(begin: impl Fn(AnySignal, Arc<Application>) -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Run::Later(Arc::new(Later {
            begin: Box::new(move |signal, app| Box::pin(begin(signal, app))),
            places: Arc::new(Semaphore::new(AT_ONCE as usize)),
            missed: AtomicU64::new(0),
        }))
    }
}

impl Listener {
    pub(super) fn deliver(&self, signal: &AnySignal, app: &Arc<Application>) {
        match &self.run {
            Run::Now(run) => {
                let result = catch_unwind(AssertUnwindSafe(|| run(signal, app)));
                self.label.note(signal.name(), result.unwrap_or_else(|payload| Err(panics::error(payload))));
            }
            Run::Later(later) => self.spawn(later, signal.clone(), app.clone()),
        }
    }

    fn spawn(&self, later: &Arc<Later>, signal: AnySignal, app: Arc<Application>) {
        let (label, name) = (self.label, signal.name());
        let Ok(place) = later.places.clone().try_acquire_owned() else {
            // Said once, and not for each: there may be thousands.
            if later.missed.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::error!(target: "lback::signals", signal = name, listener = %label, "{AT_ONCE} calls of a listener have not ended; it is not told more");
            }
            return;
        };
        match later.missed.swap(0, Ordering::Relaxed) {
            0 => {}
            missed => tracing::warn!(target: "lback::signals", listener = %label, missed, "a listener is told again what happens"),
        }
        let later = later.clone();
        let patience = Duration::from_secs(app.config().shutdown_timeout_seconds);
        let after = app.clone();
        let work = async move {
            label.note(name, catch_panic(pin!(async { (later.begin)(signal, app).await })).await);
            drop(place);
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(work)),
            // A command, which may end the program when this returns.
            Err(_) => label.note(name, run_here(work, &after, patience)),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        match &self.run {
            Run::Now(_) => false,
            Run::Later(later) => later.places.available_permits() < AT_ONCE as usize,
        }
    }

    pub(super) async fn finished(&self) {
        if let Run::Later(later) = &self.run {
            drop(later.places.acquire_many(AT_ONCE).await);
        }
    }
}

/// Runs `work`, and what it makes others do, to the end.
fn run_here(work: impl Future<Output = ()>, app: &Application, patience: Duration) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let all = async {
        work.await;
        app.listeners().finished().await;
    };
    let ended = runtime.block_on(async { tokio::time::timeout(patience, all).await });
    runtime.shutdown_background();
    ended.map_err(|_| Error::internal(format!("it did not end within {patience:?}, which is SHUTDOWN_TIMEOUT_SECONDS, and was cut off")))
}

/// What the log calls a listener: a closure has no name, so the place comes with it.
#[derive(Clone, Copy)]
pub(super) struct Label {
    name: &'static str,
    place: &'static Location<'static>,
}

impl Label {
    #[track_caller]
    pub(super) fn of<F>() -> Self {
        Label { name: std::any::type_name::<F>(), place: Location::caller() }
    }

    fn note(self, signal: &'static str, result: Result<()>) {
        if let Err(error) = result {
            tracing::error!(target: "lback::signals", signal, listener = %self, "a listener has failed: {error:?}");
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.place)
    }
}
