//! From nothing to a page: the whole way, with the real binary and the real compiler.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{folder, lback, project, succeed};

#[test]
fn a_new_project_with_an_app_builds_passes_its_tests_and_answers() {
    let folder = folder();
    // Its name is of nothing else in the folder that keeps what was built.
    let project = project(folder.path(), "scaffolded");
    succeed(&project, &["startapp", "blog"]);
    let formatted = Command::new("cargo").args(["fmt", "--check"]).current_dir(&project).output().unwrap();
    assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stdout));

    let tests = succeed(&project, &["test"]);
    assert!(tests.contains("4 passed; 0 failed"), "{tests}");
    assert!(succeed(&project, &["test", "blog", "--", "--nocapture"]).contains("2 passed"));
    assert!(succeed(&project, &["test", "--", "--list"]).contains("4 tests"));

    let applied = succeed(&project.join("src/blog"), &["migrate"]);
    assert!(applied.contains("_create_sessions") && applied.contains("_create_blog"), "{applied}");
    assert_eq!(succeed(&project, &["migrate"]), "nothing to apply\n");
    assert!(succeed(&project, &["routes"]).contains("blog:index"));
    assert!(succeed(&project, &["rollback", "1"]).starts_with("undid "));
    assert!(succeed(&project, &["showmigrations"]).contains("[ ] "));
    assert!(succeed(&project, &["migrate"]).contains("_create_blog"));
    assert_eq!(succeed(&project, &["clearsessions"]), "deleted 0 expired sessions\n");

    the_tested_versions_were_used(&project);
    drive_the_site(&project);
    a_stranger_sees_the_error_pages(&project);
}

/// Cargo has dropped from the lock what the project does not use, and added nothing.
fn the_tested_versions_were_used(project: &Path) {
    let checksums = |folder: &Path| -> BTreeSet<String> {
        let lock = fs::read_to_string(folder.join("Cargo.lock")).unwrap();
        lock.lines().filter(|line| line.starts_with("checksum = ")).map(str::to_owned).collect()
    };
    let (used, tested) = (checksums(project), checksums(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")));
    assert!(!used.is_empty() && used.is_subset(&tested), "{:?}", used.difference(&tested));
}

fn drive_the_site(project: &Path) {
    let server = Server::start(project, &[]);
    let first = server.get("/", None);
    assert!(first.starts_with("HTTP/1.1 200 "), "{first}");
    assert!(first.contains("Welcome to scaffolded.") && first.contains("for the first time"), "{first}");
    let cookie = first.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap().to_owned();
    assert!(server.get("/", Some(&cookie)).contains("2 times"));
    assert!(server.get("/", None).contains("for the first time"));
    assert!(server.get("/static/style.css", None).contains("content-type: text/css"));
    assert!(server.get("/static/icon.svg", None).starts_with("HTTP/1.1 200 "));

    assert!(server.get("/blog", None).contains("Nothing here yet"));
    let posted = server.post("/blog", "title=Tea+%3Cmilk%3E", &cookie);
    assert!(posted.starts_with("HTTP/1.1 303 ") && posted.contains("location: /blog"), "{posted}");
    let page = server.get("/blog", Some(&cookie));
    assert!(page.contains("Added.") && page.contains("Tea &lt;milk&gt;"), "{page}");
    assert!(server.get("/nowhere", None).starts_with("HTTP/1.1 404 "));
    server.stop();

    let again = Server::start(project, &[]);
    assert!(again.get("/", Some(&cookie)).contains("3 times"), "a restart loses the session");
    again.stop();
}

/// In production the pages of the project's own are shown.
fn a_stranger_sees_the_error_pages(project: &Path) {
    let refused = lback(project, &["serve", "0"]).env("LBACK_ENV", "production").output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.contains("ALLOWED_HOSTS is empty"), "{error}");

    let server = Server::start(project, &[("LBACK_ENV", "production"), ("ALLOWED_HOSTS", "127.0.0.1")]);
    let missing = server.get("/nowhere", None);
    assert!(missing.starts_with("HTTP/1.1 404 ") && missing.contains("To the front page"), "{missing}");
    assert!(server.get("/", None).contains("; Secure"));
    server.stop();
}

/// The project's server, as `lback serve` runs it. It is stopped with the test, however that ends.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(project: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = lback(project, &["serve", "0"]);
        let mut child = command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut log = String::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else { panic!("the server did not start:\n{log}") };
            if let Some((_, rest)) = line.split_once("listening on http://") {
                break rest.split_whitespace().next().unwrap().to_owned();
            }
            log.push_str(&line);
            log.push('\n');
        };
        // What else it logs is read, so that it never waits for room in the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, address }
    }

    fn get(&self, path: &str, cookie: Option<&str>) -> String {
        let cookie = cookie.map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{cookie}\r\n", self.address))
    }

    fn post(&self, path: &str, form: &str, cookie: &str) -> String {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            self.address,
            form.len()
        ))
    }

    fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Stops the server as a system would. The process that was started is the server itself: nothing stays behind.
    fn stop(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert!(self.child.wait().unwrap().success());
        assert!(TcpStream::connect(&self.address).is_err(), "something still listens");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
