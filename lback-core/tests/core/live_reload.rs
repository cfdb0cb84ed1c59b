//! Live reload of pages.

use std::fs;

use lback_core::middleware::{Errors, LiveReload};
use lback_core::testing::{Client, TestResponse};
use lback_core::{Assembly, Error, Request, Response, Result, Router, Settings};

use crate::SECRET;

fn urls() -> Router {
    Router::new()
        .get("/", |req: &mut Request| req.render("page.html", lback_core::Context::new()))
        .get("/fragment", |_: &mut Request| Response::html("<p>a part of a page</p>"))
        .get("/text", |_: &mut Request| Response::text("</body>"))
        .get("/length", |_: &mut Request| Response::html("<BODY></BODY>").with_header("content-length", "13"))
        .get("/stream", |_: &mut Request| {
            Response::stream([Ok::<_, std::convert::Infallible>("</body>")]).with_header("content-type", "text/html")
        })
        .get("/wrong", |_: &mut Request| -> Result<Response> { Err(Error::internal("wrong")) })
        .post("/", |_: &mut Request| Response::html("<body></body>"))
}

struct Project {
    folder: tempfile::TempDir,
    client: Client,
}

fn project(debug: bool) -> Project {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [("templates/page.html", "<body>one</body>"), ("static/style.css", "a {}")] {
        fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
        fs::write(folder.path().join(path), text).unwrap();
    }
    let settings = Settings::from_toml(folder.path(), &format!("SECRET_KEY = '{SECRET}'\nDEBUG = {debug}")).unwrap();
    let mut assembly = Assembly::new(urls(), settings);
    assembly.stack_mut().push(LiveReload::new()).push(Errors);
    Project { folder, client: Client::new(assembly.build().unwrap()) }
}

impl Project {
    fn get(&self, path: &str) -> TestResponse {
        self.client.get(path).send()
    }

    /// Returns the current version.
    fn version(&self) -> String {
        let response = self.get("/__lback/reload");
        assert_eq!(response.assert_status(200).header("cache-control"), Some("no-store"));
        response.text().to_owned()
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.folder.path().join(path), text).unwrap();
    }
}

#[test]
fn a_page_contains_the_current_version() {
    let project = project(true);
    let version = project.version();
    assert_eq!(project.version(), version, "nothing has changed");
    let script = format!("<script src=\"/__lback/reload.js\" data-version=\"{version}\"></script></body>");
    project.get("/").assert_contains(&format!("<body>one{script}"));
    project.get("/wrong").assert_status(500).assert_contains(&script);
    let length = project.get("/length");
    assert!(length.text().starts_with("<BODY><script") && length.text().ends_with("</BODY>"), "{length:?}");
    assert_eq!(length.header("content-length"), None, "a length of before");
    let script = project.get("/__lback/reload.js");
    assert_eq!(script.assert_contains("/__lback/reload").header("content-type"), Some("text/javascript"));
}

#[test]
fn the_version_changes_with_every_template_and_static_file() {
    let project = project(true);
    let mut seen = vec![project.version()];
    let mut new = |what: &str| {
        let version = project.version();
        assert!(!seen.contains(&version), "{what} goes unnoticed");
        seen.push(version);
    };
    project.write("templates/page.html", "<body>another</body>");
    new("a changed template");
    project.write("templates/more.html", "");
    new("a new template");
    project.write("static/style.css", "a { color: red }");
    new("a changed static file");
    fs::remove_file(project.folder.path().join("static/style.css")).unwrap();
    new("a removed static file");
    assert_ne!(self::project(true).version(), self::project(true).version(), "another run of the program");
}

#[test]
fn other_responses_are_unchanged() {
    let project = project(true);
    for path in ["/fragment", "/text", "/stream"] {
        assert!(!project.get(path).text().contains("script"), "{path}");
    }
    assert!(!project.client.post("/").send().text().contains("script"), "to reload it would be to post again");
}

#[test]
fn without_debug_it_does_nothing() {
    let project = project(false);
    project.get("/").assert_status(200);
    assert_eq!(project.get("/").text(), "<body>one</body>");
    project.get("/__lback/reload").assert_status(404);
    project.get("/__lback/reload.js").assert_status(404);
}

#[test]
fn other_hosts_get_no_live_reload() {
    let project = project(true);
    for path in ["/__lback/reload", "/__lback/reload.js"] {
        project.client.get(path).header("host", "evil.example").send().assert_status(404);
    }
    for host in ["localhost:8000", "127.0.0.1:8000", "[::1]"] {
        project.client.get("/__lback/reload").header("host", host).send().assert_status(200);
    }
}
