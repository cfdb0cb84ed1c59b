//! What is logged while tests that look at it run.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// The number of running tests that have called [`start`]. The other thousands would log hundreds of megabytes.
static LOOKING: AtomicUsize = AtomicUsize::new(0);

static STARTED: LazyLock<()> = LazyLock::new(|| {
    let log = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Log);
    tracing_subscriber::registry().with(log.with_filter(dynamic_filter_fn(|_, _| LOOKING.load(Ordering::SeqCst) > 0))).init();
});

thread_local! {
    static LOOKS: Looks = Looks::begin();
}

/// A test that looks at the log, until its thread ends.
struct Looks;

impl Looks {
    fn begin() -> Self {
        LazyLock::force(&STARTED);
        LOOKING.fetch_add(1, Ordering::SeqCst);
        Looks
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
        if LOOKING.fetch_sub(1, Ordering::SeqCst) == 1 {
            written.clear();
        }
    }
}

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps what is logged from now on, until the test ends.
pub fn start() {
    LOOKS.with(|_| ());
}

/// Everything that was logged since. Tests run side by side, so look for what only yours can have said.
pub fn written() -> String {
    String::from_utf8_lossy(&WRITTEN.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// The lines that hold `text`.
pub fn lines_with(text: &str) -> Vec<String> {
    written().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}
