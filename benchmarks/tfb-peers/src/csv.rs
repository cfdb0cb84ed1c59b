use std::fmt::Write;

use axum::body::Bytes;
use tokio::sync::mpsc::Sender;

use crate::Result;

/// The size at which a part of the response is sent.
const PART: usize = 32 * 1024;

/// The body of a response with CSV, which is sent in parts.
pub struct Csv {
    text: String,
    parts: Sender<Result<Bytes>>,
}

impl Csv {
    pub fn new(parts: Sender<Result<Bytes>>) -> Self {
        Csv { text: "id,number,name\n".to_owned(), parts }
    }

    /// Adds a row. Returns whether a part should be sent.
    pub fn add(&mut self, id: i64, number: i64, name: &str) -> Result<bool> {
        writeln!(self.text, "{id},{number},{name}")?;
        Ok(self.text.len() >= PART)
    }

    pub async fn send(&mut self) -> Result {
        let part = std::mem::take(&mut self.text).into();
        Ok(self.parts.send(Ok(part)).await?)
    }

    /// As [`send`](Self::send), on a thread that may block.
    pub fn send_blocking(&mut self) -> Result {
        let part = std::mem::take(&mut self.text).into();
        Ok(self.parts.blocking_send(Ok(part))?)
    }
}
