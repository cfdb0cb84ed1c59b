//! Values of any type, stored as JSON.

use std::ops::{Deref, DerefMut};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{FieldType, StoredResult};

/// A value of any type that serde knows, stored as JSON.
///
/// ```
/// use lback::models::Json;
///
/// let tags = Json(vec!["rust", "web"]);
/// assert_eq!(tags.len(), 2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Serialize + DeserializeOwned + Clone + 'static> FieldType for Json<T> {
    type Stored = serde_json::Value;

    fn from_stored(stored: serde_json::Value) -> StoredResult<Self> {
        Ok(Json(serde_json::from_value(stored)?))
    }

    fn into_stored(self) -> StoredResult<serde_json::Value> {
        Ok(serde_json::to_value(self.0)?)
    }
}
