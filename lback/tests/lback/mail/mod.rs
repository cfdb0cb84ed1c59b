//! Mail of an application: sent with the data of its request or not at all, and at no cost to whoever waits for the answer.

#[cfg(feature = "smtp")]
mod smtp;

use std::fs;

use lback::mail::Mailer;
use lback::prelude::*;
use lback::testing::{Client, block_on};
use tempfile::TempDir;

use crate::unit_of_work::on_each_database;
use crate::{number, sql, start_error};

on_each_database!(
    what_is_committed_is_sent_and_what_fails_is_not,
    the_mail_waits_in_the_transaction_of_its_request,
    a_mail_that_cannot_be_stored_undoes_the_request,
    a_job_sends_its_mail_with_its_commit,
);

const SETTINGS: &str = "ALLOWED_HOSTS = ['*']\nSESSION_TIMEOUT_MINUTES = 30";

fn mail(subject: &str) -> Mail {
    Mail::to("alice@example.com").subject(subject).text("How are you?")
}

fn note(req: &mut Request) -> Result<()> {
    diesel::sql_query("INSERT INTO notes VALUES (7)").execute(req.db()?)?;
    Ok(())
}

fn urls() -> Router {
    Router::new()
        .post("/plain", |req: &mut Request| req.send_mail(mail("plain")))
        .post("/note", |req: &mut Request| note(req).and_then(|()| req.send_mail(mail("note"))))
        .post("/two", |req: &mut Request| req.send_mail(mail("one")).and_then(|()| req.send_mail(mail("two"))))
        .post("/session", |req: &mut Request| req.session().insert("a", 1).and_then(|()| req.send_mail(mail("session"))))
        .get("/get", |req: &mut Request| req.send_mail(mail("get")))
        .get("/read", |req: &mut Request| -> Result<()> {
            let notes = diesel::dsl::sql::<diesel::sql_types::BigInt>("(SELECT count(*) FROM notes)");
            diesel::select(notes).get_result::<i64>(req.db()?)?;
            req.send_mail(mail("read"))
        })
        .post("/async", async |req: &mut Request| req.send_mail(mail("async")))
        .post("/early", async |req: &mut Request| -> Result<()> {
            req.run_db(|db| Ok(diesel::sql_query("INSERT INTO notes VALUES (7)").execute(db).map(drop)?)).await?;
            req.commit_db().await?;
            req.send_mail(mail("early"))
        })
        .post("/conflict", |req: &mut Request| req.send_mail(mail("conflict")).map(|()| StatusCode::CONFLICT))
        .post("/not-found", |req: &mut Request| -> Result<()> {
            req.send_mail(mail("not found"))?;
            Err(Error::not_found("no"))
        })
        .post("/server-error", |req: &mut Request| req.send_mail(mail("error")).map(|()| StatusCode::BAD_GATEWAY))
        .post("/panic", |req: &mut Request| -> Result<()> {
            req.send_mail(mail("panic"))?;
            panic!("on purpose")
        })
        .post("/orphan", |req: &mut Request| -> Result<()> {
            diesel::sql_query("INSERT INTO children VALUES (7)").execute(req.db()?)?;
            req.send_mail(mail("orphan"))
        })
        .post("/wrong", |req: &mut Request| req.send_mail(mail("wrong").and_to("bob@example.com, cora@example.com")))
}

const SENT: [(&str, u16, usize); 8] = [
    ("/plain", 204, 1),
    ("/note", 204, 1),
    ("/two", 204, 2),
    ("/session", 204, 1),
    ("/async", 204, 1),
    ("/early", 204, 1),
    // A transaction that ends below 500 is committed.
    ("/conflict", 409, 1),
    ("/not-found", 404, 0),
];

const FAILED: [(&str, u16); 4] = [("/server-error", 502), ("/panic", 500), ("/orphan", 500), ("/wrong", 400)];

fn client(on: &str, settings: &str) -> Client {
    let client = Client::with_settings(App::new(urls()).mail(), &format!("{SETTINGS}\n{on}\n{settings}"));
    let tables = "CREATE TABLE notes (n BIGINT);
         CREATE TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TABLE children (parent BIGINT NOT NULL REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);";
    sql(&client, tables);
    client
}

fn mailer(client: &Client) -> Mailer {
    client.app().state::<Mailer>().unwrap().clone()
}

fn waiting(client: &Client) -> i64 {
    number(client, "SELECT count(*) FROM job_queue")
}

fn what_is_committed_is_sent_and_what_fails_is_not(on: &str) {
    let client = client(on, "");
    let mut before = 0;
    for (path, status, mails) in SENT.into_iter().chain(FAILED.map(|(path, status)| (path, status, 0))) {
        client.post(path).send().assert_status(status);
        assert_eq!(client.mail().len(), before + mails, "{path}");
        before += mails;
    }
    for path in ["/get", "/read"] {
        client.get(path).send().assert_status(204);
        assert_eq!(client.mail().pop().unwrap().subject, path.trim_start_matches('/'));
    }
    assert_eq!(waiting(&client), 0);
}

fn the_mail_waits_in_the_transaction_of_its_request(on: &str) {
    let folder = TempDir::with_prefix("lback-test-").unwrap();
    let client = client(on, &format!("MAIL_BACKEND = 'file'\nMAIL_DIR = '{}'", folder.path().join("mails").display()));
    let files = || fs::read_dir(folder.path().join("mails")).map_or(0, Iterator::count);
    let mut before = 0;
    for (path, status, mails) in SENT.into_iter().chain(FAILED.map(|(path, status)| (path, status, 0))) {
        client.post(path).send().assert_status(status);
        before += i64::try_from(mails).unwrap();
        assert_eq!(waiting(&client), before, "{path}");
    }
    for path in ["/get", "/read"] {
        client.get(path).send().assert_status(204);
        before += 1;
        assert_eq!(waiting(&client), before, "{path}");
    }
    assert_eq!(client.session().unwrap().data["a"], 1);
    assert_eq!(files(), 0, "without a server nobody sends");
    // The process is killed, and another one takes over.
    let again = client.restart(App::new(urls()).mail());
    again.run_jobs();
    assert_eq!((waiting(&again), i64::try_from(files()).unwrap()), (0, before));
}

fn a_mail_that_cannot_be_stored_undoes_the_request(on: &str) {
    let client = client(on, "MAIL_BACKEND = 'console'");
    sql(&client, "ALTER TABLE job_queue RENAME TO elsewhere");
    client.post("/note").send().assert_status(500);
    client.post("/session").send().assert_status(500);
    assert_eq!(number(&client, "SELECT count(*) FROM notes"), 0);
    assert_eq!(number(&client, "SELECT count(*) FROM sessions"), 0);
    sql(&client, "ALTER TABLE elsewhere RENAME TO job_queue");
    client.post("/note").send().assert_status(204);
    assert_eq!((number(&client, "SELECT count(*) FROM notes"), waiting(&client)), (1, 1));
}

/// Sends a mail, and then fails at its first attempt.
#[derive(serde::Serialize, serde::Deserialize)]
struct Remind;

impl Job for Remind {
    const NAME: &'static str = "remind";

    fn run(self, job: &mut JobContext) -> Result<()> {
        job.send_mail(mail("reminder"))?;
        if job.attempt() == 1 { Err(Error::internal("on purpose")) } else { Ok(()) }
    }
}

fn a_job_sends_its_mail_with_its_commit(on: &str) {
    let folder = TempDir::with_prefix("lback-test-").unwrap();
    let urls = Router::new().post("/", |req: &mut Request| req.enqueue(Remind).map(drop));
    let settings = format!("{SETTINGS}\n{on}\nMAIL_BACKEND = 'file'\nMAIL_DIR = '{}'", folder.path().display());
    let client = Client::with_settings(App::new(urls).jobs(jobs![Remind]).mail(), &settings);
    client.post("/").send().assert_status(204);
    assert_eq!(client.try_run_jobs().len(), 1);
    client.clock().advance(std::time::Duration::from_secs(60));
    assert_eq!(client.run_jobs(), 2);
    assert_eq!((fs::read_dir(folder.path()).unwrap().count(), waiting(&client)), (1, 0));
}

#[cfg(unix)]
#[test]
fn mail_in_files_is_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::with_prefix("lback-test-").unwrap();
    let mails = folder.path().join("made/mails");
    let settings = format!("{SETTINGS}\nMAIL_BACKEND = 'file'\nMAIL_DIR = '{}'", mails.display());
    let client = Client::with_settings(App::new(Router::new()).mail(), &settings);
    let mailer = client.app().state::<Mailer>().unwrap().clone();
    block_on(mailer.send_now(mail("files"))).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&mails), 0o700);
    let files: Vec<_> = fs::read_dir(&mails).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() == 1 && mode(&files[0]) == 0o600, "{files:?}");
}

#[test]
fn templates_are_rendered_and_escaped_as_their_names_say() {
    let folder = TempDir::with_prefix("lback-test-").unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join("mail").join(name), text).unwrap();
    fs::create_dir(folder.path().join("mail")).unwrap();
    write("both.txt", "Hello {{ name }}, {{ url_for(route=\"home\") }}");
    write("both.html", "<p>Hello {{ name }}</p>");
    write("text.txt", "Only {{ name }}");
    write("html.html", "<p>{{ name }}</p>");
    fn send(req: &mut Request) -> Result<()> {
        let template = format!("mail/{}", req.param::<String>("name")?);
        req.send_mail(Mail::to("a@example.com").subject("Hello").template(template, context! { name => "<Alice> & Co" }))
    }
    let urls = Router::new().post("/{name}", send).get("/", |_: &mut Request| "home").name("home");
    let client = Client::with_settings(App::new(urls).mail(), &format!("{SETTINGS}\nTEMPLATES_DIR = '{}'", folder.path().display()));
    client.post("/both").send().assert_status(204);
    client.post("/text").send().assert_status(204);
    let mails = client.mail();
    assert_eq!((mails[0].text.as_str(), mails[0].html.as_deref()), ("Hello <Alice> & Co, /", Some("<p>Hello &lt;Alice&gt; &amp; Co</p>")));
    assert_eq!((mails[1].text.as_str(), mails[1].html.as_deref()), ("Only <Alice> & Co", None));
    for missing in ["/html", "/none"] {
        client.post(missing).send().assert_status(500);
    }
    assert_eq!(client.mail().len(), 2);
}

#[test]
fn a_test_finds_the_whole_mail() {
    let view = |req: &mut Request| {
        let mail = mail("Invoice").from("Shop <shop@example.com>").cc(("Bob", "bob@example.com")).header("X-Order", "7");
        req.send_mail(mail.attach("a.pdf", "application/pdf", *b"abc"))
    };
    let client = Client::with_settings(App::new(Router::new().post("/", view)).mail(), SETTINGS);
    client.post("/").send().assert_status(204);
    let sent = client.mail().remove(0);
    assert_eq!(sent.from, "Shop <shop@example.com>");
    assert_eq!((sent.to, sent.cc), (vec!["alice@example.com".into()], vec!["Bob <bob@example.com>".into()]));
    assert_eq!((sent.subject.as_str(), sent.text.as_str()), ("Invoice", "How are you?"));
    assert_eq!(sent.headers, [("X-Order".to_owned(), "7".to_owned())]);
    let [file] = sent.attachments.as_slice() else { panic!("{:?}", sent.attachments) };
    assert_eq!((file.name.as_str(), file.content_type.as_str(), file.bytes.as_slice()), ("a.pdf", "application/pdf", b"abc".as_slice()));
    assert_eq!(sent.date, client.clock().now());
    assert!(client.restart(App::new(Router::new()).mail()).mail().is_empty());
}

#[test]
fn without_a_database_mail_is_sent_as_well() {
    let folder = TempDir::with_prefix("lback-test-").unwrap();
    let urls = || {
        Router::new()
            .post("/ok", |req: &mut Request| req.send_mail(mail("ok")))
            .post("/fails", |req: &mut Request| req.send_mail(mail("fails")).map(|()| StatusCode::BAD_GATEWAY))
    };
    let app = || App::new(urls()).mail().without_database().without_sessions();
    let in_memory = Client::with_settings(app(), SETTINGS);
    in_memory.post("/ok").send().assert_status(204);
    in_memory.post("/fails").send().assert_status(502);
    assert_eq!(in_memory.mail().len(), 1);

    let settings = format!("{SETTINGS}\nMAIL_BACKEND = 'file'\nMAIL_DIR = '{}'", folder.path().display());
    let client = Client::with_settings(app(), &settings);
    for _ in 0..1000 {
        client.post("/ok").send().assert_status(204);
    }
    // The queue is bounded, and says so before anything is lost.
    client.post("/ok").send().assert_status(503);
    block_on(mailer(&client).send_due());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1000);
    client.post("/ok").send().assert_status(204);
}

#[test]
fn where_nothing_says_where_mail_goes_only_sending_it_fails() {
    let settings = format!("{SETTINGS}\nMAIL_FROM = 'shop'");
    assert!(start_error(App::new(urls()).mail(), &settings).contains("MAIL_FROM: \"shop\" is not a mail address"));
    let without_middleware = App::new(urls()).mail().stack(|stack| stack.remove("MailMiddleware").map(drop));
    let client = Client::with_settings(without_middleware, SETTINGS);
    client.post("/plain").send().assert_status(500);
    assert!(client.mail().is_empty());
}
