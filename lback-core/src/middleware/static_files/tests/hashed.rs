//! Hashed names, while `DEBUG` is off.

use super::*;
use crate::StaticNames;

const DEPLOYED: &str = "SECRET_KEY = 'a key that only tests use, and that is long enough'\nALLOWED_HOSTS = ['*']";
const IMMUTABLE: Option<&str> = Some("public, max-age=31536000, immutable");
const REVALIDATE: Option<&str> = Some("no-cache");

/// Creates a site whose files exist before it starts.
fn deployed(settings: &str, files: &[(&str, &str)]) -> Site {
    let mut site = Site::new(settings);
    for (path, content) in files {
        site.write(path, content);
    }
    std::fs::create_dir_all(site.root.path().join("templates")).unwrap();
    site.app = app(&site);
    site
}

/// Starts the same site again.
fn app(site: &Site) -> Arc<Application> {
    async fn link(req: &mut Request) -> Result<String> {
        req.render_to_string("link.txt", crate::Context::new())
    }
    let router = Router::new().get("/link", link);
    let mut assembly = Assembly::new(router, site.app.settings().clone());
    assembly.stack_mut().push(StaticFiles::new()).push(StaticFiles::folder("media", "uploads"));
    assembly.build().unwrap()
}

fn hashed(site: &Site, name: &str) -> String {
    format!("/static/{}", site.app.static_names().hashed(name).unwrap())
}

#[tokio::test]
async fn templates_use_hashed_names_that_browsers_store() {
    let files =
        [("static/css/site.css", "body {}"), ("templates/link.txt", "{{ static(path='/css/site.css') }} {{ static(path='gone.css') }}")];
    let site = deployed(DEPLOYED, &files);
    let url = hashed(&site, "css/site.css");
    assert_eq!(url, "/static/css/site.62368a1a.css");
    assert_eq!(site.get("/link").await.text, format!("{url} /static/gone.css"));
    let kept = site.get(&url).await;
    assert_eq!((kept.status, kept.text.as_str(), kept.header("cache-control")), (200, "body {}", IMMUTABLE));
    assert_eq!(kept.header("content-type"), Some("text/css; charset=utf-8"));
    let etag = kept.header("etag").unwrap();
    let again = site.send(Method::GET, &url, &[("if-none-match", etag)]).await;
    assert_eq!((again.status, again.header("cache-control")), (304, IMMUTABLE));
    let plain = site.get("/static/css/site.css").await;
    assert_eq!((plain.status, plain.text.as_str(), plain.header("cache-control")), (200, "body {}", REVALIDATE));
}

#[tokio::test]
async fn in_debug_names_are_plain() {
    let site = deployed(DEBUG, &[("static/site.css", "a"), ("templates/link.txt", "{{ static(path='site.css') }}")]);
    assert_eq!(site.get("/link").await.text, "/static/site.css");
    assert_eq!(site.app.static_names().iter().count(), 0);
}

#[tokio::test]
async fn an_outdated_hash_returns_the_current_file_for_revalidation() {
    let mut site = deployed(DEPLOYED, &[("static/site.css", "old")]);
    let old = hashed(&site, "site.css");
    // The file has changed while the program runs, which still knows the old hash.
    site.write("static/site.css", "newer");
    let meanwhile = site.get(&old).await;
    assert_eq!((meanwhile.status, meanwhile.text.as_str(), meanwhile.header("cache-control")), (200, "newer", REVALIDATE));
    site.app = app(&site);
    let new = hashed(&site, "site.css");
    assert_ne!(old, new);
    let outdated = site.get(&old).await;
    assert_eq!((outdated.status, outdated.text.as_str(), outdated.header("cache-control")), (200, "newer", REVALIDATE));
    assert_eq!(site.get(&new).await.header("cache-control"), IMMUTABLE);
    for missing in ["/static/gone.0123abcd.css", "/static/site.0123abc.css", "/static/0123abcd.css", "/static/site.css.0123abcd.css"] {
        assert_eq!(site.get(missing).await.status, 404, "{missing}");
    }
}

#[tokio::test]
async fn a_hashed_name_is_immutable_only_for_its_own_content() {
    let site = deployed(DEPLOYED, &[("static/site.css", "first")]);
    let path = site.root.path().join("static/site.css");
    let epoch = || std::fs::File::options().write(true).open(&path).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    epoch();
    let url = hashed(&site, "site.css");
    assert_eq!(site.get(&url).await.header("cache-control"), IMMUTABLE, "only the modification time has changed");
    site.write("static/site.css", "other");
    epoch();
    let other = site.get(&url).await;
    assert_eq!((other.text.as_str(), other.header("cache-control")), ("other", REVALIDATE));
    site.write("static/site.css", "first");
    assert_eq!(site.get(&url).await.header("cache-control"), IMMUTABLE);
}

#[tokio::test]
async fn a_compressed_file_shares_the_name_of_its_original() {
    let site = deployed(DEPLOYED, &[("static/app.js", "original"), ("static/app.js.gz", "gzip"), ("static/alone.gz", "alone")]);
    let url = hashed(&site, "app.js");
    let answer = site.get_encoded(&url, "gzip").await;
    assert_eq!(
        (answer.text.as_str(), answer.header("content-encoding"), answer.header("cache-control")),
        ("gzip", Some("gzip"), IMMUTABLE)
    );
    assert_eq!(hashed(&site, "app.js.gz"), format!("{url}.gz"));
    assert!(hashed(&site, "alone.gz").ends_with(".gz"));
    assert_eq!(site.get(&hashed(&site, "alone.gz")).await.text, "alone");
}

#[tokio::test]
async fn a_file_that_already_has_a_hashed_name_is_served_under_it() {
    let site = deployed(DEPLOYED, &[("static/lib.0123abcd.js", "own"), ("static/lib.js", "other")]);
    let own = site.get("/static/lib.0123abcd.js").await;
    assert_eq!((own.text.as_str(), own.header("cache-control")), ("own", REVALIDATE));
    assert_eq!(site.get(&hashed(&site, "lib.0123abcd.js")).await.text, "own");
}

#[tokio::test]
async fn other_folders_have_plain_names_only() {
    let site = deployed(DEPLOYED, &[("uploads/a.txt", "a"), ("static/a.txt", "a")]);
    let name = hashed(&site, "a.txt").replace("/static/", "/media/");
    assert_eq!(site.get(&name).await.status, 404);
}

#[cfg(unix)]
#[test]
fn unreachable_files_have_no_hashed_name() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(path("static/sub")).unwrap();
    std::fs::create_dir_all(path("static/.git")).unwrap();
    for file in ["secret", "static/a", "static/sub/b", "static/.env", "static/.git/c"] {
        std::fs::write(path(file), file).unwrap();
    }
    symlink("../secret", path("static/outside")).unwrap();
    symlink("..", path("static/up")).unwrap();
    symlink("nowhere", path("static/nowhere")).unwrap();
    symlink("..", path("static/sub/loop")).unwrap();
    symlink("a", path("static/link")).unwrap();
    let names = StaticNames::read(&path("static")).unwrap();
    let plain: Vec<&str> = names.iter().map(|(plain, _)| plain).collect();
    assert_eq!(plain, ["a", "link", "sub/b"]);
    assert_eq!(StaticNames::read(&path("gone")).unwrap().iter().count(), 0);
    let error = StaticNames::read(&path("secret")).unwrap_err().to_string();
    assert!(error.contains("secret") && error.contains("STATIC_DIR"), "{error}");
}
