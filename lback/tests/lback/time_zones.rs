//! Time zones: of the application and of a request, in templates, mails, forms and JSON.

use std::fs;

use lback::http::Caching;
use lback::models::migrate::create_tables;
use lback::prelude::*;
use lback::serde;
use lback::testing::Client;
use tempfile::TempDir;

use crate::start_error;
use crate::unit_of_work::on_each_database;

const BERLIN: &str = "SESSION_TIMEOUT_MINUTES = 30\nTIME_ZONE = 'Europe/Berlin'";

on_each_database!(
    a_form_shows_and_reads_moments_in_the_time_zone,
    an_untouched_moment_is_not_changed,
    json_is_in_utc,
    check_asks_postgres_for_the_time_zone
);

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Returns a client of `app` with a template, and its folder.
fn with_template(app: App, name: &str, text: &str, settings: &str) -> (Client, TempDir) {
    let folder = TempDir::with_prefix("lback-test-").unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    let client = Client::with_settings(app, &format!("{settings}\nTEMPLATES_DIR = '{}'", folder.path().display()));
    (client, folder)
}

/// Uses the time zone of a cookie, as the guide shows.
async fn local_times(req: &mut Request, next: Next<'_>) -> Result<Response> {
    req.limit_caching(Caching::PerVisitor);
    let chosen = req.cookies().get("time_zone").and_then(|name| name.parse().ok());
    req.set_time_zone(chosen.unwrap_or(req.app().time_zone()));
    next.run(req).await
}

#[test]
fn a_template_shows_moments_in_the_time_zone_of_the_application_or_of_the_request() {
    let text = "{{ at | date }}, {{ at | date(format='%H:%M %Z') }}, {{ at | date(time_zone='Asia/Tokyo') }}, {{ day | date(format='%d.%m.') }}, \
                {{ local | date }}, {{ now | date }}";
    let page = |req: &mut Request| {
        let at = time("2026-10-25T00:30:00Z");
        req.render("page.txt", context! { at, day => at.date_naive(), local => at.naive_utc() })
    };
    async fn page_later(req: &mut Request) -> Result<Response> {
        tokio::task::yield_now().await;
        req.render("page.txt", context! { at => time("2026-10-25T01:30:00Z"), day => "2026-10-25", local => "2026-10-25T01:30:00" })
    }
    let app = App::new(Router::new().get("/", page).get("/later", page_later)).middleware(local_times);
    let (client, _folder) = with_template(app, "page.txt", text, BERLIN);
    client.clock().set(time("2026-12-31T23:30:00Z"));
    let rest = "2026-10-25 09:30, 25.10., 2026-10-25 00:30";
    assert_eq!(client.get("/").send().text(), format!("2026-10-25 02:30, 02:30 CEST, {rest}, 2027-01-01 00:30"));
    let later = "2026-10-25 10:30, 25.10., 2026-10-25 01:30";
    assert_eq!(client.get("/later").send().text(), format!("2026-10-25 02:30, 02:30 CET, {later}, 2027-01-01 00:30"));
    client.set_cookie("time_zone", "America/New_York");
    let page = client.get("/").send();
    assert_eq!(page.text(), format!("2026-10-24 20:30, 20:30 EDT, {rest}, 2026-12-31 18:30"));
    assert_eq!(page.header("vary"), Some("Cookie"));
    for hostile in ["Mars/Olympus", "../../etc/passwd", "", "%00"] {
        client.set_cookie("time_zone", hostile);
        client.get("/").send().assert_contains("02:30 CEST");
    }
}

#[test]
fn today_is_the_day_of_the_time_zone() {
    let page = |req: &mut Request| format!("{} {} {}", req.today(), req.time_zone(), req.app().time_zone());
    let client = Client::with_settings(App::new(Router::new().get("/", page)).middleware(local_times), BERLIN);
    client.clock().set(time("2026-12-31T23:30:00Z"));
    assert_eq!(client.get("/").send().text(), "2027-01-01 Europe/Berlin Europe/Berlin");
    client.set_cookie("time_zone", "America/New_York");
    assert_eq!(client.get("/").send().text(), "2026-12-31 America/New_York Europe/Berlin");
}

#[test]
fn an_unknown_time_zone_is_refused() {
    for (name, part) in
        [("Europe/Berln", "write \"Europe/Berlin\""), ("berlin", "write \"Europe/Berlin\""), ("", "such as \"Europe/Berlin\"")]
    {
        let error = start_error(App::new(Router::new()), &format!("SESSION_TIMEOUT_MINUTES = 30\nTIME_ZONE = '{name}'"));
        assert!(error.contains("TIME_ZONE is ") && error.contains(part), "{error}");
    }
    let app =
        || App::new(Router::new().get("/", |req: &mut Request| req.render("page.txt", context! { at => time("2026-01-01T00:00:00Z") })));
    let (client, folder) = with_template(app(), "page.txt", "{{ at | date(time_zone='Europe/Berln') }}", BERLIN);
    client.get("/").send().assert_status(500);
    fs::write(folder.path().join("page.txt"), "{{ at | date(zone='Europe/Berlin') }}").unwrap();
    let error = start_error(
        app(),
        &format!(
            "{BERLIN}
TEMPLATES_DIR = '{}'",
            folder.path().display()
        ),
    );
    assert!(error.contains("time_zone"), "{error}");
}

#[cfg(feature = "mail")]
#[test]
fn a_mail_is_in_the_time_zone_of_the_application_or_of_its_recipient() {
    let send = |req: &mut Request| {
        req.set_time_zone("Asia/Tokyo".parse()?);
        let mail = || Mail::to("alice@example.com").subject("Reminder").template("mail", context! { at => time("2026-07-01T12:00:00Z") });
        req.send_mail(mail())?;
        req.send_mail(mail().time_zone("America/New_York".parse()?))?;
        Ok::<_, Error>(req.time_zone().name())
    };
    let (client, _folder) =
        with_template(App::new(Router::new().post("/", send)).mail(), "mail.txt", "{{ at | date(format='%H:%M') }}", BERLIN);
    client.post("/").send().assert_contains("Asia/Tokyo");
    assert_eq!(client.mail().iter().map(|mail| mail.text.trim()).collect::<Vec<_>>(), ["14:00", "08:00"]);
}

#[derive(Model, Clone, Debug, serde::Serialize)]
pub struct Event {
    pub id: i64,
    pub title: String,
    pub starts_at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
}

#[derive(Form)]
#[form(model = Event)]
struct Planned {
    title: String,
    starts_at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
}

fn edit(req: &mut Request) -> Result<String> {
    let id = req.param("id")?;
    let mut event = Event::find(req.db()?, id)?;
    let mut form = Form::<Planned>::editing(&event);
    if let Some(planned) = form.submitted(req)? {
        planned.apply(&mut event);
        if form.save(req.db()?, &mut event)? {
            return Ok("saved".to_owned());
        }
    }
    Ok(form.html())
}

/// Shows the form without reading the request first.
fn show(req: &mut Request) -> Result<String> {
    let id = req.param("id")?;
    Ok(Form::<Planned>::editing(&Event::find(req.db()?, id)?).html())
}

fn client(on: &str) -> Client {
    let json = |req: &mut Request| {
        let id: i64 = req.param("id")?;
        Response::json(&Event::find(req.db()?, id)?)
    };
    let urls = Router::new().get("/{id:int}", edit).post("/{id:int}", edit).get("/{id:int}/show", show).get("/{id:int}/json", json);
    let client = Client::with_settings(App::new(urls).models(models![Event]).middleware(local_times), &format!("{BERLIN}\n{on}"));
    client.db(|db| create_tables(db, models![Event]));
    client
}

fn create(client: &Client, starts_at: &str) -> i64 {
    client
        .db(|db| Event::create(db, NewEvent { title: "Party".to_owned(), starts_at: time(starts_at), ends_at: None }).map(|event| event.id))
}

fn starts_at(client: &Client, id: i64) -> DateTime<Utc> {
    client.db(|db| Event::find(db, id).map(|event| event.starts_at))
}

fn a_form_shows_and_reads_moments_in_the_time_zone(on: &str) {
    let client = client(on);
    let id = create(&client, "2026-07-01T22:30:00Z");
    let page = client.get(&format!("/{id}")).send();
    page.assert_contains("type=\"datetime-local\" name=\"starts_at\"").assert_contains("value=\"2026-07-02T00:30\"");
    page.assert_contains("<input type=\"hidden\" name=\"starts_at.time_zone\" value=\"Europe/Berlin\">");
    let post = |pairs: &[(&str, &str)]| client.post(&format!("/{id}")).form(&[&[("title", "Party")], pairs].concat()).send();

    post(&[("starts_at", "2026-12-24T18:00"), ("ends_at", "2026-12-24T23:30")]).assert_contains("saved");
    let event = client.db(|db| Event::find(db, id));
    assert_eq!((event.starts_at, event.ends_at), (time("2026-12-24T17:00:00Z"), Some(time("2026-12-24T22:30:00Z"))));
    // The first of two times, and an offset that a client names itself.
    post(&[("starts_at", "2026-10-25T02:30")]).assert_contains("saved");
    assert_eq!(starts_at(&client, id), time("2026-10-25T00:30:00Z"));
    post(&[("starts_at", "2026-10-25T02:30:00+01:00")]).assert_contains("saved");
    assert_eq!(starts_at(&client, id), time("2026-10-25T01:30:00Z"));

    // A time that does not exist is an error at its field, and what was typed is shown again.
    let page = post(&[("starts_at", "2026-03-29T02:30"), ("ends_at", "2026-03-29T05:00")]);
    page.assert_contains("The clocks skip this time")
        .assert_contains("value=\"2026-03-29T02:30\"")
        .assert_contains("value=\"2026-03-29T05:00\"");
    for hostile in ["tomorrow", "2026-02-30T12:00", "0000-01-01T00:00", "99999-01-01T00:00", "2026-10-25T02:30:60", "\0", "2026-10-25"] {
        post(&[("starts_at", hostile)]).assert_contains("aria-invalid=\"true\"");
    }
    assert_eq!(starts_at(&client, id), time("2026-10-25T01:30:00Z"));

    // What was shown in one time zone is read in it, even if the visitor has another one by now.
    client.set_cookie("time_zone", "Asia/Tokyo");
    post(&[("starts_at", "2026-07-01T12:00"), ("starts_at.time_zone", "Europe/Berlin")]).assert_contains("saved");
    assert_eq!(starts_at(&client, id), time("2026-07-01T10:00:00Z"));
    post(&[("starts_at", "2026-07-01T12:00"), ("starts_at.time_zone", "Mars")]).assert_contains("saved");
    assert_eq!(starts_at(&client, id), time("2026-07-01T03:00:00Z"));
    let page = client.get(&format!("/{id}/show")).send();
    page.assert_contains("value=\"2026-07-01T03:00\"").assert_contains("name=\"starts_at.time_zone\" value=\"UTC\"");
}

fn an_untouched_moment_is_not_changed(on: &str) {
    let client = client(on);
    // Both times that the clocks show twice, and microseconds, which browsers do not know.
    for (at, shown) in [
        ("2026-10-25T00:30:00Z", "2026-10-25T02:30"),
        ("2026-10-25T01:30:00Z", "2026-10-25T02:30"),
        ("2026-07-01T12:00:05.123456Z", "2026-07-01T14:00:05.123"),
        ("2026-07-01T12:00:00.000001Z", "2026-07-01T14:00"),
    ] {
        let id = create(&client, at);
        client.get(&format!("/{id}")).send().assert_contains(&format!("value=\"{shown}\""));
        client.post(&format!("/{id}")).form(&[("title", "Renamed"), ("starts_at", shown)]).send().assert_contains("saved");
        let event = client.db(|db| Event::find(db, id));
        assert_eq!((event.title.as_str(), event.starts_at), ("Renamed", time(at)));
        // Nor is it after an error at another field.
        let page = client.post(&format!("/{id}")).form(&[("title", ""), ("starts_at", shown)]).send();
        page.assert_contains("Fill in this field").assert_contains(&format!("value=\"{shown}\""));
    }
}

fn check_asks_postgres_for_the_time_zone(on: &str) {
    let printed = Client::with_settings(App::new(Router::new()), &format!("{BERLIN}\n{on}")).command("check", &[]);
    assert_eq!(printed.contains("ok    TIME_ZONE"), !on.is_empty(), "{printed}");
}

fn json_is_in_utc(on: &str) {
    let client = client(on);
    let id = create(&client, "2026-07-01T22:30:00Z");
    client.get(&format!("/{id}/json")).send().assert_contains("\"starts_at\":\"2026-07-01T22:30:00Z\"");
}
