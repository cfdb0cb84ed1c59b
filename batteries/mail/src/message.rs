//! A complete mail: rendered and checked.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use lback_core::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::MailAddress;
use crate::media_type::MediaType;

/// A mail, as it is sent and as tests see it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MailMessage {
    /// The `Message-ID`, which stays the same for all attempts.
    pub id: String,
    /// The time when the application sent it.
    pub date: DateTime<Utc>,
    /// The sender.
    pub from: MailAddress,
    /// The recipients.
    pub to: Vec<MailAddress>,
    /// The recipients of copies.
    pub cc: Vec<MailAddress>,
    /// The recipients of blind copies, whom the others do not see.
    pub bcc: Vec<MailAddress>,
    /// The address for replies, if not the sender's.
    pub reply_to: Vec<MailAddress>,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The text as HTML, if it has one.
    pub html: Option<String>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The attachments.
    pub attachments: Vec<MailAttachment>,
}

/// Shows no text, which may contain a link with a token.
impl fmt::Debug for MailMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailMessage")
            .field("id", &self.id)
            .field("date", &self.date)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("subject", &self.subject)
            .field("attachments", &self.attachments)
            .finish_non_exhaustive()
    }
}

/// An attached file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MailAttachment {
    /// The name of the file.
    pub name: String,
    /// The media type, with or without parameters: `application/pdf`, `text/calendar; charset=utf-8; method=REQUEST`.
    pub content_type: String,
    /// The content.
    #[serde(serialize_with = "as_base64", deserialize_with = "of_base64")]
    pub bytes: Vec<u8>,
}

/// Maximum number of recipients of one mail: every server must accept as many.
const MOST_RECIPIENTS: usize = 100;

/// Maximum length of a line in SMTP, in bytes.
const LONGEST_LINE: usize = 998;

/// Headers that have methods of their own, or that Lback must set for the mail to be readable.
const RESERVED: [&str; 11] =
    ["from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version", "return-path"];

impl MailMessage {
    /// Returns all recipients, those of copies included.
    pub fn recipients(&self) -> impl Iterator<Item = &MailAddress> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }

    /// Returns the addresses of all recipients, separated by commas.
    pub(crate) fn recipient_list(&self) -> String {
        self.recipients().map(|address| address.email.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Refuses a mail that could not be sent as intended.
    pub(crate) fn check(&self, max_bytes: usize) -> Result<()> {
        for address in std::iter::once(&self.from).chain(self.recipients()).chain(&self.reply_to) {
            address.check()?;
        }
        let recipients = self.recipients().count();
        if recipients > MOST_RECIPIENTS {
            return wrong(format!("a mail has at most {MOST_RECIPIENTS} recipients, and this one has {recipients}; send several"));
        }
        if self.subject.is_empty() {
            return wrong("a mail needs a subject: Mail::to(…).subject(…)");
        }
        check_line("the subject of a mail", &self.subject)?;
        if self.text.is_empty() {
            return wrong("a mail needs a text, for those who read no HTML: Mail::to(…).text(…), or .template(…)");
        }
        for (name, value) in &self.headers {
            check_header(name, value)?;
        }
        for attachment in &self.attachments {
            attachment.check()?;
        }
        let bytes = self.size();
        if bytes > max_bytes {
            return refused(format!("a mail of {bytes} bytes is larger than MAIL_MAX_BYTES = {max_bytes} allows"));
        }
        Ok(())
    }

    /// Returns the approximate size of the sent mail in bytes: encoding makes attachments larger by a third.
    fn size(&self) -> usize {
        let attachments: usize = self.attachments.iter().map(|attachment| attachment.bytes.len() / 3 * 4).sum();
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.subject.len() + self.text.len() + self.html.as_ref().map_or(0, String::len) + headers + attachments
    }
}

impl MailAttachment {
    fn check(&self) -> Result<()> {
        check_line("the name of an attachment", &self.name)?;
        // The parsed value has no quotes and escapes, so it is shorter.
        check_line("the media type of an attachment", &self.content_type)?;
        if MediaType::parse(&self.content_type)?.travels_as_it_is() && !is_seven_bit(&self.bytes) {
            return refused(format!(
                "the attached message {:?} has letters beyond ASCII, or lines of more than {LONGEST_LINE} bytes, and mail cannot carry it as it \
                 is: attach it as application/octet-stream",
                shortened(&self.name)
            ));
        }
        Ok(())
    }
}

/// Returns whether these bytes can travel without being encoded: ASCII, in lines of the length that SMTP allows.
fn is_seven_bit(bytes: &[u8]) -> bool {
    let line = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.len() <= LONGEST_LINE && line.is_ascii() && !line.contains(&b'\r') && !line.contains(&0)
    };
    bytes.split(|byte| *byte == b'\n').all(line)
}

fn check_header(name: &str, value: &str) -> Result<()> {
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) || lower.starts_with("content-") {
        return wrong(format!("the header {name} of a mail is set by Lback, or has a method of its own"));
    }
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return wrong(format!("{name:?} is not the name of a header"));
    }
    check_line(&format!("the header {name} of a mail"), value)
}

/// Refuses a text that could end its header and begin another.
fn check_line(what: &str, text: &str) -> Result<()> {
    if text.contains(char::is_control) {
        return refused(format!("{what} contains a line break or another control character: {:?}", shortened(text)));
    }
    if text.len() > LONGEST_LINE {
        return refused(format!("{what} is longer than {LONGEST_LINE} bytes: {:?}", shortened(text)));
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Returns 500 for a mistake of the application.
fn wrong<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::internal(message))
}

/// Returns 400 for input that a visitor may have typed.
fn refused<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::bad_request(message))
}

impl fmt::Debug for MailAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {} bytes)", self.name, self.content_type, self.bytes.len())
    }
}

fn as_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

fn of_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    BASE64.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}
