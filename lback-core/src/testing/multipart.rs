//! Builds forms with files.

use std::fmt;

use super::{RequestBuilder, TestResponse};
use crate::Result;

/// Builds a form with files. See [`RequestBuilder::multipart`].
#[must_use = "nothing is sent before .send()"]
pub struct MultipartBuilder<'a> {
    request: RequestBuilder<'a>,
    body: Vec<u8>,
}

impl fmt::Debug for MultipartBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultipartBuilder").field("request", &self.request).finish_non_exhaustive()
    }
}

const BOUNDARY: &str = "----lback-test-3f9c2c41d0b84e7a";

impl<'a> MultipartBuilder<'a> {
    pub(super) fn new(request: RequestBuilder<'a>) -> Self {
        MultipartBuilder { request, body: Vec::new() }
    }

    /// Adds a text field.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.part(&format!("form-data; name=\"{}\"", escape(name)), None, value.as_bytes());
        self
    }

    /// Adds a file.
    pub fn file(mut self, field: &str, file_name: &str, content_type: &str, bytes: impl AsRef<[u8]>) -> Self {
        let disposition = format!("form-data; name=\"{}\"; filename=\"{}\"", escape(field), escape(file_name));
        self.part(&disposition, Some(content_type), bytes.as_ref());
        self
    }

    fn part(&mut self, disposition: &str, content_type: Option<&str>, bytes: &[u8]) {
        let content_type = content_type.map(|kind| format!("Content-Type: {kind}\r\n")).unwrap_or_default();
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n{content_type}\r\n");
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(bytes);
        self.body.extend_from_slice(b"\r\n");
    }

    /// Sends the form and waits for the response.
    ///
    /// # Panics
    /// Panics if [`RequestBuilder::send`] does.
    #[track_caller]
    pub fn send(self) -> TestResponse {
        self.finish().send()
    }

    /// Sends the form and waits for the response.
    ///
    /// # Errors
    /// Returns the same errors as [`RequestBuilder::try_send`].
    pub fn try_send(self) -> Result<TestResponse> {
        self.finish().try_send()
    }

    fn finish(mut self) -> RequestBuilder<'a> {
        self.body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        self.request.body_of_type(&content_type, self.body)
    }
}

/// Escapes a name as browsers do.
fn escape(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
