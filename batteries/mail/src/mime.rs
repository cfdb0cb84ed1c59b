//! Encodes a mail for mail servers and programs (MIME).

use std::io;

use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::MimePart;

use crate::media_type::MediaType;
use crate::{MailAddress, MailAttachment, MailMessage};

impl MailMessage {
    /// Returns the whole mail in ASCII, without the recipients of blind copies.
    pub(crate) fn to_mime(&self) -> io::Result<Vec<u8>> {
        let mut builder = MessageBuilder::new()
            .message_id(self.id.as_str())
            .date(self.date.timestamp())
            .from(address(&self.from))
            .to(list(&self.to))
            .subject(self.subject.as_str())
            .text_body(self.text.as_str());
        if !self.cc.is_empty() {
            builder = builder.cc(list(&self.cc));
        }
        if !self.reply_to.is_empty() {
            builder = builder.reply_to(list(&self.reply_to));
        }
        for (name, value) in &self.headers {
            // ASCII is not encoded: programs would not recognize a URL in encoded words.
            let value = if value.is_ascii() { HeaderType::from(Raw::new(value)) } else { HeaderType::from(Text::new(value)) };
            builder = builder.header(name.as_str(), value);
        }
        if let Some(html) = &self.html {
            builder = builder.html_body(html.as_str());
        }
        let attachments = self.attachments.iter().map(attachment).collect::<io::Result<Vec<_>>>()?;
        builder.attachments = Some(attachments).filter(|attachments| !attachments.is_empty());
        builder.write_to_vec()
    }
}

fn attachment(of: &MailAttachment) -> io::Result<MimePart<'_>> {
    // Checked when the mail was composed, but a row of the outbox may have been edited by hand.
    let media_type = MediaType::parse(&of.content_type).map_err(|error| io::Error::other(error.to_string()))?;
    let as_it_is = media_type.travels_as_it_is();
    let mut content_type = ContentType::new(media_type.essence);
    content_type.attributes = media_type.parameters.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let part = match as_it_is {
        true => MimePart::new(content_type, with_mail_line_ends(&of.bytes)).transfer_encoding("7bit"),
        false => MimePart::new(content_type, of.bytes.as_slice()),
    };
    Ok(part.attachment(of.name.as_str()))
}

/// Ends each line with CRLF, as mail does.
fn with_mail_line_ends(bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    lines.join(&b"\r\n"[..])
}

fn list(addresses: &[MailAddress]) -> Address<'_> {
    Address::new_list(addresses.iter().map(address).collect())
}

fn address(of: &MailAddress) -> Address<'_> {
    Address::new_address(of.name.as_deref(), of.email.as_str())
}
