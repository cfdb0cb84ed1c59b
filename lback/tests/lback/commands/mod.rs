//! The command line, in processes of their own: this very program, which runs one of its ignored tests.

#[cfg(feature = "mail")]
mod mail;
mod migrations;
mod own;
mod schema;
mod shell;
mod signals;
mod static_files;

use std::fs;
use std::process::{Command, Output, Stdio};

use lback::prelude::*;
use tempfile::TempDir;

/// The other process: an application that does what `LBACK_TEST_COMMAND` says.
#[test]
#[ignore = "run by the other tests"]
fn the_application() {
    let command = std::env::var("LBACK_TEST_COMMAND").expect("run by the other tests");
    let arguments: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let hello = |_: &mut Request| "hello";
    let hooks = Router::new().post("/paid", hello).name("paid").without_session().get("/", hello).middleware(audited);
    let urls = Router::new().get("/", hello).name("index").include("/hooks", hooks).name("hooks").csrf_exempt().any("/any", hello);
    let app = migrations::add(schema::add(signals::add(own::add(App::new(urls)))));
    #[cfg(feature = "mail")]
    let app = app.mail();
    match app.run(&arguments) {
        Ok(()) => println!("\nended well"),
        Err(error) => println!("\nended with: {error}"),
    }
}

async fn audited(req: &mut Request, next: Next<'_>) -> Result<Response> {
    next.run(req).await
}

/// A project's folder with these settings.
pub(crate) fn project(settings: &str) -> TempDir {
    let folder = TempDir::with_prefix("lback-test-").unwrap();
    let key = "SECRET_KEY = 'a key that only tests use, and that is long enough'";
    fs::write(
        folder.path().join("settings.toml"),
        format!("{key}\nALLOWED_HOSTS = ['localhost']\nSESSION_TIMEOUT_MINUTES = 30\n{settings}"),
    )
    .unwrap();
    folder
}

/// What the application prints, and how it ends.
fn run(project: &TempDir, command: &str) -> String {
    String::from_utf8_lossy(&output(process(project, command)).stdout).into_owned()
}

/// The process in which the application does what `command` says.
pub(crate) fn process(project: &TempDir, command: &str) -> Command {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process
        .args(["--exact", "commands::the_application", "--ignored", "--nocapture", "--test-threads=1"])
        .env("LBACK_ROOT", project.path())
        .env("LBACK_TEST_COMMAND", command)
        .env_remove("LBACK_ENV")
        .env_remove("CARGO_PKG_NAME")
        .stdin(Stdio::null())
        .current_dir(project.path());
    process
}

fn output(mut process: Command) -> Output {
    process.output().unwrap()
}

#[test]
fn serve_refuses_pending_migrations_and_names_the_command() {
    let project = project("DEBUG = false");
    let printed = run(&project, "serve 127.0.0.1:0");
    assert!(printed.contains("ended with: ") && printed.contains("_create_sessions") && printed.contains(" migrate"), "{printed}");
    // Nothing was applied in passing.
    let listed = run(&project, "showmigrations");
    assert!(listed.contains("[ ]") && !listed.contains("[X]"), "{listed}");
}

#[test]
fn a_misspelled_level_is_no_log_without_a_word() {
    for wrong in ["inof", "lback=loud"] {
        let printed = run(&project(&format!("LOG = '{wrong}'")), "showmigrations");
        assert!(printed.contains(&format!("ended with: LOG = \"{wrong}\"")) && printed.contains("info"), "{printed}");
    }
    for right in ["off", "warn", "info,lback=debug", "lback=debug"] {
        let printed = run(&project(&format!("LOG = '{right}'")), "showmigrations");
        assert!(printed.contains("ended well"), "{printed}");
    }
}

#[test]
fn the_columns_of_routes_are_as_wide_as_what_stands_in_them() {
    let (path, name) = ("/a/path/that/is/longer/than/those/of/most/sites", "a-name-that-is-longer-than-others");
    let view = |_: &mut Request| "";
    let urls = Router::new().get("/", view).name("index").without_session().get(path, view).name(name).without_session();
    let listed = lback::testing::Client::with_settings(App::new(urls), "SESSION_TIMEOUT_MINUTES = 30").command("routes", &[]);
    let columns = |name: &str| listed.lines().find(|line| line.contains(name)).map(|line| (line.find(name), line.find("no session")));
    assert!(columns("index").is_some() && columns("index") == columns(name), "{listed}");
}

#[test]
fn routes_shows_what_a_route_does_without_and_what_it_has_of_its_own() {
    let listed = run(&project(""), "routes");
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    for line in [
        &["GET", "/", "index"][..],
        &["POST", "/hooks/paid", "hooks:paid", "no", "session,", "CSRF", "exempt"],
        // Nothing is asked of a GET.
        &["GET", "/hooks", "audited"],
        &["ANY", "/any"],
    ] {
        assert!(lines.iter().any(|shown| shown.ends_with(line)), "{line:?} is missing in {listed}");
    }
}

#[test]
fn check_finds_an_argument_that_a_filter_does_not_take() {
    let project = project("");
    fs::create_dir(project.path().join("templates")).unwrap();
    fs::write(project.path().join("templates/day.html"), "<p>\n{{ now | date(fromat=\"%d.%m.%Y\") }}").unwrap();
    let checked = run(&project, "check");
    assert!(checked.contains("day.html:2:15: the filter \"date\" has no argument \"fromat\"; did you mean \"format\"?"), "{checked}");
}

#[test]
fn clearsessions_deletes_what_has_expired() {
    let project = project("");
    let refused = run(&project, "clearsessions");
    assert!(refused.contains("ended with: ") && refused.contains(" migrate"), "{refused}");
    run(&project, "migrate");
    let settings = lback::db::DbSettings { database_url: lback::settings::Secret::new("sqlite:db.sqlite"), ..Default::default() };
    let database = lback::db::Database::open(&settings, project.path()).unwrap();
    let insert = |id: u8, year: u16| {
        let hour = i64::from(year - 1970) * 365 * 24;
        let row = format!(
            "INSERT INTO sessions (id, data, version, expires_at, expiry_hour, created_at, updated_at)
             VALUES (x'{id:032x}', '{{}}', 1, {hour} * 3600000000, {hour}, 0, 0)"
        );
        diesel::sql_query(row).execute(&mut database.connect().unwrap()).unwrap();
    };
    insert(1, 2001);
    insert(2, 2002);
    insert(3, 2200);
    let cleared = run(&project, "clearsessions");
    assert!(cleared.contains("deleted 2 expired sessions"), "{cleared}");
    assert!(run(&project, "clearsessions").contains("deleted 0 expired sessions"));
}

#[test]
fn what_is_not_understood_is_refused_with_what_there_is() {
    let project = project("");
    for (command, part) in
        [("dance", "showmigrations"), ("rollback none", "at least 1"), ("migrate now then", "one migration as its target")]
    {
        let printed = run(&project, command);
        assert!(printed.contains("ended with: ") && printed.contains(part), "{printed}");
    }
    assert!(run(&project, "help nothing").contains("ended with: there is no command \"nothing\""));
    assert!(run(&project, "migrat").contains("did you mean migrate?"));
    assert!(run(&project, "runservr").contains("did you mean lback runserver?"));
    assert!(run(&project, "routes").contains("index"));
}

/// Without settings that could be read: who asks for help may be about to write them.
#[test]
fn every_command_explains_itself() {
    let project = project("NO_SETTING = 1");
    let help = run(&project, "--help");
    let commands = help.lines().skip_while(|line| *line != "Commands:").filter_map(|line| line.strip_prefix("  "));
    let names: Vec<&str> = commands.filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() >= 12 && names.contains(&"clearsessions"), "{help}");
    for name in names {
        for asks in [format!("{name} --help"), format!("{name} -h"), format!("help {name}")] {
            let printed = run(&project, &asks);
            assert!(printed.contains(&format!("Usage: {name}")) && printed.contains("ended well"), "{asks}: {printed}");
        }
    }
    assert!(run(&project, "check --deploy --help").contains("Usage: check [--deploy]\n\nLooks for problems"));
    assert!(run(&project, "serve 8080 -h").contains("Usage: serve [ADDRESS]"));
}

/// Python Lback wrote its settings into a file, with the passwords among them.
#[test]
fn what_is_secret_is_written_nowhere() {
    const KEY: &str = "swordfish-swordfish-swordfish-swordfish-swordfish";
    const OLD_KEY: &str = "halibut-halibut-halibut-halibut-halibut-halibut";
    let project = project("DEBUG = true");
    let mut printed = String::new();
    for command in ["migrate", "check --deploy", "showmigrations", "routes", "clearsessions", "help", "dance"] {
        let mut process = process(&project, command);
        process.env("SECRET_KEY", KEY).env("SECRET_KEY_FALLBACKS", OLD_KEY);
        #[cfg(feature = "mail")]
        process.env("SMTP_PASSWORD", KEY);
        let output = output(process);
        printed += &(String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr));
    }
    assert!(printed.contains("applied ") && printed.contains("ok    SECRET_KEY"), "{printed}");
    let mut folders = vec![project.path().to_owned()];
    let mut files = vec![("what was printed".into(), printed.into_bytes())];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push((path.display().to_string(), fs::read(path).unwrap())) }
        }
    }
    assert!(files.iter().any(|(path, _)| path.ends_with("db.sqlite")), "{:?}", files.iter().map(|(path, _)| path).collect::<Vec<_>>());
    for (path, bytes) in files {
        for secret in [KEY, OLD_KEY] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "a secret stands in {path}");
        }
    }
}

#[test]
fn check_names_what_is_wrong_and_what_mends_it() {
    let project = project("");
    let pending = run(&project, "check");
    assert!(pending.contains("FAIL  migrations: ") && pending.contains(" migrate") && pending.contains("ended with: 1 of"), "{pending}");
    run(&project, "migrate");
    let fine = run(&project, "check");
    assert!(fine.contains("ok    links in templates") && fine.contains("ended well"), "{fine}");

    fs::create_dir(project.path().join("templates")).unwrap();
    let page = "{{ url_for(name=\"index\") }}\n{{ url_for(name=\"indx\") }}";
    fs::write(project.path().join("templates/page.html"), page).unwrap();
    let broken = run(&project, "check");
    assert!(broken.contains("page.html:2 \"indx\"") && !broken.contains("page.html:1"), "{broken}");

    let page = "<form method=\"post\">{{ csrf_input() }}</form>\n<form method=\"post\"></form>";
    fs::write(project.path().join("templates/page.html"), page).unwrap();
    let open = run(&project, "check");
    assert!(open.contains("FAIL  forms in templates") && open.contains("page.html:2") && open.contains("{{ csrf_input() }}"), "{open}");
    assert!(!open.contains("page.html:1"), "{open}");
}

#[test]
fn check_deploy_looks_at_what_a_public_server_must_not_have() {
    let exposed = project("DEBUG = true\nSESSION_COOKIE_SECURE = false\nMAX_CONNECTIONS = 1000000");
    run(&exposed, "migrate");
    let printed = run(&exposed, "check --deploy");
    let wrong = if cfg!(feature = "mail") { "ended with: 5 of" } else { "ended with: 4 of" };
    for part in
        ["FAIL  DEBUG", "ok    SECRET_KEY", "ok    ALLOWED_HOSTS", "FAIL  secure cookies", "FAIL  HTTPS", "FAIL  MAX_CONNECTIONS", wrong]
    {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    let ready = project("TRUSTED_PROXIES = ['127.0.0.1']\nHSTS_SECONDS = 31536000\nMAX_CONNECTIONS = 10");
    run(&ready, "migrate");
    let printed = run(&ready, "check --deploy");
    // That mail reaches somebody is looked at in a test of its own.
    let wrong: Vec<&str> = printed.lines().filter(|line| line.starts_with("FAIL") && !line.starts_with("FAIL  mail")).collect();
    assert!(wrong.is_empty() && printed.contains("ok    HTTPS"), "{printed}");
    assert!(printed.contains("TRUSTED_PROXIES (127.0.0.1), it is the last address in X-Forwarded-For"), "{printed}");
}

#[test]
fn check_finds_a_folder_that_is_misspelled() {
    let project = project("TEMPLATES_DIR = 'pages'\nSTATIC_DIR = 'pubilc'");
    run(&project, "migrate");
    fs::create_dir(project.path().join("pages")).unwrap();
    let printed = run(&project, "check");
    assert!(printed.contains("FAIL  folders: STATIC_DIR names the folder pubilc") && printed.contains("ended with: 1 of"), "{printed}");
    fs::create_dir(project.path().join("pubilc")).unwrap();
    assert!(run(&project, "check").contains("ok    folders"));
}

#[test]
fn check_deploy_finds_a_proxy_that_would_not_be_believed() {
    let container = project("HOST = '0.0.0.0'\nTRUSTED_PROXIES = ['127.0.0.1']\nHSTS_SECONDS = 31536000");
    run(&container, "migrate");
    let printed = run(&container, "check --deploy");
    assert!(printed.contains("FAIL  visitors' addresses: ") && printed.contains("TRUSTED_PROXIES = [\"private\"]"), "{printed}");
    let printed = output_with(&container, "TRUSTED_PROXIES", "private, 203.0.113.0/24");
    assert!(printed.contains("ok    visitors' addresses") && printed.contains("(private, 203.0.113.0/24)"), "{printed}");
}

fn output_with(project: &tempfile::TempDir, name: &str, value: &str) -> String {
    let mut process = process(project, "check --deploy");
    process.env(name, value);
    String::from_utf8_lossy(&output(process).stdout).into_owned()
}

#[test]
fn settings_of_a_battery_that_is_missing_name_the_line_that_adds_it() {
    let message = crate::start_error(App::new(Router::new()), "SESSION_TIMEOUT_MINUTES = 30\nMAIL_FROM = 'shop@example.com'");
    for part in ["MAIL_FROM is not a setting", "App::new(urls).mail()", "features = [\"mail\"]"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let message = crate::start_error(App::new(Router::new()), "SESSION_TIMEOUT_MINUTES = 30\nJOBS_THREADS = 4");
    for part in ["JOBS_THREADS is not a setting", "App::new(urls).jobs(jobs![…])", "features = [\"jobs\"]"] {
        assert!(message.contains(part), "{part} in {message}");
    }
}
