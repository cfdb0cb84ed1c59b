//! New projects, created, built and served with the real program and compiler.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{fail, folder, lback, succeed};
use crate::transcripts;

#[test]
fn a_new_project_with_an_app_builds_passes_its_tests_and_serves_pages() {
    let folder = folder();
    // The transcripts of the guide create the project and the app, and add a command.
    transcripts::the_guide_shows_the_real_output(folder.path());
    let project = folder.path().join(transcripts::PROJECT);
    let formatted = Command::new("cargo").args(["fmt", "--check"]).current_dir(&project).output().unwrap();
    assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stdout));

    let tests = succeed(&project, &["test"]);
    assert!(tests.contains("5 passed; 0 failed"), "{tests}");
    assert!(succeed(&project, &["test", "blog", "--", "--nocapture"]).contains("3 passed"));
    assert!(succeed(&project, &["test", "--", "--list"]).contains("5 tests"));

    fs::remove_file(project.join("db.sqlite")).unwrap();
    let applied = succeed(&project.join("src/blog"), &["migrate"]);
    assert!(applied.contains("_create_sessions") && applied.contains("_create_blog_items"), "{applied}");
    assert_eq!(succeed(&project, &["migrate"]), "nothing to apply\n");
    let planned = succeed(&project, &["migrate", "zero", "--plan"]);
    assert!(planned.starts_with("would roll back ") && planned.ends_with("_create_blog_items\n"), "{planned}");
    assert!(succeed(&project, &["sqlmigrate", "create_blog_items", "--down"]).contains("DROP TABLE"));
    assert!(fail(&project, &["squashmigrations", "create_blog_items", "--name=start"]).contains("nothing to squash"));
    assert!(succeed(&project, &["rollback", "1"]).starts_with("rolled back "));
    assert!(succeed(&project, &["showmigrations"]).contains("[ ] "));
    assert!(succeed(&project, &["migrate"]).contains("_create_blog_items"));
    assert_eq!(succeed(&project, &["clearsessions"]), "deleted 0 expired sessions\n");

    the_projects_own_commands_are_passed_on(&project);
    a_migration_without_sql_is_not_applied(&project);
    only_tested_versions_are_used(&project);
    check_pages_sessions_and_forms(&project);
    production_shows_the_projects_error_pages(&project);
    a_time_zone_without_its_feature_is_refused(&project);
    missing_features_are_named_by_the_compiler(&project);
}

/// The error names the feature with the time zones, which is off in a new project.
fn a_time_zone_without_its_feature_is_refused(project: &Path) {
    let refused = lback(project, &["check"]).env("TIME_ZONE", "Europe/Berlin").output().unwrap();
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && error.contains("TIME_ZONE") && error.contains("features = [\"time-zones\"] }"), "{error}");
}

/// Methods of features that are off lead to a helpful compile error.
fn missing_features_are_named_by_the_compiler(project: &Path) {
    let main = project.join("src/main.rs");
    let text = fs::read_to_string(&main).unwrap();
    let error_of = |call: &str| {
        fs::write(&main, text.replace(".migrations(", &format!("{call}.migrations("))).unwrap();
        let output = lback(project, &["routes"]).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    for (call, what, features) in [
        (".auth()", "users are", "[\"accounts\"]"),
        (".mail()", "mail is", "[\"smtp\"]"),
        (".accounts()", "accounts are", "[\"accounts\"]"),
        (".compression()", "compression is", "[\"compression\"]"),
    ] {
        let error = error_of(call);
        assert!(error.contains(&format!("{what} a feature of lback that is off")), "{error}");
        assert!(error.contains(&format!("write in Cargo.toml: lback = {{ …, features = {features} }}")), "{error}");
    }
    fs::write(&main, text).unwrap();
}

/// Compared to the other project, this one only compiles the crates of the feature.
#[test]
fn a_new_project_with_users_has_registration_and_login() {
    let folder = folder();
    succeed(folder.path(), &["startproject", "members", "--auth"]);
    let project = folder.path().join("members");
    let formatted = Command::new("cargo").args(["fmt", "--check"]).current_dir(&project).output().unwrap();
    assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stdout));
    let tests = succeed(&project, &["test"]);
    assert!(tests.contains("3 passed; 0 failed"), "{tests}");

    assert!(succeed(&project, &["migrate"]).contains("_create_users"));
    assert!(fail(&project, &["createsuperuser"]).contains("there is no terminal to ask for a user name"));
    assert!(succeed(&project, &["createsuperuser", "--help"]).contains("Usage: createsuperuser\n"));
    let mut create = lback(&project, &["createsuperuser", "--username", "alice", "--password-env", "NEW_PASSWORD"]);
    assert!(create.env("NEW_PASSWORD", "down the rabbit hole").status().unwrap().success());
    assert!(succeed(&project, &["list_users"]).starts_with("alice "));
    let check = succeed(&project, &["check"]);
    assert!(check.contains("ok    permissions and the login page") && check.contains("ok    forms in templates"), "{check}");
    only_tested_versions_are_used(&project);

    // The error pages also show the current user. With DEBUG, there are other ones.
    let server = Server::start(&project, &[("LBACK_ENV", "production"), ("ALLOWED_HOSTS", "127.0.0.1")]);
    let front = server.get("/", None);
    assert!(front.contains("href=\"/account/login\"") && front.contains("href=\"/account/register\""), "{front}");
    let form = server.get("/account/login", None);
    let before = cookies(&form);
    let login = format!("csrf_token={}&username=alice&password=down+the+rabbit+hole", token(&form));
    let entered = server.post("/account/login", &login, &before);
    assert!(entered.starts_with("HTTP/1.1 303 "), "{entered}");
    let cookies = cookies(&entered);
    for (path, status) in [("/", 200), ("/account", 200), ("/nowhere", 404)] {
        let page = server.get(path, Some(&cookies));
        assert!(page.starts_with(&format!("HTTP/1.1 {status} ")) && page.contains("class=\"brand\""), "{path}: {page}");
        assert!(page.contains("alice</a>") && page.contains("Log out"), "{path}: {page}");
    }
    server.stop();
}

/// Returns the cookies that a response sets, in the format of a request.
fn cookies(response: &str) -> String {
    let set = response.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    set.filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ")
}

fn token(page: &str) -> &str {
    page.split("name=\"csrf_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap()
}

fn the_projects_own_commands_are_passed_on(project: &Path) {
    assert_eq!(succeed(&project.join("src/blog"), &["countitems", "5"]), "0 items\n");
    assert!(fail(project, &["countitem"]).contains("there is no command \"countitem\"; did you mean countitems?"));
    assert!(fail(project, &["runservr"]).contains("did you mean lback runserver?"));
    assert!(fail(project, &["dance", "--fast"]).contains("the commands are serve, migrate"));
    // The path of a folder is relative to the current folder, although the program runs in the project's folder.
    assert!(succeed(&project.join("src"), &["collectstatic", "../../collected"]).starts_with("copied 4 files to "));
    assert!(project.join("../collected/style.css").is_file());
    if Command::new("sqlite3").arg("--version").output().is_ok() {
        assert_eq!(succeed(project, &["dbshell", "--", "SELECT count(*) FROM blog_items"]), "0\n");
    }
}

/// An empty migration from `makemigrations` is not recorded as applied before it has SQL.
fn a_migration_without_sql_is_not_applied(project: &Path) {
    succeed(project, &["makemigrations", "add_author", "--empty"]);
    let error = fail(project, &["migrate"]);
    assert!(error.contains("_add_author/up.sql") && error.contains("no SQL"), "{error}");
    let server = Server::start(project, &[]);
    assert!(server.log.contains("WARN") && server.log.contains("_add_author/up.sql"), "{}", server.log);
    assert!(server.get("/blog", None).starts_with("HTTP/1.1 200 "));
    server.stop();
    let migrations = fs::read_dir(project.join("migrations")).unwrap().map(|entry| entry.unwrap().path());
    let made = migrations.into_iter().find(|path| path.to_str().unwrap().ends_with("_add_author")).unwrap();
    fs::write(made.join("up.sql"), "ALTER TABLE blog_items ADD COLUMN author TEXT;").unwrap();
    assert!(succeed(project, &["migrate"]).contains("_add_author"));
    assert!(succeed(project, &["showmigrations"]).lines().all(|line| line.starts_with("[X] ")));
}

/// Cargo has removed unused packages from the lock file, and added none.
fn only_tested_versions_are_used(project: &Path) {
    let checksums = |folder: &Path| -> BTreeSet<String> {
        let lock = fs::read_to_string(folder.join("Cargo.lock")).unwrap();
        lock.lines().filter(|line| line.starts_with("checksum = ")).map(str::to_owned).collect()
    };
    let (used, tested) = (checksums(project), checksums(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")));
    assert!(!used.is_empty() && used.is_subset(&tested), "{:?}", used.difference(&tested));
}

fn check_pages_sessions_and_forms(project: &Path) {
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
    assert!(
        server.post("/blog/new", "title=Tea&text=Hot&version=1", &cookie).starts_with("HTTP/1.1 403 "),
        "a form without a token is accepted"
    );
    let form = server.get("/blog/new", Some(&cookie));
    let token = token(&form);
    let secret = form.lines().find_map(|line| line.strip_prefix("set-cookie: csrf=")).unwrap().split(';').next().unwrap();
    let posted = server.post(
        "/blog/new",
        &format!("csrf_token={token}&title=Tea+%3Cmilk%3E&text=Hot&version=1"),
        &format!("{cookie}; csrf={secret}"),
    );
    assert!(posted.starts_with("HTTP/1.1 303 ") && posted.contains("location: /blog/1"), "{posted}");
    let page = server.get("/blog/1", Some(&cookie));
    assert!(page.contains("Added.") && page.contains("Tea &lt;milk&gt;"), "{page}");
    assert!(server.get("/nowhere", None).starts_with("HTTP/1.1 404 "));
    server.stop();

    let again = Server::start(project, &[]);
    assert!(again.get("/", Some(&cookie)).contains("3 times"), "a restart has lost the session");
    again.stop();
}

/// In production, the project's own error pages are shown.
fn production_shows_the_projects_error_pages(project: &Path) {
    let refused = lback(project, &["serve", "0"]).env("LBACK_ENV", "production").output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.contains("ALLOWED_HOSTS is empty"), "{error}");

    let server = Server::start(project, &[("LBACK_ENV", "production"), ("ALLOWED_HOSTS", "127.0.0.1")]);
    let missing = server.get("/nowhere", None);
    assert!(missing.starts_with("HTTP/1.1 404 ") && missing.contains("Back to the front page"), "{missing}");
    let page = server.get("/", None);
    assert!(page.contains("; Secure"));
    // The names of static files allow browsers to cache them.
    let style = page.split("\"/static/style.").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let kept = server.get(&format!("/static/style.{style}"), None);
    assert!(style.len() == "0123abcd.css".len() && kept.contains("\r\ncache-control: public, max-age=31536000, immutable\r\n"), "{kept}");
    server.stop();
}

/// The project's server, started with `lback serve`. It is stopped at the end of the test, even if the test fails.
struct Server {
    child: Child,
    address: String,
    /// The log from before the server listened.
    log: String,
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
        // The rest of the log is read, so that the server is never blocked by a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, address, log }
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

    /// Stops the server with SIGTERM. The started process is the server itself, so no other process remains.
    fn stop(mut self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        assert!(self.child.wait().unwrap().success());
        assert!(TcpStream::connect(&self.address).is_err(), "the port is still in use");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If the test succeeded, it has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
