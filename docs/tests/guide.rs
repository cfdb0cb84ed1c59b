//! Checks the guide's files, settings, links and messages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use lback::App;
use lback::Router;
use lback::admin::{AdminSettings, AppAdmin as _};
use lback::app::MonitoringSettings;
use lback::auth::{AppAuth as _, AuthSettings};
use lback::cache::{AppCache as _, CacheSettings};
use lback::db::DbSettings;
use lback::jobs::{AppJobs as _, JobSet, JobsSettings};
use lback::limits::{AppLimits as _, LimitSettings};
use lback::mail::{AppMail as _, MailSettings};
use lback::realtime::{AppRealtime as _, RealtimeSettings};
use lback::session::SessionSettings;
use lback::settings::{CoreSettings, Section, Settings, known_keys};
use lback::testing::Client;
use lback::websockets::{AppWebSockets as _, WebSocketSettings};

fn docs() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = docs().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The chapters in alphabetical order: `tutorial/3-forms.md`, `views.md`.
fn chapters() -> BTreeSet<String> {
    let chapters_in = |folder: &str| {
        let entries = fs::read_dir(docs().join("src").join(folder)).unwrap();
        let names = entries.map(move |entry| format!("{folder}{}", entry.unwrap().file_name().into_string().unwrap()));
        names.filter(|name| name.ends_with(".md") && name != "SUMMARY.md").collect::<BTreeSet<String>>()
    };
    chapters_in("").union(&chapters_in("tutorial/")).cloned().collect()
}

/// The fenced blocks of a page: the words behind the backticks, and the block.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let block: String = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
            blocks.push((kind.to_owned(), block));
        }
    }
    blocks
}

#[test]
fn the_summary_and_the_tests_name_every_chapter() {
    let summary: BTreeSet<String> = links(&read("src/SUMMARY.md")).into_iter().collect();
    assert_eq!(summary, chapters());
    let tests = read("guide_tests.rs");
    for chapter in chapters() {
        assert!(tests.contains(&format!("\"src/{chapter}\"")), "guide_tests.rs does not compile {chapter}");
    }
}

/// The targets of all links outside of code.
fn links(page: &str) -> Vec<String> {
    let mut fenced = false;
    let prose = page.lines().filter(|line| {
        fenced ^= line.starts_with("```");
        !fenced
    });
    let prose: String = prose.flat_map(|line| [line, "\n"]).collect();
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(str::to_owned).collect()
}

/// The anchors of a page's headings, as mdBook and GitHub make them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut anchors = BTreeSet::new();
    for line in page.lines() {
        fenced ^= line.starts_with("```");
        if !fenced && line.starts_with('#') {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            anchors.insert(heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-"));
        }
    }
    anchors
}

#[test]
fn every_link_leads_somewhere() {
    let mut pages: Vec<PathBuf> = chapters().into_iter().map(|name| docs().join("src").join(name)).collect();
    pages.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| docs().join("..").join(name)));
    let mut broken = Vec::new();
    for page in pages {
        let text = read(&page);
        for link in links(&text).into_iter().filter(|link| !link.starts_with("http")) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let found = target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !found {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn settings_in_the_guide_are_settings() {
    let mut seen = 0;
    let pages = chapters().into_iter().map(|name| format!("src/{name}")).chain(["../README.md".to_owned()]);
    for page in pages {
        for (kind, block) in blocks(&read(&page)) {
            if kind == "toml,settings" {
                seen += 1;
                checked(&block).unwrap_or_else(|error| panic!("{page}: {error}\n{block}"));
            }
        }
    }
    assert!(seen >= 5, "the settings are marked ```toml,settings");
}

/// A part of the settings, as the tests use it.
struct Part {
    keys: &'static [&'static str],
    declare: fn(&mut Settings),
    check: fn(&Settings) -> lback::Result<()>,
    read: fn(&Settings) -> String,
    defaults: fn() -> String,
}

fn part<T: Section + Default + Debug>() -> Part {
    Part {
        keys: known_keys::<T>(),
        declare: |settings| {
            settings.declare::<T>();
        },
        check: |settings| settings.checked::<T>().map(drop).map_err(Into::into),
        read: |settings| format!("{:?}", settings.section::<T>().unwrap()),
        defaults: || format!("{:?}", T::default()),
    }
}

fn parts() -> [Part; 12] {
    [
        part::<CoreSettings>(),
        part::<DbSettings>(),
        part::<SessionSettings>(),
        part::<MailSettings>(),
        part::<AuthSettings>(),
        part::<AdminSettings>(),
        part::<JobsSettings>(),
        part::<CacheSettings>(),
        part::<LimitSettings>(),
        part::<RealtimeSettings>(),
        part::<WebSocketSettings>(),
        part::<MonitoringSettings>(),
    ]
}

fn checked(text: &str) -> lback::Result<Settings> {
    let mut settings = Settings::from_toml(".", text)?;
    parts().iter().for_each(|part| (part.declare)(&mut settings));
    settings.check_unknown(&[])?;
    parts().iter().try_for_each(|part| (part.check)(&settings))?;
    Ok(settings)
}

/// Returns the rows of the tables of settings as cells, without the backticks around them.
fn rows_of_settings() -> Vec<Vec<String>> {
    let page = read("src/settings.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()).collect()
}

/// Each row gives a value that the setting refuses. The application must not start with it.
#[test]
fn the_start_refuses_the_wrong_value_of_every_setting() {
    let mut accepted = Vec::new();
    for row in rows_of_settings() {
        let [key, _, _, wrong, _] = row.as_slice() else { panic!("key, default, accepted, refused, meaning: {row:?}") };
        let others = [("DEBUG", "true"), ("SESSION_TIMEOUT_MINUTES", "30")];
        let is_other = |(other, _): &&(&str, &str)| *other != key && !(key == "SESSION_EXPIRY_SECONDS" && other.starts_with("SESSION"));
        let settings: String = others.iter().filter(is_other).map(|(key, value)| format!("{key} = {value}\n")).collect();
        let settings = format!("{settings}{key} = {wrong}");
        let start = std::panic::catch_unwind(|| {
            drop(Client::with_settings(
                App::new(Router::new().get("/login", |_: &mut lback::Request| "").name("login"))
                    .auth()
                    .mail()
                    .admin()
                    .jobs(JobSet::new())
                    .cache()
                    .limits()
                    .realtime()
                    .websockets(),
                &settings,
            ));
        });
        match start.map_err(|panic| *panic.downcast::<String>().unwrap()) {
            Ok(()) => accepted.push(format!("{key} = {wrong}")),
            Err(message) => {
                let is_helpful = message.contains(key)
                    && ["write", "create one", "list complete", "begins with", "one of", "from 0 to"]
                        .iter()
                        .any(|words| message.to_lowercase().contains(words));
                println!("{message}");
                assert!(is_helpful, "{key} = {wrong}: {message}");
            }
        }
    }
    assert!(accepted.is_empty(), "the start should refuse {accepted:#?}");
}

#[test]
fn the_tables_list_every_setting_with_its_default() {
    let documented: BTreeMap<String, String> = rows_of_settings().into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let keys: BTreeSet<String> = parts().iter().flat_map(|part| part.keys).map(|&key| key.to_owned()).collect();
    assert_eq!(documented.keys().cloned().collect::<BTreeSet<_>>(), keys);

    let written: String =
        documented.iter().filter(|(_, default)| *default != "–").map(|(key, default)| format!("{key} = {default}\n")).collect();
    let settings = checked(&written).unwrap();
    let database: DbSettings = settings.section().unwrap();
    for part in parts() {
        assert_eq!((part.read)(&settings), (part.defaults)());
    }
    assert_eq!(database.database_url.expose(), DbSettings::default().database_url.expose());
}

#[test]
fn writing_a_battery_shows_the_code_of_announcements() {
    let files = ["src/battery.rs", "src/views.rs", "site/src/tests.rs"];
    let code: Vec<String> = files.iter().map(|file| read(Path::new("../examples/announcements").join(file))).collect();
    let shown = blocks(&read("src/batteries.md")).into_iter().filter(|(kind, _)| kind == "rs").map(|(_, block)| block);
    for block in shown {
        assert!(code.iter().any(|file| file.contains(&block)), "not in examples/announcements:\n{block}");
    }
}

#[test]
fn messages_are_quoted_word_for_word() {
    let why = |app: App, settings: &str| {
        let settings = settings.to_owned();
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || Client::with_settings(app, &settings)));
        let message = *panic.expect_err("the application should not start").downcast::<String>().unwrap();
        message.strip_prefix("the application cannot start: ").unwrap().to_owned()
    };
    let app = || App::new(Router::new());
    let quoted = |chapter: &str, message: &str| assert!(read(chapter).contains(&format!("error: {message}\n")), "{chapter}: {message}");

    quoted("src/settings.md", &why(app(), "SESION_TIMEOUT_MINUTES = 30"));
    let without_database = app().stack(|stack| stack.remove("DbSessionMiddleware").map(drop));
    quoted("src/middleware.md", &why(without_database, "DEBUG = true\nSESSION_TIMEOUT_MINUTES = 30"));
}

#[test]
fn the_introduction_lists_the_prelude() {
    let introduction = read("src/introduction.md");
    let source = read("../lback/src/prelude.rs");
    let imports = source.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let paths = imports.flat_map(|import| match import.split_once('{') {
        Some((_, names)) => names.trim_end_matches('}').split(',').map(str::trim).map(str::to_owned).collect(),
        None => vec![import.rsplit("::").next().unwrap().to_owned()],
    });
    let names = paths.filter(|name| !name.is_empty() && name != "*" && !name.ends_with(" as _"));
    let missing: Vec<String> =
        names.filter(|name| !introduction.contains(&format!("`{name}`")) && !introduction.contains(&format!("`{name}!`"))).collect();
    assert!(missing.is_empty(), "docs/src/introduction.md, \"The prelude\", lacks {missing:?}");
}
