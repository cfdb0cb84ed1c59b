//! `App::compression` and the command `compressstatic`.

use std::fs;

use lback::prelude::*;
use lback::testing::Client;

use crate::commands::{process, project};

const SETTINGS: &str = "ALLOWED_HOSTS = ['localhost']\nSESSION_TIMEOUT_MINUTES = 30";

fn long(_: &mut Request) -> String {
    "a line of a page\n".repeat(200)
}

fn encoding_of(client: &Client, path: &str) -> Option<String> {
    client.get(path).header("accept-encoding", "gzip, br").send().header("content-encoding").map(str::to_owned)
}

#[test]
fn an_application_compresses_its_responses() {
    let urls = || Router::new().get("/", long).get("/fails", |_: &mut Request| Err::<(), _>(Error::not_found("nothing")));
    let client = Client::with_settings(App::new(urls()).compression(), SETTINGS);
    assert_eq!(encoding_of(&client, "/").as_deref(), Some("br"));
    assert_eq!(client.get("/").send().assert_status(200).header("content-encoding"), None);
    // The page of an error as well.
    assert_eq!(encoding_of(&client, "/fails").as_deref(), Some("br"));
    assert_eq!(encoding_of(&Client::with_settings(App::new(urls()), SETTINGS), "/"), None);
    // While DEBUG is on, pages stay readable for tools.
    let debug = Client::with_settings(App::new(urls()).compression(), &format!("DEBUG = true\n{SETTINGS}"));
    assert_eq!(encoding_of(&debug, "/"), None);
}

#[test]
fn compressed_static_files_are_served() {
    let project = project("");
    let folder = project.path().join("static");
    let run = || String::from_utf8(process(&project, "compressstatic").output().unwrap().stdout).unwrap();
    let missing = run();
    assert!(missing.contains("ended with: the folder ") && missing.contains("STATIC_DIR"), "{missing}");
    let style = "a { color: red; }\n".repeat(200);
    fs::create_dir_all(folder.join("css")).unwrap();
    fs::write(folder.join("css/site.css"), &style).unwrap();
    fs::write(folder.join("short.css"), "a { color: red; }").unwrap();
    fs::write(folder.join("picture.png"), &style).unwrap();
    let said = run();
    assert!(said.contains(&format!("compressed 1 file in {}\n", folder.display())), "{said}");
    let mut names: Vec<_> = fs::read_dir(folder.join("css")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["site.css", "site.css.br", "site.css.gz", "site.css.zst"]);
    // Its own files are not compressed again.
    assert!(run().contains("compressed 1 file in "));
    assert_eq!((fs::read_dir(&folder).unwrap().count(), fs::read_dir(folder.join("css")).unwrap().count()), (3, 4));

    let settings = format!("STATIC_DIR = '{}'\n{SETTINGS}", folder.display());
    let client = Client::with_settings(App::new(Router::new()), &settings);
    assert_eq!(encoding_of(&client, "/static/css/site.css").as_deref(), Some("br"));
    assert_eq!(client.get("/static/css/site.css").send().assert_status(200).text(), style);
    // A file that has become short has no compressed forms any more.
    fs::write(folder.join("css/site.css"), "b {}").unwrap();
    assert!(run().contains("compressed 0 files in "));
    assert_eq!(encoding_of(&client, "/static/css/site.css"), None);
}
