//! The command `sendtestmail`, and what `check` says of mail.

use super::{project, run};

#[test]
fn sendtestmail_sends_now_or_says_why_not() {
    let on_console = project("MAIL_BACKEND = 'console'");
    let printed = run(&on_console, "sendtestmail alice@example.com");
    for part in ["To: alice@example.com", "sent to alice@example.com, through the console", "ended well"] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    assert!(run(&on_console, "sendtestmail alice").contains("ended with: \"alice\" is not a mail address"));
    assert!(run(&on_console, "sendtestmail").contains("ended with: sendtestmail takes an address"));
    let unset = run(&project(""), "sendtestmail alice@example.com");
    assert!(unset.contains("ended with: no mail is sent: MAIL_BACKEND is not set"), "{unset}");
    assert!(run(&on_console, "help").contains("sendtestmail ADDRESS"));
}

#[cfg(feature = "smtp")]
#[test]
fn sendtestmail_says_what_the_server_answers() {
    use lback_test_servers::{Smtp, SmtpFault};

    let server = Smtp::start();
    let settings = format!("MAIL_BACKEND = 'smtp'\nSMTP_HOST = '127.0.0.1'\nSMTP_PORT = {}\nSMTP_TLS = 'none'", server.port());
    let project = project(&settings);
    let sent = run(&project, "sendtestmail alice@example.com");
    assert!(sent.contains(&format!("sent to alice@example.com, through 127.0.0.1:{}", server.port())), "{sent}");
    assert_eq!(server.received()[0].to, ["alice@example.com"]);
    server.fail(Some(SmtpFault::RefusesRecipients));
    let refused = run(&project, "sendtestmail alice@example.com");
    assert!(refused.contains("ended with: the mail was not sent: 127.0.0.1:") && refused.contains("no such user"), "{refused}");
}

#[test]
fn check_deploy_wants_mail_that_arrives() {
    let checked = |settings: &str| {
        let project = project(settings);
        run(&project, "migrate");
        run(&project, "check --deploy")
    };
    let console = checked("MAIL_BACKEND = 'console'");
    assert!(console.contains("FAIL  mail: it is not delivered"), "{console}");
    if cfg!(feature = "smtp") {
        let smtp = "MAIL_BACKEND = 'smtp'\nSMTP_HOST = 'smtp.example.com'";
        assert!(checked(smtp).contains("FAIL  mail: MAIL_FROM cannot receive answers"));
        let login = "MAIL_FROM = 'shop@example.com'\nSMTP_USERNAME = 'shop'\nSMTP_PASSWORD = 'hunter2'";
        let clear = checked(&format!("{smtp}\n{login}\nSMTP_TLS = 'none'"));
        assert!(clear.contains("FAIL  mail: the password travels in clear") && !clear.contains("hunter2"), "{clear}");
        assert!(checked(&format!("{smtp}\n{login}")).contains("ok    mail"));
    } else {
        let missing = checked("MAIL_BACKEND = 'smtp'");
        assert!(missing.contains("ended with: MAIL_BACKEND = \"smtp\" needs the feature smtp of lback"), "{missing}");
    }
}
