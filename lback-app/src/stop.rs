//! The signals that stop a program.

/// Completes at SIGTERM or Ctrl-C, and logs that the program is stopping and `what` happens then.
pub async fn stop_signal(what: &str) {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => drop(interrupt.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
    tracing::info!(target: "lback::serve", "stopping: {what}");
}
