//! `lback runserver`: what a person sees who works on a project.

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

/// How long anything may take that is waited for; a first build takes the longest.
const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn a_change_is_seen_in_the_page() {
    let folder = folder();
    let project = project(folder.path(), "watched");
    let mut server = RunServer::start(&project);
    let page = server.get("/");
    assert!(page.contains("Welcome to watched.") && page.contains("/__lback/reload.js"), "{page}");

    let version = server.get("/__lback/reload");
    edit(&project.join("templates/index.html"), "Up and running", "Edited");
    assert!(server.get("/").contains("Edited"), "a template is shown without a build");
    assert_ne!(server.get("/__lback/reload"), version);
    let version = server.get("/__lback/reload");
    edit(&project.join("static/style.css"), "{", "{ ");
    assert_ne!(server.get("/__lback/reload"), version);

    a_view_is_swapped_without_dropping_a_request(&mut server, &project);
    what_does_not_compile_is_shown(&mut server, &project);
    what_does_not_start_is_shown(&mut server, &project);
    a_template_that_stops_the_start_is_picked_up_once_it_is_mended(&mut server, &project);
    a_migration_that_is_being_written_waits(&mut server, &project);
    a_draft_waits_for_its_author(&mut server, &project);
    a_linked_folder_is_built_again(&mut server, &project);
    a_program_that_crashes_is_shown(&mut server, &project);
    a_taken_port_names_who_has_it(&server, &project);
    server.stop();
}

fn a_view_is_swapped_without_dropping_a_request(server: &mut RunServer, project: &Path) {
    let views = project.join("src/views.rs");
    // A request that lasts until the file `open` is there.
    let wait = "if req.uri().query().is_some() {
        while !std::path::Path::new(\"open\").exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    let visits";
    edit(&views, "let visits", wait);
    server.wait_for("serving what is new");
    let mut slow = server.site.send("/?wait=1");
    let old_program = server.program();

    let asking = AtomicBool::new(true);
    let site = server.site.clone();
    thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut count = 0;
            while asking.load(Ordering::Relaxed) {
                let page = site.get("/");
                assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
                count += 1;
            }
            count
        });
        edit(&views, "unwrap_or(0) + 1", "unwrap_or(100) + 1");
        server.wait_for("serving what is new");
        asking.store(false, Ordering::Relaxed);
        assert!(asked.join().unwrap() > 0);
    });
    // The old one may still answer who comes before it has heard that it is to stop.
    wait_until("the new view answers", || server.get("/").contains("101 times"));
    assert_ne!(server.program(), old_program);

    fs::write(project.join("open"), "").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("for the first time"), "{answer}");
    wait_until("the old program has ended", || !runs(&old_program));
}

fn what_does_not_compile_is_shown(server: &mut RunServer, project: &Path) {
    let views = project.join("src/views.rs");
    let program = server.program();
    edit(&views, "req.render(\"index.html\"", "req.rendr(\"index.html\"");
    server.wait_for("The project does not compile");
    wait_until("the program has ended", || !runs(&program));
    let page = server.get("/");
    assert!(page.starts_with("HTTP/1.1 500 "), "{page}");
    assert!(page.contains("The project does not compile") && page.contains("no method named `rendr`"), "{page}");
    assert!(page.contains("src/views.rs:") && page.contains("--&gt;"), "{page}");
    let version = server.get("/__lback/reload");
    assert!(version.starts_with("HTTP/1.1 200 ") && page.contains(version.lines().last().unwrap()), "{version}");
    assert!(server.log.contains("no method named `rendr`"), "the terminal shows it too:\n{}", server.log);

    edit(&views, "req.rendr(", "req.render(");
    server.wait_for("serving what is new");
    assert!(server.get("/").contains("Welcome to watched."));

    let manifest = project.join("Cargo.toml");
    let program = server.program();
    edit(&manifest, "[package]", "[package");
    server.wait_for("The project does not compile");
    wait_until("the program has ended", || !runs(&program));
    assert!(server.get("/").contains("unclosed table"));
    edit(&manifest, "[package", "[package]");
    server.wait_for("serving what is new");
}

fn what_does_not_start_is_shown(server: &mut RunServer, project: &Path) {
    let settings = project.join("settings.toml");
    let program = server.program();
    edit(&settings, "DEBUG = true", "DEBUG = 7");
    server.wait_for("The project does not start");
    wait_until("the program has ended", || !runs(&program));
    let page = server.get("/");
    assert!(page.starts_with("HTTP/1.1 500 ") && page.contains("DEBUG should be true or false"), "{page}");
    // A name of somebody else that leads here is not told the source.
    for (host, status) in [("evil.example", 400), ("localhost:8000", 500), ("127.0.0.1", 500), ("a\r\nHost: b", 400)] {
        let answer = server.site.ask(&format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
        assert_eq!(answer.contains("DEBUG should be"), status == 500, "{host}: {answer}");
    }
    edit(&settings, "DEBUG = 7", "DEBUG = true");
    server.wait_for("serving what is new");
    assert!(server.get("/").starts_with("HTTP/1.1 200 "));
}

fn a_template_that_stops_the_start_is_picked_up_once_it_is_mended(server: &mut RunServer, project: &Path) {
    let template = project.join("templates/index.html");
    edit(&template, "{% endblock %}", "{% endblok %}");
    edit(&project.join("settings.toml"), "PORT = 8000", "PORT = 8000 # again");
    server.wait_for("The project does not start");
    assert!(server.get("/").contains("index.html"));
    // As many editors do it: another file takes its place.
    let text = fs::read_to_string(&template).unwrap().replacen("{% endblok %}", "{% endblock %}", 1);
    fs::write(project.join("templates/.index.html.new"), text).unwrap();
    fs::rename(project.join("templates/.index.html.new"), &template).unwrap();
    server.wait_for("templates/index.html has changed");
    server.wait_for("serving what is new");
    assert!(server.get("/").starts_with("HTTP/1.1 200 "));
}

fn a_migration_that_is_being_written_waits(server: &mut RunServer, project: &Path) {
    let folder = project.join("migrations/2030-01-01-000000_create_half");
    fs::create_dir_all(&folder).unwrap();
    let up = folder.join("up.sql");
    fs::write(&up, "CREATE TABLE half (n BIGINT);\nCREATE").unwrap();
    edit(&project.join("settings.toml"), "# again", "# and again");
    server.wait_for("is being written");
    fs::write(&up, "CREATE TABLE half (n BIGINT);\nCREATE TABLE whole (n BIGINT);\n").unwrap();
    let applied = server.wait_for("applied the migration");
    assert!(applied.contains("_create_half"), "{applied}");
    server.wait_for("serving what is new");
    assert!(!server.log.contains("syntax error"), "{}", server.log);
}

fn a_draft_waits_for_its_author(server: &mut RunServer, project: &Path) {
    crate::support::succeed(project, &["startapp", "blog"]);
    let warning = server.wait_for("is a draft");
    assert!(warning.contains("_create_blog/up.sql") && warning.contains("lback migrate"), "{warning}");
    server.wait_for("serving what is new");
    assert!(crate::support::succeed(project, &["showmigrations"]).contains("[ ] "));
    crate::support::succeed(project, &["migrate"]);
    assert!(server.get("/blog").contains("Nothing here yet"));
}

fn a_linked_folder_is_built_again(server: &mut RunServer, project: &Path) {
    // The app moves out of the project, and is linked into it.
    let elsewhere = project.parent().unwrap().join("elsewhere");
    fs::rename(project.join("src/blog"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, project.join("src/blog")).unwrap();
    edit(&elsewhere.join("views.rs"), "\"Added.\"", "\"Added, thank you.\"");
    server.wait_for("src/blog/views.rs has changed");
    server.wait_for("serving what is new");
}

fn a_program_that_crashes_is_shown(server: &mut RunServer, project: &Path) {
    let told = Command::new("kill").args(["-KILL", &server.program()]).status().unwrap();
    assert!(told.success());
    server.wait_for("The project has ended");
    assert!(server.get("/").contains("SIGKILL"));
    edit(&project.join("src/views.rs"), "unwrap_or(100)", "unwrap_or(0)");
    server.wait_for("serving what is new");
    assert!(server.get("/").contains("for the first time"));
}

fn a_taken_port_names_who_has_it(server: &RunServer, project: &Path) {
    let port = server.site.0.rsplit(':').next().unwrap();
    let error = fail(project, &["runserver", port]);
    // Both have the socket: lback, and the program that it handed it to.
    let holders = [format!("lback (process {})", server.child.id()), format!("watched (process {})", server.program())];
    let taken = |holder| error.contains(&format!("port {port} of 127.0.0.1 is taken by {holder}"));
    assert!(holders.iter().any(taken), "{error}");
    let next: u16 = error.trim().rsplit(' ').next().unwrap().parse().unwrap();
    TcpListener::bind(("127.0.0.1", next)).expect("the port that is offered is free");
    for address in ["127.0.0.1:many", "127.0.0.1:99999", "99999", ":8080", "http://127.0.0.1:8080"] {
        assert!(fail(project, &["runserver", address]).contains("is not an address"), "{address}");
    }
}

#[test]
fn without_lback_the_program_stops_too() {
    let folder = folder();
    let project = project(folder.path(), "orphaned");
    let mut server = RunServer::start(&project);
    let program = server.program();
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    wait_until("the program has ended", || !runs(&program));
}

#[test]
fn a_machine_without_cargo_is_told_so() {
    let folder = folder();
    let project = project(folder.path(), "cargoless");
    let output = lback(&project, &["run", "0"]).env("PATH", folder.path()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("cargo was not found") && error.contains("rustup.rs"), "{error}");
}

/// `lback runserver`, on a port that is free.
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

    /// Waits for the next line in which `text` stands.
    fn wait_for(&mut self, text: &str) -> String {
        let begin = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begin.elapsed());
            let Ok(line) = self.lines.recv_timeout(left) else { panic!("\"{text}\" did not come:\n{}", self.log) };
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

    /// The process id of the project's program, which is the one child that lives.
    fn program(&self) -> String {
        let children = PathBuf::from(format!("/proc/{0}/task/{0}/children", self.child.id()));
        let children = fs::read_to_string(children).unwrap();
        children.split_whitespace().last().expect("a program").to_owned()
    }

    /// Stops it as Ctrl-C does.
    fn stop(mut self) {
        let program = self.program();
        let told = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert!(self.child.wait().unwrap().success());
        assert!(TcpStream::connect(&self.site.0).is_err(), "something still listens");
        assert!(!runs(&program), "the program is left behind");
    }
}

impl Drop for RunServer {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where it is served.
#[derive(Clone)]
struct Site(String);

impl Site {
    fn send(&self, path: &str) -> TcpStream {
        self.say(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.0))
    }

    fn say(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.0).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn ask(&self, request: &str) -> String {
        let mut answer = String::new();
        self.say(request).read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        let mut answer = String::new();
        self.send(path).read_to_string(&mut answer).unwrap();
        answer
    }
}

fn runs(process: &str) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_true() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}
