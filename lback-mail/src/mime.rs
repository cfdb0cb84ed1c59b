//! A mail in the words that mail servers and programs understand.

use std::io;

use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;

use crate::{MailAddress, MailMessage};

impl MailMessage {
    /// The whole mail, in ASCII. Hidden copies are not in it.
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
            // What is ASCII stays as it is: an address of the web would not be understood in encoded words.
            let value = if value.is_ascii() { HeaderType::from(Raw::new(value)) } else { HeaderType::from(Text::new(value)) };
            builder = builder.header(name.as_str(), value);
        }
        if let Some(html) = &self.html {
            builder = builder.html_body(html.as_str());
        }
        for attachment in &self.attachments {
            builder = builder.attachment(attachment.content_type.as_str(), attachment.name.as_str(), attachment.bytes.as_slice());
        }
        builder.write_to_vec()
    }
}

fn list(addresses: &[MailAddress]) -> Address<'_> {
    Address::new_list(addresses.iter().map(address).collect())
}

fn address(of: &MailAddress) -> Address<'_> {
    Address::new_address(of.name.as_deref(), of.email.as_str())
}
