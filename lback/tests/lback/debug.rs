//! The `Debug` output of public types, which ends up in logs, contains no secrets.

use lback::prelude::*;
use lback::testing::Client;

const SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";

fn view(req: &mut Request) -> Result<String> {
    req.session().insert("pin", SECRET)?;
    req.session().flash("info", SECRET);
    req.cookies().private().add(("token", SECRET));
    let (keys, settings) = (req.app().derive_keys("test"), req.app().settings());
    let shown = format!("{keys:?} {settings:?} {:?} {req:?}", req.app());
    let shown = format!("{shown} {:?}", req.session());
    Ok(format!("{shown} {:?}", req.cookies()))
}

#[test]
fn debug_output_contains_no_secrets() {
    let app = App::new(Router::new().get("/", view));
    assert_eq!(format!("{app:?}"), r#"App { router: ["/"], batteries: ["monitoring", "database", "sessions", "csrf"], .. }"#);
    let client = Client::with_settings(app, &format!("SECRET_KEY = '{SECRET}'\nSESSION_TIMEOUT_MINUTES = 30"));
    let shown = client.get("/").send().text().to_owned();
    assert!(shown.contains("Keys { .. }") && shown.contains("Cookies { .. }"), "{shown}");
    let session = client.session().unwrap();
    assert_eq!(session.data["pin"], SECRET);
    for shown in [shown, format!("{session:?}"), format!("{client:?} {:?} {:?}", client.sessions(), client.database())] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[cfg(feature = "mail")]
#[test]
fn debug_output_of_mail_contains_no_text() {
    let mail = Mail::to("alice@example.com").subject("Reset").text(SECRET).html(SECRET);
    let shown = format!("{mail:?}");
    assert!(shown.contains("alice@example.com") && !shown.contains("hunter2"), "{shown}");
}
