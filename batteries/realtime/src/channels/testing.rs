//! Channels in tests.

use diesel::prelude::*;
use lback_app::testing::Client;
use lback_db::Database;

use super::store::channel_messages;
use crate::Channels;
use crate::sealed::Sealed;

/// Adds channels to the test [`Client`].
pub trait ClientChannels: Sealed {
    /// Returns what was broadcast so far, oldest first: the channels, and the data as JSON.
    ///
    /// ```
    /// use lback::prelude::*;
    /// use lback::testing::Client;
    ///
    /// fn publish(req: &mut Request) -> Result<()> {
    ///     req.broadcast("news", "It works.")
    /// }
    ///
    /// let app = App::new(Router::new().post("/publish", publish)).realtime();
    /// let client = Client::with_settings(app, "SESSION_TIMEOUT_MINUTES = 30");
    /// client.post("/publish").send().assert_status(204);
    /// assert_eq!(client.broadcasts(), [("news".to_owned(), "\"It works.\"".to_owned())]);
    /// ```
    ///
    /// # Panics
    /// Panics if the application has no channels or no database, or the database fails.
    fn broadcasts(&self) -> Vec<(String, String)>;
}

impl ClientChannels for Client {
    #[track_caller]
    fn broadcasts(&self) -> Vec<(String, String)> {
        if self.app().state::<Channels>().is_none() || self.app().state::<Database>().is_none() {
            panic!("this application has no channels that are stored in a database");
        }
        let messages = channel_messages::table.order(channel_messages::id);
        self.db(|db| messages.select((channel_messages::channel, channel_messages::payload)).load(db))
    }
}
