//! Delivers a signal to one listener.

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

/// Maximum number of concurrent calls of one async listener. Further signals are not delivered to it, so that a listener that hangs
/// cannot fill the memory.
const MAX_CONCURRENT: u32 = 1024;

pub(super) struct Listener {
    pub(super) label: Label,
    pub(super) run: Run,
}

type Call = Box<dyn Fn(&AnySignal, &Arc<Application>) -> Result<()> + Send + Sync>;
type AsyncCall = Box<dyn Fn(AnySignal, Arc<Application>) -> BoxFuture<'static, Result<()>> + Send + Sync>;

pub(super) enum Run {
    InPlace(Call),
    InTask(Arc<InTask>),
}

pub(super) struct InTask {
    call: AsyncCall,
    permits: Arc<Semaphore>,
    missed: AtomicU64,
}

impl Run {
    pub(super) fn in_task<Fut>(call: impl Fn(AnySignal, Arc<Application>) -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Run::InTask(Arc::new(InTask {
            call: Box::new(move |signal, app| Box::pin(call(signal, app))),
            permits: Arc::new(Semaphore::new(MAX_CONCURRENT as usize)),
            missed: AtomicU64::new(0),
        }))
    }
}

impl Listener {
    pub(super) fn deliver(&self, signal: &AnySignal, app: &Arc<Application>) {
        match &self.run {
            Run::InPlace(call) => {
                let result = catch_unwind(AssertUnwindSafe(|| call(signal, app)));
                self.label.log_error(signal.name(), result.unwrap_or_else(|payload| Err(panics::error(payload))));
            }
            Run::InTask(task) => self.spawn(task, signal.clone(), app.clone()),
        }
    }

    fn spawn(&self, task: &Arc<InTask>, signal: AnySignal, app: Arc<Application>) {
        let (label, name) = (self.label, signal.name());
        let Ok(permit) = task.permits.clone().try_acquire_owned() else {
            // Logged once instead of for each signal: there may be thousands.
            if task.missed.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::error!(
                    target: "lback::signals", signal = name, listener = %label,
                    "{MAX_CONCURRENT} calls of a listener have not ended; no more signals are delivered to it"
                );
            }
            return;
        };
        match task.missed.swap(0, Ordering::Relaxed) {
            0 => {}
            missed => tracing::warn!(target: "lback::signals", listener = %label, missed, "signals are delivered to a listener again"),
        }
        let task = task.clone();
        let timeout = Duration::from_secs(app.config().shutdown_timeout_seconds);
        let application = app.clone();
        let work = async move {
            label.log_error(name, catch_panic(pin!(async { (task.call)(signal, app).await })).await);
            drop(permit);
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(work)),
            // A command, which may end the program when this returns.
            Err(_) => label.log_error(name, block_on(work, &application, timeout)),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        match &self.run {
            Run::InPlace(_) => false,
            Run::InTask(task) => task.permits.available_permits() < MAX_CONCURRENT as usize,
        }
    }

    pub(super) async fn finished(&self) {
        if let Run::InTask(task) = &self.run {
            drop(task.permits.acquire_many(MAX_CONCURRENT).await);
        }
    }
}

/// Runs `work` and the listeners that it triggers to the end.
fn block_on(work: impl Future<Output = ()>, app: &Application, timeout: Duration) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let all = async {
        work.await;
        app.listeners().finished().await;
    };
    let ended = runtime.block_on(async { tokio::time::timeout(timeout, all).await });
    runtime.shutdown_background();
    ended.map_err(|_| Error::internal(format!("it did not end within {timeout:?} (SHUTDOWN_TIMEOUT_SECONDS) and was cut off")))
}

/// The name of a listener in the log. Closures have no names, so it includes the location.
#[derive(Clone, Copy)]
pub(super) struct Label {
    name: &'static str,
    location: &'static Location<'static>,
}

impl Label {
    #[track_caller]
    pub(super) fn of<F>() -> Self {
        Label { name: std::any::type_name::<F>(), location: Location::caller() }
    }

    fn log_error(self, signal: &'static str, result: Result<()>) {
        if let Err(error) = result {
            tracing::error!(target: "lback::signals", signal, listener = %self, "a listener has failed: {error:?}");
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.location)
    }
}
