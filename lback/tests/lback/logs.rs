//! What the whole run of tests has logged.

use std::io::Write;
use std::sync::{LazyLock, Mutex, PoisonError};

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

static STARTED: LazyLock<()> = LazyLock::new(|| {
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(|| Log);
    subscriber.init();
});

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Begins to keep what is logged.
pub fn start() {
    LazyLock::force(&STARTED);
}

/// Everything that was logged since. Tests run side by side, so look for what only yours can have said.
pub fn written() -> String {
    String::from_utf8_lossy(&WRITTEN.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// The lines that hold `text`.
pub fn lines_with(text: &str) -> Vec<String> {
    written().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}
