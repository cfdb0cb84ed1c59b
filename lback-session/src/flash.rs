//! Messages for the next page.

use serde::{Deserialize, Serialize};

/// A message that is shown once: left by one request, taken by the one that shows the next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// What kind of message: `success`, `info`, `warning`, `error`, or a word of the application's own.
    pub category: String,
    /// What it says.
    pub message: String,
}
