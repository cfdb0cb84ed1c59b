//! Mail on standard output in readable form: unencoded, with links unbroken.

use std::io::{self, Write};

use crate::failure::Failure;
use crate::{MailAddress, MailMessage};

pub(super) fn print(mail: &MailMessage) -> Result<(), Failure> {
    io::stdout().lock().write_all(shown(mail).as_bytes()).map_err(|error| Failure::for_now(format!("standard output: {error}")))
}

fn shown(mail: &MailMessage) -> String {
    let list = |addresses: &[MailAddress]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut lines = vec!["-------------------- mail --------------------".to_owned(), format!("From: {}", mail.from)];
    let lists = [("To", &mail.to), ("Cc", &mail.cc), ("Bcc", &mail.bcc), ("Reply-To", &mail.reply_to)];
    lines.extend(
        lists.iter().filter(|(_, addresses)| !addresses.is_empty()).map(|(name, addresses)| format!("{name}: {}", list(addresses))),
    );
    lines.push(format!("Subject: {}", mail.subject));
    lines.extend(mail.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    lines.extend(mail.attachments.iter().map(|attachment| format!("Attachment: {attachment:?}")));
    if mail.html.is_some() {
        lines.push("(also as HTML)".to_owned());
    }
    // The text must not move the cursor or ring the bell of a terminal.
    let text = mail.text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "");
    lines.push(format!("\n{}\n----------------------------------------------\n", text.trim_end()));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_mail_is_shown_as_it_reads() {
        let mail = serde_json::json!({
            "id": "1@localhost", "date": "2026-01-01T00:00:00Z", "from": { "name": null, "email": "shop@example.com" },
            "to": [{ "name": "Jürgen", "email": "j@example.com" }], "cc": [], "bcc": [], "reply_to": [], "subject": "Grüße",
            "text": "Open https://example.com/a?b=c\u{1b}[2J", "html": "<p>", "headers": [],
            "attachments": [{ "name": "a.pdf", "content_type": "application/pdf", "bytes": "YWJj" }],
        });
        let shown = shown(&serde_json::from_value(mail).unwrap());
        for line in ["From: shop@example.com\n", "To: Jürgen <j@example.com>\n", "Subject: Grüße\n", "a.pdf (application/pdf, 3 bytes)"]
        {
            assert!(shown.contains(line), "{line} in {shown}");
        }
        assert!(shown.contains("\nOpen https://example.com/a?b=c[2J\n") && !shown.contains("Cc:"), "{shown}");
    }
}
