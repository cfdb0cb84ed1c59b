//! What is refused before anything is queued, and what a mail looks like.

use lback_core::testing::block_on;
use lback_mail::Mail;

use super::{Office, mail, try_mailer};
use tempfile::TempDir;

const FILE: &str = "MAIL_BACKEND = 'file'\nMAIL_FROM = 'Shop <shop@example.com>'";

/// Why a mail is refused. Nothing of it was written.
#[track_caller]
fn refusal(mail: Mail) -> (u16, String) {
    let office = Office::new(FILE);
    let error = office.client.db(|db| Ok::<_, lback_core::Error>(office.mailer.queue(db, mail.clone()).unwrap_err()));
    assert!(office.rows().is_empty());
    assert_eq!(block_on(office.mailer.send_now(mail)).unwrap_err().to_string(), error.to_string());
    assert!(office.files().is_empty());
    (error.status().as_u16(), error.to_string())
}

/// The one mail as it was written.
fn written(mail: Mail) -> String {
    let office = Office::new(FILE);
    block_on(office.mailer.send_now(mail)).unwrap();
    let mut files = office.files();
    assert_eq!(files.len(), 1);
    files.remove(0)
}

#[test]
fn what_is_no_address_is_refused() {
    let wrong = [
        "",
        "alice",
        "@example.com",
        "alice@",
        "alice@example..com",
        "alice@-example.com",
        "alice@exam ple.com",
        "alice@example.com, bob@example.com",
        "alice@example.com;bob@example.com",
        "alice@example.com\r\nBcc: bob@example.com",
        "alice@example.com\0",
        "alice\n@example.com",
        "a@b@example.com",
        "<alice@example.com",
        "al<ice@example.com",
        "\"alice bob\"@example.com",
        ".alice@example.com",
        "alice@[127.0.0.1]",
        "älice@example.com",
    ];
    for address in wrong {
        for mail in [mail().and_to(address), mail().cc(address), mail().bcc(address), mail().reply_to(address), mail().from(address)] {
            let (status, message) = refusal(mail);
            assert!(status == 400 && message.contains("is not a mail address"), "{address:?}: {message}");
        }
    }
    assert!(refusal(mail().and_to("alice@bücher.example")).1.contains("xn--"));
    let long = format!("{}@example.com", "a".repeat(65));
    assert!(refusal(mail().and_to(long)).1.contains("is not a mail address"));
}

#[test]
fn no_header_is_broken_out_of() {
    let evil = "Hello\r\nBcc: bob@example.com";
    for mail in [
        mail().subject(evil),
        mail().subject("Hello\nBcc: bob@example.com"),
        mail().subject("Hello\rthere"),
        mail().subject("Hello\0"),
        mail().and_to((evil, "bob@example.com")),
        mail().from(("Shop\n", "shop@example.com")),
        mail().header("X-Note", evil),
        mail().attach("a.pdf\r\nX: y", "application/pdf", *b"a"),
    ] {
        let (status, message) = refusal(mail);
        assert!(status == 400 && message.contains("control character"), "{message}");
    }
    for name in ["Bcc", "from", "Content-Type", "Message-ID", "X Note", "X:", "", "X-Nöte", "X\r\nY"] {
        let (status, message) = refusal(mail().header(name, "a"));
        assert!(status == 500 && message.contains("header"), "{message}");
    }
    for kind in ["pdf", "application/", "a/b\r\nX: y", "multipart/mixed", "a/b; name=\"c\r\nX: y\"", "a/b; name"] {
        assert!(refusal(mail().attach("a", kind, *b"a")).1.contains("media type"), "{kind}");
    }
}

#[test]
fn what_is_missing_or_too_much_is_refused() {
    assert!(refusal(Mail::to("a@example.com").text("a")).1.contains("needs a subject"));
    assert!(refusal(Mail::to("a@example.com").subject("a").html("<p>a</p>")).1.contains("needs a text"));
    assert!(refusal(mail().template("mail/welcome", lback_core::Context::new())).1.contains("rendered with a request"));
    let many = (0..100).fold(mail(), |mail, n| mail.bcc(format!("a{n}@example.com")));
    assert!(refusal(many).1.contains("at most 100 recipients"));
    for large in [mail().text("a".repeat(11 << 20)), mail().attach("a", "a/b", vec![0; 8 << 20])] {
        let (status, message) = refusal(large);
        assert!(status == 400 && message.contains("MAIL_MAX_BYTES = 10485760"), "{message}");
    }
    assert!(refusal(mail().subject("a".repeat(999))).1.contains("longer than 998 bytes"));
}

#[test]
fn letters_of_every_script_arrive_encoded() {
    let mail = Mail::to(("Jürgen \"J\" Müller, Sr.", "j@example.com"))
        .subject("Grüße aus Łódź: 你好")
        .text("Schöne Grüße,\n.\nund bis bald")
        .html("<p>Schöne Grüße</p>");
    let written = written(mail);
    assert!(written.is_ascii() && written.contains("\r\nSubject: =?utf-8?"), "{written}");
    assert!(written.contains("<j@example.com>") && written.contains("From: \"Shop\" <shop@example.com>"), "{written}");
    assert!(written.contains("multipart/alternative") && written.contains("text/html"), "{written}");
    assert!(written.contains("Date: Thu, 1 Jan 2026 12:00:00 +0000"), "{written}");
}

/// A server that takes a line break of another kind for one must not see an end where there is none.
#[test]
fn no_line_ends_other_than_as_mail_has_it() {
    let evil = "a\r.\rb\n.\nc\n.\r\nd\r\n.\r\nMAIL FROM:<eve@example.com>\r\n\0\u{1b}\u{2028} ".to_owned() + &"x".repeat(2000);
    let written = written(mail().text(evil.as_str()).html(evil.as_str()).attach("a.txt", "text/plain", evil.as_bytes()));
    let alone = written.replace("\r\n", "");
    assert!(!alone.contains(['\r', '\n', '\0']), "{written:?}");
    assert!(written.split("\r\n").all(|line| line.len() <= 998), "{written:?}");
}

#[test]
fn hidden_copies_stay_hidden_and_the_rest_is_there() {
    let link = format!("<https://example.com/stop?token={}>", "a".repeat(100));
    let mail = mail()
        .cc("cora@example.com")
        .bcc("bob@example.com")
        .reply_to("Support <support@example.com>")
        .header("List-Unsubscribe", &link)
        .attach("Rechnung für Sie.pdf", "application/pdf", b"%PDF-1.7".as_slice());
    let written = written(mail);
    assert!(!written.contains("bob@") && !written.to_lowercase().contains("bcc"), "{written}");
    assert!(written.replace("\r\n ", " ").contains(&format!("List-Unsubscribe: {link}")), "{written}");
    assert!(written.contains("Cc: <cora@example.com>") && written.contains("Reply-To: \"Support\" <support@example.com>"), "{written}");
    // "%PDF-1.7" in base64.
    assert!(written.contains("JVBERi0xLjc") && written.contains("attachment"), "{written}");
}

/// The header of the part whose content is an attachment, in one line.
fn part_header(written: &str, name: &str) -> String {
    let unfolded = written.replace("\r\n\t", " ").replace("\r\n ", " ");
    unfolded.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {written}")).to_owned()
}

#[test]
fn an_attachment_keeps_the_parameters_of_its_media_type() {
    for kind in [
        "text/calendar; charset=utf-8; method=REQUEST",
        "text/calendar;charset=utf-8;method=REQUEST",
        "TEXT/Calendar ; Charset=\"utf-8\" ; METHOD=REQUEST;",
    ] {
        let written = written(mail().attach("invitation.ics", kind, "BEGIN:VCALENDAR\r\nSUMMARY:Grüße\r\nEND:VCALENDAR\r\n"));
        let header = part_header(&written, "Content-Type: text/calendar");
        assert_eq!(header, "Content-Type: text/calendar; charset=\"utf-8\"; method=\"REQUEST\"", "{kind}");
        assert!(written.is_ascii() && written.contains("Content-Disposition: attachment"), "{written}");
    }
    let written = written(mail().attach("a", "application/x; title=\"a \\\"b\\\"; c\"; note=\"für Sie\"", *b"a"));
    let header = part_header(&written, "Content-Type: application/x");
    assert!(header.contains(r#"title="a \"b\"; c""#) && header.contains("note*=UTF-8''f%C3%BCr%20Sie"), "{header}");
}

#[test]
fn the_name_of_an_attachment_may_be_in_any_script() {
    for (name, encoded) in
        [("Rechnung für Sie.pdf", "Rechnung%20f%C3%BCr%20Sie.pdf"), ("招待.ics", "%E6%8B%9B%E5%BE%85.ics"), ("हिन्दी", "%E0%A4%B9")]
    {
        let written = written(mail().attach(name, "application/pdf", *b"a"));
        assert!(part_header(&written, "Content-Disposition: attachment").contains(&format!("UTF-8''{encoded}")), "{written}");
    }
    let written = written(mail().attach("a \"b\"; c.pdf", "application/pdf", *b"a"));
    assert!(part_header(&written, "Content-Disposition: attachment").contains(r#"filename="a \"b\"; c.pdf""#), "{written}");
}

/// RFC 2046, section 5.2: such a part must not be encoded.
#[test]
fn an_attached_message_travels_as_it_is() {
    let inner = "From: a@example.com\nSubject: Hello\n\nHow are you?\n.\n";
    for kind in ["message/rfc822", "Message/RFC822"] {
        let written = written(mail().attach("forwarded.eml", kind, inner));
        assert!(written.contains(&inner.replace('\n', "\r\n")) && !written.replace("\r\n", "").contains('\n'), "{written}");
        assert_eq!(part_header(&written, "Content-Type: message"), "Content-Type: message/rfc822");
        assert!(written.contains("Content-Transfer-Encoding: 7bit"), "{written}");
    }
    for inner in ["Subject: Grüße\r\n\r\n".to_owned(), "a".repeat(1000), "a\rb".to_owned(), "a\0".to_owned()] {
        let (status, message) = refusal(mail().attach("forwarded.eml", "message/rfc822", inner));
        assert!(status == 400 && message.contains("application/octet-stream"), "{message}");
    }
    // As a file it may be anything.
    written(mail().attach("forwarded.eml", "application/octet-stream", "Subject: Grüße\r\n\r\n"));
}

#[test]
fn settings_that_cannot_work_are_named() {
    let folder = TempDir::with_prefix("lback-test-").unwrap();
    std::fs::write(folder.path().join("db.sqlite"), "").unwrap();
    let why = |settings: &str| try_mailer(&folder, settings).err().unwrap().to_string();
    for (settings, part) in [
        ("MAIL_FROM = 'shop'", "MAIL_FROM: \"shop\" is not a mail address"),
        ("MAIL_MAX_ATTEMPTS = 0", "MAIL_MAX_ATTEMPTS = 30"),
        ("SMTP_TIMEOUT_SECONDS = 0", "SMTP_TIMEOUT_SECONDS = 60"),
        ("SMTP_TIMEOUT_SECONDS = 18446744073709551615", "SMTP_TIMEOUT_SECONDS"),
        ("MAIL_BACKEND = 'pigeon'", "MAIL_BACKEND"),
        ("MAIL_DIR = '.'", "MAIL_DIR = \"mails\""),
        ("MAIL_DIR = 'db.sqlite'", "MAIL_DIR should be a folder, not a file"),
        ("MAIL_MAX_BYTES = 0", "MAIL_MAX_BYTES = 10485760"),
        ("SMTP_HOST = ''", "SMTP_HOST = \"smtp.example.com\""),
        ("SMTP_HOST = 'smtp.example.com:587'", "SMTP_HOST = \"smtp.example.com\""),
        ("SMTP_PORT = 0", "SMTP_PORT = 587"),
        ("SMTP_PORT = 465", "SMTP_TLS = \"tls\""),
        ("SMTP_PORT = 587\nSMTP_TLS = 'tls'", "SMTP_TLS = \"starttls\""),
        ("SMTP_CA_FILE = 'none.pem'", "SMTP_CA_FILE should be the path of a file that exists"),
        ("SMTP_CA_FILE = 'db.sqlite'\nSMTP_TLS = 'none'", "SMTP_TLS = \"starttls\""),
    ] {
        assert!(why(settings).contains(part), "{}", why(settings));
    }
    // An application that sends none need not say where to.
    let unset = try_mailer(&folder, "").unwrap();
    let error = block_on(unset.send_now(mail())).unwrap_err();
    assert!(error.to_string().contains("MAIL_BACKEND = \"smtp\""), "{error}");
}

#[cfg(not(feature = "smtp"))]
#[test]
fn a_mail_server_needs_its_feature() {
    let error = try_mailer(&TempDir::with_prefix("lback-test-").unwrap(), "MAIL_BACKEND = 'smtp'").err().unwrap();
    assert!(error.to_string().contains("features = [\"smtp\"]"), "{error}");
}
