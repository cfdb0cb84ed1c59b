//! Settings, from files and variables to error messages.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde::Deserialize;
use tempfile::TempDir;

use super::root::find_root_from;
use super::*;

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
struct Server {
    debug: bool,
    host: Option<String>,
    port: Option<u16>,
    allowed_hosts: Vec<String>,
    session_timeout_minutes: u32,
    rate: f64,
    database_url: Option<String>,
    level: Level,
    address: Option<std::net::IpAddr>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Level {
    #[default]
    Info,
    Warn,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct Keys {
    secret_key: Secret,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shop {
    price: u32,
    #[serde(default)]
    colour: String,
    #[serde(default)]
    api_key: Option<Secret>,
    #[serde(default)]
    mail: Mail,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mail {
    host: String,
    retries: u8,
}

fn project(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn load(files: &[(&str, &str)], env: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::load(project(files).path(), &env.iter().copied().collect())
}

fn loaded(files: &[(&str, &str)], env: &[(&str, &str)]) -> Settings {
    load(files, env).unwrap()
}

fn toml(text: &str) -> Settings {
    Settings::from_toml("/srv/app", text).unwrap()
}

fn section_error(text: &str) -> String {
    toml(text).section::<Server>().unwrap_err().to_string()
}

fn variable_error(name: &str, value: &str) -> String {
    loaded(&[("settings.toml", "")], &[(name, value)]).section::<Server>().unwrap_err().to_string()
}

fn shown(settings: &Settings, key: &str) -> String {
    settings.entries().into_iter().find(|entry| entry.key == key).unwrap().shown
}

#[test]
fn later_sources_take_precedence() {
    let files = [
        ("settings.toml", "PORT = 1\nHOST = 'a'\nRATE = 1\nDEBUG = true"),
        ("settings.test.toml", "PORT = 2\nHOST = 'b'\nRATE = 2.5"),
        (".env", "PORT=3\nHOST=c\n"),
    ];
    let server: Server = loaded(&files, &[("LBACK_ENV", "test"), ("PORT", "4")]).section().unwrap();
    assert_eq!((server.port, server.host.as_deref(), server.rate, server.debug), (Some(4), Some("c"), 2.5, true));
}

#[test]
fn the_environment_comes_from_the_process_or_dotenv_or_is_development() {
    let files = [("settings.toml", ""), (".env", "LBACK_ENV=staging"), ("settings.test.toml", ""), ("settings.staging.toml", "")];
    assert_eq!(loaded(&files, &[("LBACK_ENV", "test")]).environment(), "test");
    assert_eq!(loaded(&files, &[]).environment(), "staging");
    assert_eq!(loaded(&files[..1], &[("LBACK_ENV", "")]).environment(), "development");
    let error = load(&files, &[("LBACK_ENV", "../etc")]).unwrap_err().to_string();
    assert!(error.contains("LBACK_ENV=production"), "{error}");
    // A typo.
    let error = load(&files, &[("LBACK_ENV", "prodcution")]).unwrap_err().to_string();
    assert!(error.contains("there is no settings.prodcution.toml"), "{error}");
}

#[test]
fn the_error_for_a_missing_file_mentions_lback_root() {
    let error = load(&[], &[]).unwrap_err();
    assert!(error.is_missing_file());
    assert!(error.to_string().contains("LBACK_ROOT"), "{error}");
}

#[test]
fn the_root_is_the_current_folder_then_lback_root_then_the_manifest_folder() {
    let (empty, full, other) = (project(&[]), project(&[("settings.toml", "")]), project(&[("settings.toml", "")]));
    let text = |folder: &TempDir| folder.path().to_str().unwrap().to_owned();
    let both = Environment::from([("LBACK_ROOT", text(&full)), ("CARGO_MANIFEST_DIR", text(&other))]);
    assert_eq!(find_root_from(other.path(), &both).unwrap(), other.path());
    assert_eq!(find_root_from(empty.path(), &both).unwrap(), full.path());
    let cargo = Environment::from([("CARGO_MANIFEST_DIR", text(&other))]);
    assert_eq!(find_root_from(empty.path(), &cargo).unwrap(), other.path());
    let wrong = Environment::from([("LBACK_ROOT", text(&empty)), ("CARGO_MANIFEST_DIR", text(&other))]);
    let error = find_root_from(empty.path(), &wrong).unwrap_err().to_string();
    assert!(error.contains(&text(&empty)) && error.starts_with("LBACK_ROOT names"), "{error}");
    assert!(find_root_from(empty.path(), &Environment::default()).unwrap_err().is_missing_file());
}

#[test]
fn variables_are_converted_to_the_type_of_the_field() {
    for (text, expected) in
        [("true", true), ("1", true), ("Yes", true), ("ON", true), ("false", false), ("0", false), ("no", false), ("off", false)]
    {
        let server: Server = loaded(&[("settings.toml", "")], &[("DEBUG", text)]).section().unwrap();
        assert_eq!(server.debug, expected, "{text}");
    }
    let env = [("ALLOWED_HOSTS", "a.org, b.org,"), ("RATE", "1.5"), ("PORT", ""), ("HOST", ""), ("LEVEL", "warn"), ("ADDRESS", "::1")];
    let server: Server = loaded(&[("settings.toml", "PORT = 1")], &env).section().unwrap();
    assert_eq!(server.allowed_hosts, ["a.org", "b.org"]);
    assert_eq!((server.rate, server.port, server.host, server.level), (1.5, None, None, Level::Warn));
    assert!(server.address.is_some());
}

#[test]
fn all_kinds_of_toml_values_are_read() {
    #[derive(Deserialize)]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    struct Forms {
        hex: u32,
        spaced: i64,
        endless: f64,
        big: u64,
        date: String,
        pair: (u8, String),
        table: HashMap<String, u8>,
    }
    let forms: Forms = toml(
        "HEX = 0xff\nSPACED = -1_000\nENDLESS = inf\nBIG = 9223372036854775807\nDATE = 2026-01-02\nPAIR = [1, 'a']\nTABLE = { a = 1 }",
    )
    .section()
    .unwrap();
    assert_eq!((forms.hex, forms.spaced, forms.endless, forms.big), (255, -1000, f64::INFINITY, 9223372036854775807));
    assert_eq!((forms.date.as_str(), forms.pair, forms.table["a"]), ("2026-01-02", (1, "a".to_owned()), 1));
}

#[test]
fn the_error_for_a_wrong_value_has_the_key_the_location_and_the_remedy() {
    assert_eq!(
        section_error("DEBUG = true\n\nSESSION_TIMEOUT_MINUTES = 'thirty'"),
        "settings.toml:3: SESSION_TIMEOUT_MINUTES should be a whole number, but is the text \"thirty\"."
    );
    assert_eq!(
        section_error("PORT = '8000'"),
        "settings.toml:1: PORT should be a whole number, but is the text \"8000\". Write PORT = 8000"
    );
    assert_eq!(
        section_error("PORT = 70000"),
        "settings.toml:1: PORT should be a whole number from 0 to 65535, but is the whole number 70000."
    );
    assert_eq!(section_error("DEBUG = 1"), "settings.toml:1: DEBUG should be true or false, but is the whole number 1. Write DEBUG = true");
    assert_eq!(section_error("HOST = 5"), "settings.toml:1: HOST should be text, but is the whole number 5. Write HOST = \"5\"");
    assert_eq!(
        section_error("ALLOWED_HOSTS = 'a'"),
        "settings.toml:1: ALLOWED_HOSTS should be a list, but is the text \"a\". Write ALLOWED_HOSTS = [\"a\"]"
    );
    assert_eq!(
        section_error("ALLOWED_HOSTS = [\n'a',\n1]"),
        "settings.toml:3: ALLOWED_HOSTS[1] should be text, but is the whole number 1."
    );
    assert_eq!(section_error("RATE = [1]"), "settings.toml:1: RATE should be a number, but is a list.");
    assert_eq!(
        section_error("LEVEL = 'warm'"),
        "settings.toml:1: LEVEL should be one of info, warn, but is the text \"warm\". Did you mean warn?"
    );
    assert!(section_error("ADDRESS = 'x'").starts_with("settings.toml:1: ADDRESS is the text \"x\", which is invalid: "));
    assert_eq!(variable_error("PORT", "x"), "the environment variable PORT should be a whole number, but is the text \"x\".");
    assert_eq!(
        variable_error("PORT", "-1"),
        "the environment variable PORT should be a whole number from 0 to 65535, but is the text \"-1\"."
    );
    assert_eq!(variable_error("RATE", ""), "the environment variable RATE should be a number, but is empty.");
    let dotenv = loaded(&[("settings.toml", ""), (".env", "# x\n\nDEBUG=perhaps")], &[]);
    assert_eq!(
        dotenv.section::<Server>().unwrap_err().to_string(),
        ".env:3: DEBUG should be true or false, but is the text \"perhaps\". Write DEBUG=true"
    );
}

#[test]
fn lback_env_is_not_a_key_of_the_file() {
    assert!(toml("LBACK_ENV = 'test'").check_unknown(&[]).is_err());
}

#[test]
fn the_error_for_a_missing_key_names_the_file_to_add_it_to() {
    let error = toml("").section::<Keys>().unwrap_err();
    assert!(error.is_missing_key());
    assert_eq!(
        error.to_string(),
        "SECRET_KEY is not set. Add SECRET_KEY = … to /srv/app/settings.toml, or set the environment variable SECRET_KEY."
    );
}

#[test]
fn the_known_keys_come_from_the_struct() {
    let mut settings = toml("PORT = 1\nDEBGU = true\n\n[shop]\nanything = 1\n");
    settings.declare_keys::<Keys>();
    assert_eq!(known_keys::<HashMap<String, String>>(), [""; 0]);
    let error = settings.check_unknown(known_keys::<Server>()).unwrap_err();
    assert!(error.is_unknown_key());
    assert!(error.to_string().starts_with("settings.toml:2: DEBGU is not a setting. Did you mean DEBUG?"), "{error}");
    assert!(settings.check_unknown(&["DEBGU", "PORT"]).is_ok());
    let both = toml("AAAAA = 1\nBBBBB = 2").check_unknown(&[]).unwrap_err().to_string();
    assert_eq!(both.lines().count(), 2);
}

#[test]
fn dotenv_may_contain_variables_of_other_programs() {
    let known = known_keys::<Server>();
    let check = |dotenv: &str| loaded(&[("settings.toml", ""), (".env", dotenv)], &[("ALOWED_HOSTS", "x")]).check_unknown(known);
    assert!(check("POSTGRES_USER=x\nDATABASE_URL_2=x\nLBACK_ENV=development\nhttp_proxy=x\nSHOP__PRICE=1\nPOST=1").is_ok());
    let error = check("X=1\nDATABSE_URL=x").unwrap_err().to_string();
    assert_eq!(error, ".env:2: DATABSE_URL is not a setting. Did you mean DATABASE_URL?");
    // Names in .env are upper case, like those of the process.
    let error = check("DATABASE_URL=x\ndatabase_url=y").unwrap_err().to_string();
    assert_eq!(error, ".env:2: database_url is not a setting. Did you mean DATABASE_URL?");
}

#[test]
fn lower_case_keys_belong_in_tables() {
    let error = Settings::from_toml("/", "debug = true\n\nsession-name = 'x'").unwrap_err().to_string();
    assert!(error.starts_with("settings.toml:1: \"debug\" is outside a table, where keys must be upper case. Write DEBUG, or"), "{error}");
    assert!(error.contains("\nsettings.toml:3: ") && error.contains("SESSION_NAME"), "{error}");
}

#[test]
fn tables_are_merged_by_key_and_variables_override_their_keys() {
    let files = [
        ("settings.toml", "[shop]\nprice = 1\ncolour = 'red'\n[shop.mail]\nhost = 'a'\nretries = 1"),
        ("settings.test.toml", "[shop]\ncolour = 'blue'\n[shop.mail]\nretries = 2"),
        (".env", "SHOP__MAIL__RETRIES=3\nLBACK_ENV=test"),
    ];
    let env = [("SHOP__PRICE", "7"), ("SHOP__API_KEY", "abc"), ("__CF__X", "1"), ("SHOPPER__X", "1")];
    let shop: Shop = loaded(&files, &env).table("shop").unwrap();
    assert_eq!((shop.price, shop.colour.as_str(), shop.mail.host.as_str(), shop.mail.retries), (7, "blue", "a", 3));
    assert_eq!(shop.api_key.unwrap().expose(), "abc");
    let shop: Shop = loaded(&[("settings.toml", "")], &env).table("shop").unwrap();
    assert_eq!(shop.price, 7);
    let dashed: HashMap<String, u8> = loaded(&[("settings.toml", "[my-app]\nx = 1")], &[("MY_APP__X", "2")]).table("my-app").unwrap();
    assert_eq!(dashed["x"], 2);
}

#[test]
fn errors_in_a_table_name_the_table() {
    let error = |text: &str| toml(text).table::<Shop>("shop").unwrap_err().to_string();
    let missing = "the table [shop] needs the key price, which is not set. Add price = … below [shop] in /srv/app/settings.toml.";
    assert_eq!(error(""), missing);
    assert_eq!(error("[shop]\n"), missing);
    assert_eq!(error("[shop]\nprice = 'x'"), "settings.toml:2: shop.price should be a whole number, but is the text \"x\".");
    assert_eq!(
        error("[shop]\nprice = 1\ncolor = 'x'"),
        "settings.toml:3: shop.color is not a key of this table. Did you mean colour? Its keys are price, colour, api_key, mail."
    );
    assert_eq!(error("[shop]\nprice = 1\nmail = 1"), "settings.toml:3: shop.mail should be a table, but is the whole number 1.");
    assert!(toml("").table::<Mail>("mail").is_ok());
}

#[test]
fn the_line_of_invalid_toml_is_shown_unless_it_is_secret() {
    let error = |text: &str| Settings::from_toml("/", text).unwrap_err().to_string();
    let plain = error("DEBUG = true\nHOST = local host\n");
    assert!(plain.starts_with("settings.toml:2:") && plain.ends_with("\n2 | HOST = local host"), "{plain}");
    for text in [
        "SECRET_KEY = hunter2\n",
        "SECRET_KEY = \"hunter2",
        "SECRET_KEY = \"\"\"\nx\nhunter2",
        "SECRET_KEY = \"\"\"\nx\na = hunter2",
        "SECRET_KEY = \"x\nhunter2\"",
        "[mail.credentials]\nuser = hunter2",
        "DATABASE_URL = postgres://u:hunter2@h/db",
        "DATABASE_URL = 'x?password=hunter2",
        "shop = { api_key = 'hunter2', x }",
        "hunter2",
    ] {
        let error = error(text);
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn files_that_are_not_settings_are_refused() {
    let folder = project(&[]);
    let load = |bytes: &[u8]| {
        fs::write(folder.path().join("settings.toml"), bytes).unwrap();
        Settings::load(folder.path(), &Environment::default())
    };
    assert!(load(b"\xef\xbb\xbfPORT = 1").is_ok());
    assert!(load(b"A = 1\nB = '\xff'").unwrap_err().to_string().contains("line 2 is not UTF-8"));
    assert!(load(b"\0\0").unwrap_err().is_syntax());
    assert!(load(&vec![b'#'; 1024 * 1024]).is_ok());
    assert!(load(&vec![b'#'; 1024 * 1024 + 1]).unwrap_err().to_string().contains("over 1 MiB"));
    assert!(load(format!("A = {}{}", "[".repeat(40), "]".repeat(40)).as_bytes()).unwrap_err().to_string().contains("32 levels"));
    assert!(load(format!("A = {}", "[".repeat(100_000)).as_bytes()).is_err());
    assert!(load(format!("A = {}", "9".repeat(60)).as_bytes()).unwrap_err().to_string().contains("too large"));
    assert!(load(b"A = 1e999").unwrap_err().to_string().contains("too large"));
}

#[test]
fn dotenv_errors_show_the_line_but_no_value() {
    let error = |text: &str| load(&[("settings.toml", ""), (".env", text)], &[]).unwrap_err().to_string();
    for text in ["A=1\n\nB = hunter2 x", "# c\nA='x\ny'\nhunter2", "A=1\nB=1\nC='hunter2\n\n"] {
        let error = error(text);
        assert!(!error.contains("hunter2"), "{error}");
        assert!(error.starts_with(if text.starts_with('#') { ".env:4: " } else { ".env:3: " }), "{error}");
    }
    let settings = loaded(&[("settings.toml", ""), (".env", "\u{feff}A='1\n2'\nB=2\nB=3 ")], &[]);
    assert_eq!(settings.entries()[1].origin, ".env:4");
}

#[test]
fn secrets_are_masked_in_output() {
    let mut settings = toml(
        "SECRET_KEY = 'hunter2'\nDATABASE_URL = 'postgres://me:hunter2@db/x?sslmode=on&password=hunter2'\nLIST = [{ token = 'hunter2' }]\nDSN_X = ['hunter2']\nN = 1\n[shop.credentials]\nuser = 'hunter2'",
    );
    settings.set("CACHE", "redis://hunter2@h").set("OTHER", "postgres://me:hun/ter2@h").set("LIBPQ", "host=h password = hunter2");
    let text = format!("{settings:?}");
    assert!(!text.contains("hunter2") && !text.contains("hun/ter2"), "{text}");
    assert_eq!(shown(&settings, "DATABASE_URL"), "\"postgres://me:***@db/x?sslmode=on&password=***\"");
    assert_eq!(shown(&settings, "LIST"), "[{ token = *** }]");
    assert_eq!((shown(&settings, "N"), shown(&settings, "shop.credentials.user")), ("1".to_owned(), "***".to_owned()));
    let env = Environment::from([("SECRET_KEY", "hunter2")]);
    assert!(!format!("{env:?}").contains("hunter2"));
}

#[test]
fn a_secret_of_the_wrong_type_is_not_shown() {
    #[derive(Debug, Deserialize)]
    struct Door {
        #[allow(dead_code, reason = "the fields are only deserialized")]
        code: Secret,
    }
    let error = toml("[door]\ncode = 1234").table::<Door>("door").unwrap_err().to_string();
    assert_eq!(
        error,
        "settings.toml:2: door.code should be text, but is a value that is not shown because it may be secret. Write code = \"…\""
    );
    assert_eq!(serde_json::from_str::<Secret>("\"x\"").unwrap().expose(), "x");
    assert_eq!(toml("SECRET_KEY = 'x'").section::<Keys>().unwrap().secret_key.expose(), "x");
}

#[test]
fn only_declared_variables_are_listed() {
    let mut settings = loaded(&[("settings.toml", "")], &[("PORT", "1"), ("PATH", "/bin")]);
    assert!(settings.entries().is_empty());
    settings.declare_keys::<Server>();
    let entries = settings.entries();
    assert_eq!((entries.len(), entries[0].origin.as_str()), (1, "the environment variable PORT"));
}

#[test]
fn values_set_in_code_take_precedence() {
    let mut settings = loaded(&[("settings.toml", "PORT = 1")], &[("PORT", "2"), ("SHOP__PRICE", "3"), ("SHOP__COLOUR", "red")]);
    settings.set("PORT", 9).set("shop.price", 4);
    assert_eq!(settings.section::<Server>().unwrap().port, Some(9));
    let shop: Shop = settings.table("shop").unwrap();
    assert_eq!((shop.price, shop.colour.as_str()), (4, "red"));
    let error = settings.set("PORT", "x").section::<Server>().unwrap_err().to_string();
    assert!(error.starts_with("PORT, set in code, should be a whole number"), "{error}");
}

#[test]
fn secret_keys_must_be_long_and_must_be_set_outside_debug() {
    let root = Path::new("/nowhere");
    let (short, long) = (Secret::new("hunter2"), Secret::new("x".repeat(32)));
    for (configured, debug) in [(None, false), (Some(&short), false), (Some(&short), true)] {
        let error = secret_key(root, configured, debug).unwrap_err().to_string();
        assert!(error.contains("openssl rand -base64 48") && !error.contains("hunter2"), "{error}");
    }
    assert_eq!(secret_key(root, Some(&long), false).unwrap().expose(), long.expose());
}

#[test]
fn debug_creates_a_key_that_all_processes_share() {
    let folder = project(&[]);
    let make = || secret_key(folder.path(), None, true).unwrap().expose().to_owned();
    let keys: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0] && key.len() == 64));
    let kept = folder.path().join(".lback");
    assert_eq!(fs::read_to_string(kept.join(".gitignore")).unwrap(), "*\n");
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 2);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(kept.join("secret_key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    fs::write(kept.join("secret_key"), "short").unwrap();
    assert!(secret_key(folder.path(), None, true).unwrap_err().to_string().contains("Delete the file"));
}

#[test]
fn debug_without_a_writable_folder_uses_a_key_for_this_run() {
    let folder = project(&[(".lback", "a file in the way")]);
    let make = || secret_key(folder.path(), None, true).unwrap().expose().to_owned();
    assert_eq!(make().len(), 64);
    assert_ne!(make(), make());
}

fn use_all(settings: &Settings) -> String {
    let outcome = |result: Result<String, SettingsError>| result.unwrap_or_else(|error| format!("{error} {error:?}"));
    [
        format!("{settings:?} {:?}", settings.entries()),
        outcome(settings.section::<Server>().map(|value| format!("{:?}", value.port))),
        outcome(settings.section::<Keys>().map(|value| format!("{value:?}"))),
        outcome(settings.section::<WrongKeys>().map(|_| String::new())),
        outcome(settings.table::<Shop>("shop").map(|value| format!("{:?}", value.api_key))),
        outcome(settings.check_unknown(&["SECRET_KEYS"]).map(|()| String::new())),
    ]
    .join("\n")
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct WrongKeys {
    #[allow(dead_code, reason = "the fields are only deserialized")]
    secret_key: std::net::IpAddr,
}

proptest! {
    #[test]
    fn no_bytes_panic(toml in any::<Vec<u8>>(), dotenv in any::<Vec<u8>>()) {
        let folder = project(&[]);
        fs::write(folder.path().join("settings.toml"), toml).unwrap();
        fs::write(folder.path().join(".env"), dotenv).unwrap();
        let _ = Settings::load(folder.path(), &Environment::default()).map(|settings| use_all(&settings));
    }

    #[test]
    fn no_text_panics(toml in "([A-Z_a-z.]{0,6} ?[=\\[\\]{},\"'#.\\-\n:0-9é_]{0,5}){0,12}", dotenv in "([A-Z_]{0,6}[=$\\{\\}\"'#\\\\ \n\\PC]{0,5}){0,12}") {
        let _ = Settings::from_toml("/", &toml).map(|settings| use_all(&settings));
        let _ = load(&[("settings.toml", ""), (".env", &dotenv)], &[]).map(|settings| use_all(&settings));
    }

    #[test]
    fn no_secret_is_shown(secret in "[ -~é]{12,40}", key in "(SECRET_KEY|PORT_PASSWORD|API_TOKEN)") {
        let written = [
            format!("{key} = \"{}\"", secret.replace('\\', "\\\\").replace('"', "\\\"")),
            format!("{key} = {secret}"),
            format!("{key} = \"{secret}"),
            format!("{key} = '''\n{secret}\n"),
            format!("[shop]\nprice = 1\napi_key = {{ x = '{secret}' }}"),
            format!("[shop]\nprice = 1\napi_key = ['{secret}']"),
        ];
        let dotenv = [format!("{key}={secret}"), format!("{key}='{secret}'"), format!("SHOP__API_KEY=\"{secret}")];
        let mut outputs = Vec::new();
        let mut record = |result: Result<Settings, SettingsError>| outputs.push(match result {
            Ok(settings) => use_all(&settings),
            Err(error) => format!("{error} {error:?}"),
        });
        written.iter().for_each(|text| record(Settings::from_toml("/", text)));
        dotenv.iter().for_each(|text| record(load(&[("settings.toml", "PORT = 1"), (".env", text)], &[])));
        record(load(&[("settings.toml", "")], &[(&key, &secret), ("SHOP__API_KEY", &secret)]));
        for output in outputs {
            prop_assert!(!output.contains(secret.trim()), "{}", output);
        }
    }
}

/// Returns the same text in the encodings and with the line endings that editors and systems use.
fn saved_variants(text: &str) -> Vec<Vec<u8>> {
    let spaced: String = text.lines().map(|line| format!("{line} \t\n")).collect();
    let utf16 =
        |mark: &[u8], unit: fn(u16) -> [u8; 2]| -> Vec<u8> { mark.iter().copied().chain(text.encode_utf16().flat_map(unit)).collect() };
    vec![
        text.as_bytes().to_vec(),
        text.trim_end().as_bytes().to_vec(),
        spaced.clone().into_bytes(),
        text.replace('\n', "\r\n").into_bytes(),
        text.replace('\n', "\r").into_bytes(),
        format!("\u{feff}{text}").into_bytes(),
        format!("\u{feff}{}", spaced.replace('\n', "\r\n")).into_bytes(),
        utf16(b"\xff\xfe", u16::to_le_bytes),
        utf16(b"\xfe\xff", u16::to_be_bytes),
    ]
}

#[test]
fn encodings_and_line_endings_make_no_difference() {
    const TOML: &str = "DEBUG = true\nPORT = 1\n\n[shop]\nprice = 3\ncolour = '''\none\ntwo'''\n";
    const PRODUCTION: &str = "# On the server\nPORT = 2\n";
    const DOTENV: &str = "# Secrets\nLBACK_ENV=production\nHOST='example.com'\nexport DATABASE_URL=sqlite:db\nSHOP__PRICE=4\nDEBUG=false\n";
    let files = [saved_variants(TOML), saved_variants(PRODUCTION), saved_variants(DOTENV)];
    for variant in 0..files[0].len() {
        let folder = tempfile::tempdir().unwrap();
        for (name, variants) in ["settings.toml", "settings.production.toml", ".env"].iter().zip(&files) {
            fs::write(folder.path().join(name), &variants[variant]).unwrap();
        }
        let settings = Settings::load(folder.path(), &Environment::default()).unwrap_or_else(|error| panic!("{variant}: {error}"));
        let server: Server = settings.section().unwrap_or_else(|error| panic!("{variant}: {error}"));
        assert_eq!((server.debug, server.port), (false, Some(2)), "{variant}");
        assert_eq!((server.host.as_deref(), server.database_url.as_deref()), (Some("example.com"), Some("sqlite:db")), "{variant}");
        let shop: Shop = settings.table("shop").unwrap();
        // Spaces inside the quotes are part of the value.
        let colour: Vec<&str> = shop.colour.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        assert_eq!((shop.price, colour), (4, vec!["one", "two"]), "{variant}");
    }
}

#[cfg(unix)]
#[test]
fn a_created_key_is_readable_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    secret_key(folder.path(), None, true).unwrap();
    let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(".lback"), mode(".lback/secret_key")), (0o700, 0o600));
}

#[cfg(unix)]
#[test]
fn a_setting_that_is_not_text_is_an_error() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    #[derive(Deserialize)]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
    #[derive(Default)]
    struct Shop {
        shop_key: String,
    }
    impl Section for Shop {}

    let check = |name: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("settings.toml"), "").unwrap();
        let environment = Environment::of_system([(name.into(), OsString::from_vec(b"hunter2\xff".to_vec()))].into_iter());
        let mut settings = Settings::load(folder.path(), &environment).unwrap();
        assert_eq!(settings.section::<Shop>().unwrap().shop_key, "");
        settings.declare::<Shop>().check_declared().map_err(|error| error.to_string())
    };
    let error = check("SHOP_KEY").unwrap_err();
    assert!(error.contains("SHOP_KEY is not text") && !error.contains("hunter2"), "{error}");
    // Variables of other programs are ignored.
    assert_eq!(check("OTHER"), Ok(()));
}
