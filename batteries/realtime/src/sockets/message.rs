//! Messages.

use lback_core::{Bytes, Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_tungstenite::tungstenite;

/// A message of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// Creates a text message with `value` as JSON.
    ///
    /// # Errors
    /// Returns an error if `value` cannot be represented as JSON.
    pub fn of_json(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        Ok(Message::Text(serde_json::to_string(value)?))
    }

    /// Returns the text, or `None` if the message is binary.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Message::Text(text) => Some(text),
            Message::Binary(_) => None,
        }
    }

    /// Returns the text.
    ///
    /// # Errors
    /// Returns 400 if the message is binary.
    #[track_caller]
    pub fn text(&self) -> Result<&str> {
        self.as_text().ok_or_else(|| Error::bad_request("A text message was expected."))
    }

    /// Returns the bytes of the message, or those of its text in UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
        }
    }

    /// Deserializes the message, which is JSON, into a `T`.
    ///
    /// ```
    /// use lback::websockets::Message;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Move { x: i32, y: i32 }
    ///
    /// let step: Move = Message::from(r#"{"x": 1, "y": -1}"#).json()?;
    /// assert_eq!((step.x, step.y), (1, -1));
    /// assert_eq!(Message::from("north").json::<Move>().err().unwrap().status(), 400);
    /// # Ok::<(), lback::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns 400 if the message is not JSON or does not match `T`. A view that returns this error closes the socket with the code 1008
    /// and the message of the error.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        match serde_json::from_slice(self.as_bytes()) {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::bad_request(format!("The message is not valid: {error}."))),
        }
    }

    pub(super) fn of_frame(frame: tungstenite::Message) -> Option<Self> {
        match frame {
            tungstenite::Message::Text(text) => Some(Message::Text(text.as_str().to_owned())),
            tungstenite::Message::Binary(bytes) => Some(Message::Binary(bytes)),
            _ => None,
        }
    }

    pub(super) fn into_frame(self) -> tungstenite::Message {
        match self {
            Message::Text(text) => tungstenite::Message::Text(text.into()),
            Message::Binary(bytes) => tungstenite::Message::Binary(bytes),
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Message::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Message::Text(text.to_owned())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Message::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Message::Binary(bytes.into())
    }
}
