use std::sync::{Arc, LazyLock};

use http_body_util::BodyExt;
use hyper::header::HeaderMap;
use proptest::prelude::*;

use super::*;
use crate::{Application, Assembly, RequestBody, Router, Settings};

/// A project with folders of static files and of media, and secret files next to them.
struct Site {
    app: Arc<Application>,
    root: tempfile::TempDir,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Site {
    fn new(settings: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let settings = Settings::from_toml(root.path(), settings).unwrap();
        let router = Router::new()
            .get("/", |_: &mut Request| "home")
            .get("/{folder}/view", |_: &mut Request| "view")
            .get("/staticfile", |_: &mut Request| "not static");
        let mut assembly = Assembly::new(router, settings);
        assembly.stack_mut().push(StaticFiles::new()).push(StaticFiles::folder("media", "uploads"));
        Site { app: assembly.build().unwrap(), root }
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = hyper::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let response = self.app.clone().handle(parts, RequestBody::default(), None).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.into_hyper().into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[]).await
    }

    async fn get_encoded(&self, path: &str, accept: &str) -> Answer {
        self.send(Method::GET, path, &[("accept-encoding", accept)]).await
    }
}

const DEBUG: &str = "DEBUG = true";

#[tokio::test]
async fn files_are_served_under_their_urls() {
    let site = Site::new(DEBUG);
    site.write("static/css/site.css", "body {}");
    site.write("static/a b ü.txt", "name");
    site.write("static/.well-known/security.txt", "mail us");
    site.write("uploads/7.png", "png");
    let css = site.get("/static/css/site.css?v=1").await;
    assert_eq!((css.status, css.text.as_str()), (200, "body {}"));
    assert_eq!(css.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(css.header("etag").is_some() && css.header("last-modified").is_some());
    assert_eq!((css.header("vary"), css.header("content-encoding")), (None, None));
    assert_eq!(site.get("/static/a%20b%20%C3%BC.txt").await.text, "name");
    assert_eq!(site.get("/static/css%2Fsite.css").await.text, "body {}");
    assert_eq!(site.get("/static/.well-known/security.txt").await.text, "mail us");
    assert_eq!(site.get("/media/7.png").await.text, "png");
}

#[tokio::test]
async fn other_paths_reach_the_views() {
    let site = Site::new(DEBUG);
    assert_eq!(site.get("/").await.text, "home");
    assert_eq!(site.get("/staticfile").await.text, "not static");
    assert_eq!(site.send(Method::POST, "/", &[]).await.status, 405, "the router's own");
    assert_eq!(site.get("/static/view").await.status, 404, "the folder takes precedence");
}

#[tokio::test]
async fn the_url_comes_from_the_settings() {
    for url in ["/assets/v1/", "/assets/v1"] {
        let site = Site::new(&format!("DEBUG = true\nSTATIC_URL = \"{url}\"\nSTATIC_DIR = \"public\""));
        site.write("public/a.txt", "a");
        assert_eq!(site.get("/assets/v1/a.txt").await.text, "a", "{url}");
        assert_eq!(site.get("/static/view").await.text, "view");
    }
}

#[tokio::test]
async fn other_methods_are_refused() {
    let site = Site::new(DEBUG);
    site.write("static/a.txt", "a");
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let answer = site.send(method, "/static/a.txt", &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    }
    let options = site.send(Method::OPTIONS, "/static/a.txt", &[]).await;
    assert_eq!((options.status, options.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
    let head = site.send(Method::HEAD, "/static/a.txt", &[]).await;
    assert_eq!((head.status, head.header("content-length"), head.text.as_str()), (200, Some("1"), ""));
}

#[tokio::test]
async fn private_paths_are_not_found() {
    let site = Site::new(DEBUG);
    site.write("secret.txt", "SECRET");
    site.write("static-other/secret.txt", "SECRET");
    site.write("static/.env", "SECRET");
    site.write("static/.git/config", "SECRET");
    site.write("static/sub/a.txt", "a");
    for path in [
        "/static/",
        "/static/sub",
        "/static/sub/",
        "/static/missing.txt",
        "/static/sub/a.txt/",
        "/static/sub//a.txt",
        "/static//sub/a.txt",
        "/static/./sub/a.txt",
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/sub/../../secret.txt",
        "/static/..%5csecret.txt",
        "/static/sub\\..\\..\\secret.txt",
        "/static/%2fetc/passwd",
        "/static//etc/passwd",
        "/static/../static-other/secret.txt",
        "/static/.env",
        "/static/%2eenv",
        "/static/.git/config",
        "/static/.well-known/../.env",
        "/static/sub/a.txt%00",
        "/static/sub/a.txt%00.png",
        "/static/%ff",
        "/static/%252e%252e/secret.txt",
        "/static/%",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text.contains("SECRET"), "{path}");
    }
}

#[tokio::test]
async fn a_missing_file_is_named_by_its_url_alone() {
    async fn show_error(req: &mut Request, next: Next<'_>) -> Result<Response> {
        Ok(next.run(req).await.unwrap_or_else(|error| Response::text(error.message().to_owned()).with_status(error.status())))
    }
    let root = tempfile::tempdir().unwrap();
    let mut assembly = Assembly::new(Router::new(), Settings::from_toml(root.path(), DEBUG).unwrap());
    assembly.stack_mut().push(show_error).push(StaticFiles::new());
    let site = Site { app: assembly.build().unwrap(), root };
    for round in ["without the folder", "with it"] {
        for path in ["/static/no/a.txt", "/static/.env", "/static/sub"] {
            let answer = site.get(path).await;
            assert_eq!((answer.status, answer.text), (404, format!("There is no file {path}")), "{round}");
        }
        std::fs::create_dir_all(site.root.path().join("static/sub")).unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_followed_inside_the_folder_only() {
    use std::os::unix::fs::symlink;
    let site = Site::new(DEBUG);
    site.write("secret.txt", "SECRET");
    site.write("static-other/a.txt", "SECRET");
    site.write("static/a.txt", "a");
    let path = |name: &str| site.root.path().join(name);
    symlink("a.txt", path("static/inside.txt")).unwrap();
    symlink("../secret.txt", path("static/outside.txt")).unwrap();
    symlink(path("static-other"), path("static/dir")).unwrap();
    symlink("loop.txt", path("static/loop.txt")).unwrap();
    symlink("../secret.txt", path("static/a.txt.gz")).unwrap();
    assert_eq!(site.get("/static/inside.txt").await.text, "a");
    for name in ["outside.txt", "dir/a.txt", "loop.txt"] {
        assert_eq!(site.get(&format!("/static/{name}")).await.status, 404, "{name}");
    }
    let answer = site.get_encoded("/static/a.txt", "gzip").await;
    assert_eq!((answer.text.as_str(), answer.header("content-encoding"), answer.header("vary")), ("a", None, None));
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_itself_may_be_a_link() {
    let site = Site::new(DEBUG);
    site.write("release-7/a.txt", "a");
    std::os::unix::fs::symlink("release-7", site.root.path().join("static")).unwrap();
    assert_eq!(site.get("/static/a.txt").await.text, "a");
}

#[tokio::test]
async fn the_best_encoding_is_sent() {
    let site = Site::new(DEBUG);
    for (suffix, content) in [("", "original"), (".br", "br"), (".zst", "zstd"), (".gz", "gzip")] {
        site.write(&format!("static/app.js{suffix}"), content);
    }
    let mut tags = Vec::new();
    for (accept, expected) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip, zstd", Some("zstd")),
        ("gzip", Some("gzip")),
        ("GZIP", Some("gzip")),
        ("x-gzip", Some("gzip")),
        ("gzip;q=1.0, br;q=0.5", Some("gzip")),
        ("br;q=0, gzip;q=0.1", Some("gzip")),
        ("*", Some("br")),
        ("br;q=0, *;q=0.5", Some("zstd")),
        ("gzip;q=0.5, identity;q=0.9", None),
        ("gzip;q=0.9, identity;q=0.5", Some("gzip")),
        ("gzip;q=0, br;q=0.000", None),
        ("*;q=0", None),
        ("gzip;q=2, br;q=x", None),
        ("deflate", None),
        ("identity", None),
        ("", None),
    ] {
        let answer = site.get_encoded("/static/app.js", accept).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, expected), "{accept}");
        assert_eq!(answer.text, expected.unwrap_or("original"));
        assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        tags.push(answer.header("etag").unwrap().to_owned());
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4, "{tags:?}");
    assert_eq!(site.get("/static/app.js").await.text, "original");
    let two_lines = [("accept-encoding", "deflate, br;q=0"), ("accept-encoding", "gzip")];
    assert_eq!(site.send(Method::GET, "/static/app.js", &two_lines).await.text, "gzip");
}

#[tokio::test]
async fn an_encoded_file_is_conditional_too() {
    let site = Site::new(DEBUG);
    site.write("static/app.js", "original");
    site.write("static/app.js.gz", "gzip");
    let etag = site.get_encoded("/static/app.js", "gzip").await.header("etag").unwrap().to_owned();
    let same = site.send(Method::GET, "/static/app.js", &[("accept-encoding", "gzip"), ("if-none-match", &etag)]).await;
    assert_eq!((same.status, same.header("etag"), same.header("vary")), (304, Some(etag.as_str()), Some("Accept-Encoding")));
    assert_eq!((same.header("cache-control"), same.header("content-encoding")), (Some("no-cache"), None));
    let other = site.send(Method::GET, "/static/app.js", &[("if-none-match", &etag)]).await;
    assert_eq!((other.status, other.text.as_str()), (200, "original"));
    let part = site.send(Method::GET, "/static/app.js", &[("accept-encoding", "gzip"), ("range", "bytes=1-2")]).await;
    assert_eq!((part.status, part.text.as_str(), part.header("content-encoding")), (206, "zi", Some("gzip")));
}

#[tokio::test]
async fn an_encoded_file_needs_its_original() {
    let site = Site::new(DEBUG);
    site.write("static/only.js.gz", "gzip");
    std::fs::create_dir_all(site.root.path().join("static/dir")).unwrap();
    site.write("static/dir.gz", "gzip");
    site.write("static/a.js", "original");
    std::fs::create_dir_all(site.root.path().join("static/a.js.br")).unwrap();
    for path in ["/static/only.js", "/static/dir"] {
        assert_eq!(site.get_encoded(path, "gzip").await.status, 404);
    }
    let raw = site.get_encoded("/static/only.js.gz", "gzip").await;
    assert_eq!((raw.text.as_str(), raw.header("content-type")), ("gzip", Some("application/gzip")));
    assert_eq!(site.get_encoded("/static/a.js", "br").await.text, "original");
}

#[tokio::test]
async fn caches_must_revalidate_a_file() {
    let site = Site::new(DEBUG);
    site.write("static/a.txt", "a");
    let answer = site.get("/static/a.txt").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-cache")));
    let again = site.send(Method::GET, "/static/a.txt", &[("if-none-match", "*")]).await;
    assert_eq!((again.status, again.header("cache-control")), (304, Some("no-cache")));
    let refused = site.send(Method::GET, "/static/a.txt", &[("range", "bytes=9-")]).await;
    assert_eq!((refused.status, refused.header("cache-control")), (416, None));
}

mod hashed;

#[test]
fn only_plain_paths_are_safe() {
    assert_eq!(safe_path("a/b.txt"), Some("a/b.txt".into()));
    assert_eq!(safe_path("a%2520b"), Some("a%20b".into()));
    assert_eq!(safe_path("a..b/c."), Some("a..b/c.".into()));
    for path in ["", "/", "a/", "/a", "a//b", ".", "..", "a/..", ".a", "a/.b", "...", "a\\b", "a%5Cb", "%00", "a%0Ab", "%80"] {
        assert_eq!(safe_path(path), None, "{path}");
    }
}

/// One site for all cases, with a file that contains SECRET at every place that a path could lead to by mistake.
static SITE: LazyLock<(Site, tokio::runtime::Runtime)> = LazyLock::new(|| {
    let site = Site::new(DEBUG);
    for path in ["a", "static-b/a", "uploads/a", "static/.a", "static/b/.a/b", "static/.b/a"] {
        site.write(path, "SECRET");
    }
    for path in ["static/a", "static/b/a", "static/.well-known/a"] {
        site.write(path, "public");
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink("..", site.root.path().join("static/up")).unwrap();
    (site, tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap())
});

fn never_secret(path: &str) -> Result<(), TestCaseError> {
    let (site, runtime) = &*SITE;
    let Ok(uri) = format!("/static/{path}").parse::<hyper::Uri>() else { return Ok(()) };
    let Some(rest) = below(uri.path(), "/static/") else { return Ok(()) };
    if let Some(relative) = safe_path(rest) {
        prop_assert!(relative.components().all(|part| matches!(part, std::path::Component::Normal(_))));
    }
    let answer = runtime.block_on(site.get(&uri.to_string()));
    prop_assert!(matches!(answer.status, 200 | 404), "{}: {}", path, answer.status);
    prop_assert!(!answer.text.contains("SECRET"), "{}", path);
    if answer.status == 200 {
        prop_assert_eq!(answer.text, "public");
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_path_escapes_the_folder(path in r"((\.|\.\.|a|b|up|static|static-b|\.well-known|%2e|%2E%2e|%00|%ff|%|~)(/|//|%2f|%5c|\\)?){0,6}") {
        never_secret(&path)?;
    }

    #[test]
    fn no_text_escapes_the_folder(path in any::<String>()) {
        never_secret(&path)?;
        let encoded = percent_encoding::utf8_percent_encode(&path, percent_encoding::NON_ALPHANUMERIC).to_string();
        never_secret(&encoded)?;
    }

    #[test]
    fn any_accept_encoding_is_parsed(header in any::<String>(), list in "((br|gzip|zstd|\\*|identity)(;q=[01](\\.[0-9]{0,3})?)?,? ?){0,5}") {
        let _ = encoding::accepted(&header);
        let accepted = encoding::accepted(&list);
        prop_assert!(accepted.iter().enumerate().all(|(at, encoding)| !accepted[..at].contains(encoding)));
    }
}
