//! `lback runserver`, from a developer's point of view.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{fail, folder, lback, project};

/// The timeout of all waits. The first build takes the longest.
const TIMEOUT: Duration = Duration::from_secs(600);

#[test]
fn changes_are_served_and_problems_are_shown() {
    let folder = folder();
    let project = project(folder.path(), "watched");
    let mut server = RunServer::start(&project);
    let page = server.get("/");
    assert!(page.contains("Welcome to watched.") && page.contains("/__lback/reload.js"), "{page}");

    let version = server.get("/__lback/reload");
    edit(&project.join("templates/index.html"), "Up and running", "Edited");
    assert!(server.get("/").contains("Edited"), "a changed template is served without a build");
    assert_ne!(server.get("/__lback/reload"), version);
    let version = server.get("/__lback/reload");
    edit(&project.join("static/style.css"), "{", "{ ");
    assert_ne!(server.get("/__lback/reload"), version);

    a_changed_view_is_served_without_dropping_a_request(&mut server, &project);
    compile_errors_are_shown(&mut server, &project);
    startup_errors_are_shown(&mut server, &project);
    a_program_restarts_after_a_broken_template_is_fixed(&mut server, &project);
    an_unfinished_migration_is_not_applied(&mut server, &project);
    an_app_is_added(&mut server, &project);
    changes_in_a_linked_folder_are_built(&mut server, &project);
    a_crash_is_shown(&mut server, &project);
    the_error_for_a_port_in_use_names_the_program(&server, &project);
    server.stop();
}

fn a_changed_view_is_served_without_dropping_a_request(server: &mut RunServer, project: &Path) {
    let views = project.join("src/views.rs");
    // A request that lasts until the file `open` exists.
    let wait = "if req.uri().query().is_some() {
        while !std::path::Path::new(\"open\").exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    let visits";
    edit(&views, "let visits", wait);
    server.wait_for("serving the new version");
    let mut slow = server.site.send("/?wait=1");
    let old_program = server.program();

    let requesting = AtomicBool::new(true);
    let site = server.site.clone();
    thread::scope(|scope| {
        let requests = scope.spawn(|| {
            let mut count = 0;
            while requesting.load(Ordering::Relaxed) {
                let page = site.get("/");
                assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
                count += 1;
            }
            count
        });
        edit(&views, "unwrap_or(0) + 1", "unwrap_or(100) + 1");
        server.wait_for("serving the new version");
        requesting.store(false, Ordering::Relaxed);
        assert!(requests.join().unwrap() > 0);
    });
    // The old program may still respond to requests that it gets before it is told to stop.
    wait_until("the new view answers", || server.get("/").contains("101 times"));
    assert_ne!(server.program(), old_program);

    fs::write(project.join("open"), "").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("for the first time"), "{answer}");
    wait_until("the old program has exited", || !is_running(&old_program));
}

fn compile_errors_are_shown(server: &mut RunServer, project: &Path) {
    let views = project.join("src/views.rs");
    let program = server.program();
    edit(&views, "req.render(\"index.html\"", "req.rendr(\"index.html\"");
    server.wait_for("The project does not compile");
    wait_until("the program has exited", || !is_running(&program));
    let page = server.get("/");
    assert!(page.starts_with("HTTP/1.1 500 "), "{page}");
    assert!(page.contains("The project does not compile") && page.contains("no method named `rendr`"), "{page}");
    assert!(page.contains("src/views.rs:") && page.contains("--&gt;"), "{page}");
    let version = server.get("/__lback/reload");
    assert!(version.starts_with("HTTP/1.1 200 ") && page.contains(version.lines().last().unwrap()), "{version}");
    assert!(server.log.contains("no method named `rendr`"), "the terminal shows the error, too:\n{}", server.log);

    edit(&views, "req.rendr(", "req.render(");
    server.wait_for("serving the new version");
    assert!(server.get("/").contains("Welcome to watched."));

    let manifest = project.join("Cargo.toml");
    let program = server.program();
    edit(&manifest, "[package]", "[package");
    server.wait_for("The project does not compile");
    wait_until("the program has exited", || !is_running(&program));
    assert!(server.get("/").contains("unclosed table"));
    edit(&manifest, "[package", "[package]");
    server.wait_for("serving the new version");
}

fn startup_errors_are_shown(server: &mut RunServer, project: &Path) {
    let settings = project.join("settings.toml");
    let program = server.program();
    edit(&settings, "DEBUG = true", "DEBUG = 7");
    server.wait_for("The project does not start");
    wait_until("the program has exited", || !is_running(&program));
    let page = server.get("/");
    assert!(page.starts_with("HTTP/1.1 500 ") && page.contains("DEBUG should be true or false"), "{page}");
    // A foreign host name that resolves to this machine does not get the source code.
    for (host, status) in [("evil.example", 400), ("localhost:8000", 500), ("127.0.0.1", 500), ("a\r\nHost: b", 400)] {
        let answer = server.site.request(&format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
        assert_eq!(answer.contains("DEBUG should be"), status == 500, "{host}: {answer}");
    }
    edit(&settings, "DEBUG = 7", "DEBUG = true");
    server.wait_for("serving the new version");
    assert!(server.get("/").starts_with("HTTP/1.1 200 "));
}

fn a_program_restarts_after_a_broken_template_is_fixed(server: &mut RunServer, project: &Path) {
    let template = project.join("templates/index.html");
    edit(&template, "{% endblock %}", "{% endblok %}");
    edit(&project.join("settings.toml"), "PORT = 8000", "PORT = 8000 # again");
    server.wait_for("The project does not start");
    assert!(server.get("/").contains("index.html"));
    // Like many editors, replaces the file with another one.
    let text = fs::read_to_string(&template).unwrap().replacen("{% endblok %}", "{% endblock %}", 1);
    fs::write(project.join("templates/.index.html.new"), text).unwrap();
    fs::rename(project.join("templates/.index.html.new"), &template).unwrap();
    server.wait_for("templates/index.html has changed");
    server.wait_for("serving the new version");
    assert!(server.get("/").starts_with("HTTP/1.1 200 "));
}

fn an_unfinished_migration_is_not_applied(server: &mut RunServer, project: &Path) {
    let folder = project.join("migrations/2030-01-01-000000_create_half");
    fs::create_dir_all(&folder).unwrap();
    let up = folder.join("up.sql");
    fs::write(&up, "CREATE TABLE half (n BIGINT);\nCREATE").unwrap();
    edit(&project.join("settings.toml"), "# again", "# and again");
    server.wait_for("is being written");
    fs::write(&up, "CREATE TABLE half (n BIGINT);\nCREATE TABLE whole (n BIGINT);\n").unwrap();
    let applied = server.wait_for("applied the migration");
    assert!(applied.contains("_create_half"), "{applied}");
    server.wait_for("serving the new version");
    assert!(!server.log.contains("syntax error"), "{}", server.log);
}

fn an_app_is_added(server: &mut RunServer, project: &Path) {
    crate::support::succeed(project, &["startapp", "blog"]);
    server.wait_for("serving the new version");
    crate::support::succeed(project, &["makemigrations"]);
    crate::support::succeed(project, &["migrate"]);
    assert!(server.get("/blog").contains("Nothing here yet"));
}

fn changes_in_a_linked_folder_are_built(server: &mut RunServer, project: &Path) {
    // Moves the app out of the project, and links it.
    let elsewhere = project.parent().unwrap().join("elsewhere");
    fs::rename(project.join("src/blog"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, project.join("src/blog")).unwrap();
    edit(&elsewhere.join("views.rs"), "\"Added.\"", "\"Added, thank you.\"");
    server.wait_for("src/blog/views.rs has changed");
    server.wait_for("serving the new version");
}

fn a_crash_is_shown(server: &mut RunServer, project: &Path) {
    let status = Command::new("kill").args(["-KILL", &server.program()]).status().unwrap();
    assert!(status.success());
    server.wait_for("The program has exited");
    assert!(server.get("/").contains("SIGKILL"));
    edit(&project.join("src/views.rs"), "unwrap_or(100)", "unwrap_or(0)");
    server.wait_for("serving the new version");
    assert!(server.get("/").contains("for the first time"));
}

fn the_error_for_a_port_in_use_names_the_program(server: &RunServer, project: &Path) {
    let port = server.site.0.rsplit(':').next().unwrap();
    let error = fail(project, &["runserver", port]);
    // Both lback and the program have the socket.
    let holders = [format!("lback (process {})", server.child.id()), format!("watched (process {})", server.program())];
    let in_use = |holder| error.contains(&format!("port {port} on 127.0.0.1 is in use by {holder}"));
    assert!(holders.iter().any(in_use), "{error}");
    let next: u16 = error.trim().rsplit(' ').next().unwrap().parse().unwrap();
    TcpListener::bind(("127.0.0.1", next)).expect("the suggested port is free");
    for address in ["127.0.0.1:many", "127.0.0.1:99999", "99999", ":8080", "http://127.0.0.1:8080"] {
        assert!(fail(project, &["runserver", address]).contains("is not an address"), "{address}");
    }
}

#[test]
fn the_program_stops_if_lback_is_killed() {
    let folder = folder();
    let project = project(folder.path(), "orphaned");
    let mut server = RunServer::start(&project);
    let program = server.program();
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    wait_until("the program has exited", || !is_running(&program));
}

#[test]
fn a_missing_cargo_is_reported() {
    let folder = folder();
    let project = project(folder.path(), "cargoless");
    let output = lback(&project, &["run", "0"]).env("PATH", folder.path()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("cargo was not found") && error.contains("rustup.rs"), "{error}");
}

/// A running `lback runserver`, on a free port.
struct RunServer {
    child: Child,
    lines: Receiver<String>,
    log: String,
    site: Site,
}

impl RunServer {
    fn start(project: &Path) -> Self {
        let mut child = lback(project, &["runserver", "0"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let err = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || err.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut server = RunServer { child, lines, log: String::new(), site: Site(String::new()) };
        let line = server.wait_for("Serving on http://");
        server.site.0 = line.split(['/', ',']).nth(2).unwrap().to_owned();
        server
    }

    /// Waits for the next line that contains `text`.
    fn wait_for(&mut self, text: &str) -> String {
        let begin = Instant::now();
        loop {
            let left = TIMEOUT.saturating_sub(begin.elapsed());
            let Ok(line) = self.lines.recv_timeout(left) else { panic!("\"{text}\" was not printed:\n{}", self.log) };
            self.log.push_str(&line);
            self.log.push('\n');
            if line.contains(text) {
                return line;
            }
        }
    }

    fn get(&self, path: &str) -> String {
        self.site.get(path)
    }

    /// Returns the process id of the project's program, the only running child process.
    fn program(&self) -> String {
        let children = PathBuf::from(format!("/proc/{0}/task/{0}/children", self.child.id()));
        let children = fs::read_to_string(children).unwrap();
        children.split_whitespace().last().expect("a program").to_owned()
    }

    /// Stops it like Ctrl-C.
    fn stop(mut self) {
        let program = self.program();
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        assert!(self.child.wait().unwrap().success());
        assert!(TcpStream::connect(&self.site.0).is_err(), "the port is still in use");
        assert!(!is_running(&program), "the program is still running");
    }
}

impl Drop for RunServer {
    fn drop(&mut self) {
        // If the test succeeded, it has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The host and port of the site.
#[derive(Clone)]
struct Site(String);

impl Site {
    fn send(&self, path: &str) -> TcpStream {
        self.send_raw(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.0))
    }

    fn send_raw(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.0).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn request(&self, request: &str) -> String {
        let mut answer = String::new();
        self.send_raw(request).read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        let mut answer = String::new();
        self.send(path).read_to_string(&mut answer).unwrap();
        answer
    }
}

fn is_running(process: &str) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_true() {
        assert!(begin.elapsed() < TIMEOUT, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}
