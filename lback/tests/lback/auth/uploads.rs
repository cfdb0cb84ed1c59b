//! Requests that are refused before their body is read.

use std::io::{Read, Write};
use std::net::TcpStream;

use lback::middleware::Middleware;

use super::*;

const ON: &str = "SESSION_TIMEOUT_MINUTES = 30\nAUTH_ARGON2_MEMORY_KIB = 64\nAUTH_ARGON2_PASSES = 1";
const UPLOAD: &str = "content-type: multipart/form-data; boundary=b\r\ncontent-length: 1000000";

fn count(req: &mut Request) -> Result<String> {
    Ok(format!("{} files", req.multipart()?.files().count()))
}

#[rustfmt::skip] // one route a line
fn upload_app() -> App {
    let urls = Router::new()
        .get("/login", |_: &mut Request| "log in here").name("login")
        .post("/members", count).login_required()
        .post("/office", count).staff_required()
        .post("/write", count).permission_required("blog.add_post")
        .post("/free", count)
        .post("/key", count).middleware(KeyRequired).csrf_exempt()
        .post("/echo", |req: &mut Request| -> Result<String> { Ok(req.form::<Vec<(String, String)>>()?[0].1.clone()) }).login_required();
    App::new(urls).auth().permissions([("blog.add_post", "Write posts")])
}

/// A guard of an application's own.
struct KeyRequired;

impl Middleware for KeyRequired {
    async fn handle(&self, req: &mut Request, next: Next<'_>) -> Result<Response> {
        self.before_body(req)?;
        next.run(req).await
    }

    fn before_body(&self, req: &mut Request) -> Result<()> {
        if req.header("x-key").is_some() { Ok(()) } else { Err(Error::forbidden("Send the header X-Key.")) }
    }
}

/// The answer to a request of which only the head has been sent.
fn answer_to_head(client: &Client, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(client.addr().unwrap()).unwrap();
    // Only so that a test that fails ends.
    stream.set_read_timeout(Some(SECOND * 30)).unwrap();
    let cookies: Vec<String> = client.cookies().iter().map(|cookie| cookie.stripped().to_string()).collect();
    let cookies = if cookies.is_empty() { String::new() } else { format!("cookie: {}\r\n", cookies.join("; ")) };
    stream.write_all(format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{cookies}{UPLOAD}\r\n{headers}\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    let mut byte = [0];
    while !answer.ends_with("\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the connection ended after {answer:?}");
        answer.push(char::from(byte[0]));
    }
    answer
}

#[test]
fn who_is_not_let_in_is_refused_before_the_body_is_read() {
    let client = Client::over_socket_with_settings(upload_app(), ON);
    let alice = client.fork();
    alice.login(&add_user(&client, "alice"));
    for path in ["/members", "/office", "/write"] {
        let answer = answer_to_head(&client, path, "");
        assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("location: /login\r\n"), "{answer}");
        let program = answer_to_head(&client, path, "accept: application/json\r\n");
        assert!(program.starts_with("HTTP/1.1 401"), "{program}");
    }
    for path in ["/office", "/write"] {
        let answer = answer_to_head(&alice, path, "");
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    let stale = client.fork();
    for cookie in alice.cookies() {
        stale.set_cookie(cookie.name(), cookie.value());
    }
    let mut user = user(&client, "alice");
    client.db(|db| user.set_active(db, false));
    let answer = answer_to_head(&stale, "/members", "");
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

#[test]
fn a_connection_goes_on_after_a_small_form_that_was_refused() {
    let client = Client::over_socket_with_settings(upload_app(), ON);
    let mut stream = TcpStream::connect(client.addr().unwrap()).unwrap();
    stream.set_read_timeout(Some(SECOND * 30)).unwrap();
    let form = "POST /echo HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 3\r\n\r\na=b";
    stream.write_all(format!("{form}GET /login HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert!(answers.starts_with("HTTP/1.1 303") && answers.ends_with("log in here"), "{answers}");
}

#[test]
fn a_client_that_waits_to_be_asked_for_its_body_is_not_asked() {
    let client = Client::over_socket_with_settings(upload_app(), ON);
    let refused = answer_to_head(&client, "/members", "expect: 100-continue\r\n");
    assert!(refused.starts_with("HTTP/1.1 303"), "{refused}");
    client.login(&add_user(&client, "alice"));
    let asked = answer_to_head(&client, "/members", "expect: 100-continue\r\n");
    assert!(asked.starts_with("HTTP/1.1 100"), "{asked}");
}

#[test]
fn a_request_of_another_site_is_refused_before_the_body_is_read() {
    let client = Client::over_socket_with_settings(upload_app(), ON);
    for header in ["sec-fetch-site: cross-site", "origin: https://evil.example", "x-csrf-token: wrong"] {
        let answer = answer_to_head(&client, "/free", &format!("{header}\r\n"));
        assert!(answer.starts_with("HTTP/1.1 403"), "{header}: {answer}");
    }
}

#[test]
fn a_guard_of_the_applications_own_can_refuse_before_the_body_is_read() {
    let client = Client::over_socket_with_settings(upload_app(), ON);
    let answer = answer_to_head(&client, "/key", "");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    client.post("/key").header("x-key", "k").multipart().file("f", "a", "text/plain", "x").send().assert_contains("1 files");
}

#[test]
fn who_is_let_in_sends_what_they_like() {
    let client = Client::over_socket_with_settings(upload_app(), ON);
    client.post("/members").multipart().file("f", "a", "text/plain", "x").send().assert_redirect("/login");
    client.login(&add_user(&client, "alice"));
    client.post("/members").multipart().file("f", "a", "text/plain", "x").send().assert_contains("1 files");
    client.enforce_csrf();
    client.post("/members").multipart().file("f", "a", "text/plain", "x").send().assert_status(403);
}

/// It stands between the one that reads bodies and the guard.
#[test]
fn a_middleware_that_logs_visitors_in_is_heard_before_they_are_refused() {
    async fn by_header(req: &mut Request, next: Next<'_>) -> Result<Response> {
        if let Some(name) = req.header("x-remote-user").map(str::to_owned) {
            let user = req.run_db(move |db| User::named(db, &name)).await?.or_404()?;
            req.login(&user)?;
        }
        next.run(req).await?.with_header("x-seen", "yes")
    }
    let client = Client::over_socket_with_settings(upload_app().middleware(by_header), ON);
    add_user(&client, "alice");
    let refused = client.post("/echo").form(&[("a", "b")]).send();
    assert_eq!((refused.status().as_u16(), refused.header("location")), (303, Some("/login")));
    let let_in = client.fork().post("/echo").header("x-remote-user", "alice").form(&[("a", "b")]).send();
    assert_eq!((let_in.text(), let_in.header("x-seen")), ("b", Some("yes")));
    let strict = client.fork();
    strict.enforce_csrf();
    strict.post("/echo").header("x-remote-user", "alice").form(&[("a", "b")]).send().assert_status(403);
    strict.post("/office").header("x-remote-user", "alice").form(&[("a", "b")]).send().assert_status(403);
}

#[test]
fn what_stands_before_a_guard_sees_its_refusal_as_ever() {
    async fn seen(req: &mut Request, next: Next<'_>) -> Result<Response> {
        let text = req.body().len();
        match next.run(req).await {
            Ok(response) => response.with_header("x-answer", "a page"),
            Err(error) => Response::text(format!("{} after {text} bytes", error.status().as_u16())).with_header("x-answer", "an error"),
        }
    }
    let client = Client::over_socket_with_settings(upload_app().middleware(seen), ON);
    let refused = client.post("/echo").form(&[("a", "b")]).send();
    assert_eq!((refused.text(), refused.header("x-answer")), ("303 after 0 bytes", Some("an error")));
    client.login(&add_user(&client, "alice"));
    assert_eq!(client.post("/echo").form(&[("a", "b")]).send().header("x-answer"), Some("a page"));
}
