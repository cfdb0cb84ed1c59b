//! The health check and the metrics of the channels.

use lback_app::{Health, Metrics};
use lback_core::{Application, Result};

use super::Channels;

/// Returns the number of streams, and a warning if the messages of other processes do not arrive.
pub(crate) fn health(app: &Application) -> Result<Health> {
    let Some(channels) = app.state::<Channels>() else { return Ok(Health::ok("none")) };
    let text = format!("{} streams", channels.subscription_count());
    Ok(match channels.position_if_started() {
        None => Health::ok(format!("{text}, not in use yet")),
        Some(_) if channels.is_connected() => Health::ok(text),
        Some(_) => Health::warning(format!("{text}; the messages of other processes do not arrive, as the database cannot be listened to")),
    })
}

/// Adds the number of open subscriptions to the metrics.
pub(crate) fn metrics(app: &Application, metrics: &mut Metrics) -> Result<()> {
    let Some(channels) = app.state::<Channels>() else { return Ok(()) };
    channels.0.open.measure(metrics, ("lback_channel_streams", "Open subscriptions to channels."), "lback_channel_streams_max");
    Ok(())
}
