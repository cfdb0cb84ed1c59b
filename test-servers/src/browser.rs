//! Chromium, as a person uses it.

use std::fs;
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Server, free_port, installed, is_root};
use crate::webdriver::command;

/// Runs ChromeDriver until it is told to stop, and then waits for Chromium, which ends a little later and would go on writing into
/// the folder.
const KEEPER: &str = r#"
profile=$1; shift
trap 'kill "$driver"' TERM
"$@" & driver=$!
wait "$driver"
for _ in $(seq 200); do
    grep -qs -- "--user-data-di[r]=$profile" /proc/[0-9]*/cmdline || break
    sleep 0.05
done
"#;

/// How long a page may take to show what a test waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What WebDriver calls the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A Chromium of the test's own, without a window, and with nothing but this machine to talk to. It ends when this is dropped.
///
/// Its methods name things as the visitor does: a field by its label, a link or a button by what it says. They wait for it to be
/// there.
///
/// # Panics
/// Where what they look for does not come; so do all methods where Chromium fails.
#[derive(Debug)]
pub struct Browser {
    port: u16,
    session: String,
    driver: Server,
}

impl Browser {
    /// One with an empty profile. `None` where Chromium or ChromeDriver is not installed.
    pub fn start() -> Option<Self> {
        let chromium = installed("chromium", &[], "chromium")?;
        let chromedriver = installed("chromedriver", &[], "chromium-driver")?;
        match Self::start_with(&chromium, &chromedriver) {
            Ok(browser) => Some(browser),
            Err(error) => panic!("Chromium cannot be started: {error}"),
        }
    }

    fn start_with(chromium: &Path, chromedriver: &Path) -> io::Result<Self> {
        let folder = TempDir::with_prefix("lback-browser-")?;
        let profile = folder.path().join("profile").display().to_string();
        let port = free_port()?;
        let chromedriver = chromedriver.display().to_string();
        let arguments = ["-c", KEEPER, "sh", &profile, &chromedriver, &format!("--port={port}")];
        let driver = Server::start(folder, "TERM", Path::new("sh"), &arguments)?;
        let patience = Instant::now() + PATIENCE;
        while !command(port, "GET", "/status", None).is_ok_and(|status| status["ready"] == true) {
            if Instant::now() > patience {
                return Err(io::Error::other(format!("ChromeDriver does not answer: {}", driver.log())));
            }
            sleep(Duration::from_millis(5));
        }
        let mut arguments = vec![
            "--headless".to_owned(),
            format!("--user-data-dir={profile}"),
            // It ends with ChromeDriver, however that ends.
            "--remote-debugging-pipe".to_owned(),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--no-first-run".to_owned(),
            // There is little shared memory in containers.
            "--disable-dev-shm-usage".to_owned(),
            "--hide-scrollbars".to_owned(),
        ];
        if is_root() {
            arguments.push("--no-sandbox".to_owned());
        }
        let milliseconds = PATIENCE.as_millis() as u64;
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "binary": chromium, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "implicit": milliseconds, "pageLoad": 2 * milliseconds },
        }}});
        let session =
            command(port, "POST", "/session", Some(&wanted)).map_err(|error| io::Error::other(format!("{error}\n{}", driver.log())))?;
        let session = session["sessionId"].as_str().unwrap_or_default().to_owned();
        Ok(Browser { port, session, driver })
    }

    #[track_caller]
    fn tell(&self, what: &str, body: &Value) -> Value {
        self.done(what, command(self.port, "POST", &format!("/session/{}/{what}", self.session), Some(body)))
    }

    #[track_caller]
    fn ask(&self, what: &str) -> Value {
        self.done(what, command(self.port, "GET", &format!("/session/{}/{what}", self.session), None))
    }

    #[track_caller]
    fn done(&self, what: &str, result: io::Result<Value>) -> Value {
        result.unwrap_or_else(|error| panic!("the browser cannot {what}: {error}\n{}", self.driver.log()))
    }

    /// The element that an XPath names.
    #[track_caller]
    fn find(&self, what: &str, xpath: &str) -> String {
        let found =
            command(self.port, "POST", &format!("/session/{}/element", self.session), Some(&json!({ "using": "xpath", "value": xpath })));
        match found {
            Ok(element) => element[ELEMENT].as_str().unwrap_or_default().to_owned(),
            Err(error) => panic!("{what} is not on {}: {error}\n{}", self.url(), self.text()),
        }
    }

    #[track_caller]
    fn field(&self, label: &str) -> String {
        self.find(&format!("the field {label:?}"), &format!("//*[@id = //label[normalize-space() = {}]/@for]", literal(label)))
    }

    /// Goes to an address.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.tell("url", &json!({ "url": url }));
    }

    /// Where it is.
    #[track_caller]
    pub fn url(&self) -> String {
        self.ask("url").as_str().unwrap_or_default().to_owned()
    }

    /// What is to be read on the page.
    #[track_caller]
    pub fn text(&self) -> String {
        let script = json!({ "script": "return document.body ? document.body.innerText : ''", "args": [] });
        self.tell("execute/sync", &script).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page says this.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        self.find(&format!("{text:?}"), &format!("//body[contains(normalize-space(.), {})]", literal(text)));
    }

    /// Types into the field with this label, in the place of what it holds.
    #[track_caller]
    pub fn fill(&self, label: &str, text: &str) {
        let field = self.field(label);
        self.tell(&format!("element/{field}/clear"), &json!({}));
        self.tell(&format!("element/{field}/value"), &json!({ "text": text }));
    }

    /// Clicks on the link or the button that says this, or is called so for those who do not see it.
    #[track_caller]
    pub fn click(&self, name: &str) {
        let said = literal(name);
        let called = format!("@aria-label = {said} or (not(@aria-label) and normalize-space() = {said})");
        let element = self.find(&format!("the link or button {name:?}"), &format!("(//a | //button)[{called}]"));
        self.tell(&format!("element/{element}/click"), &json!({}));
    }

    /// Ticks or unticks the box with this label.
    #[track_caller]
    pub fn tick(&self, label: &str) {
        let field = self.field(label);
        self.tell(&format!("element/{field}/click"), &json!({}));
    }

    /// Presses keys, one after the other, wherever the focus is: letters, or [`TAB`](Self::TAB) and [`ENTER`](Self::ENTER).
    #[track_caller]
    pub fn press(&self, keys: &str) {
        let each = keys.chars().flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]);
        let each: Vec<Value> = each.collect();
        self.tell("actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": each }] }));
    }

    /// The key that goes on to the next field or link.
    pub const TAB: &str = "\u{e004}";

    /// The key that sends a form.
    pub const ENTER: &str = "\u{e007}";

    /// The text of what has the focus: what a link or a button says, or the label of a field.
    #[track_caller]
    pub fn focus(&self) -> String {
        let script = "const it = document.activeElement; \
                      return it.getAttribute('aria-label') || (it.labels && it.labels.length ? it.labels[0].innerText : it.innerText)";
        let focus = self.tell("execute/sync", &json!({ "script": script, "args": [] }));
        focus.as_str().unwrap_or_default().trim().to_owned()
    }

    /// What the browser complains of since this was last asked: errors of scripts and policies, files that are not there.
    #[track_caller]
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.tell("se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| format!("{}: {}", entry["level"], entry["message"])).collect()
    }

    /// Makes the page this wide and high, in CSS pixels.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 }),
        );
    }

    #[track_caller]
    fn devtools(&self, name: &str, parameters: Value) {
        self.tell("goog/cdp/execute", &json!({ "cmd": name, "params": parameters }));
    }

    /// Is anything wider than the page, so that one must scroll sideways?
    #[track_caller]
    pub fn overflows(&self) -> bool {
        let script = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        self.tell("execute/sync", &json!({ "script": script, "args": [] })) == true
    }

    /// Writes what is to be seen into a PNG file.
    #[track_caller]
    pub fn screenshot(&self, file: &Path) {
        let image = self.ask("screenshot");
        let image = STANDARD.decode(image.as_str().unwrap_or_default()).unwrap_or_else(|error| panic!("this is no image: {error}"));
        fs::write(file, image).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium writes its profile down; the driver would not wait for that.
        let _ = command(self.port, "DELETE", &format!("/session/{}", self.session), None);
    }
}

/// A text as XPath writes it, which knows no escapes.
fn literal(text: &str) -> String {
    let parts: Vec<String> = text.split('"').map(|part| format!("\"{part}\"")).collect();
    format!("concat({}, \"\")", parts.join(", '\"', "))
}
