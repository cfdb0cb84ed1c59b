//! Controls Chromium the way a visitor uses it.

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

/// Runs ChromeDriver until it receives SIGTERM. Then waits for Chromium, which ends a little later and would still write to the
/// folder.
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

/// Maximum time to wait for something to appear on a page.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The name that WebDriver gives to the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A headless Chromium that only the test uses. It can only connect to this machine, and it ends when this is dropped.
///
/// Its methods identify elements as a visitor does: a field by its label, a link or a button by its text. They wait until the
/// element exists.
///
/// # Panics
/// The methods panic if the element does not appear, or if Chromium fails.
#[derive(Debug)]
pub struct Browser {
    port: u16,
    session: String,
    driver: Server,
}

impl Browser {
    /// Starts Chromium with an empty profile. Returns `None` if Chromium or ChromeDriver is not installed.
    pub fn start() -> Option<Self> {
        let chromium = installed("chromium", &[], "chromium")?;
        let chromedriver = installed("chromedriver", &[], "chromium-driver")?;
        match Self::start_with(&chromium, &chromedriver) {
            Ok(browser) => Some(browser),
            Err(error) => panic!("cannot start Chromium: {error}"),
        }
    }

    fn start_with(chromium: &Path, chromedriver: &Path) -> io::Result<Self> {
        let folder = TempDir::with_prefix("lback-browser-")?;
        let profile = folder.path().join("profile").display().to_string();
        let port = free_port()?;
        let chromedriver = chromedriver.display().to_string();
        let arguments = ["-c", KEEPER, "sh", &profile, &chromedriver, &format!("--port={port}")];
        let driver = Server::start(folder, "TERM", Path::new("sh"), &arguments)?;
        let deadline = Instant::now() + TIMEOUT;
        while !command(port, "GET", "/status", None).is_ok_and(|status| status["ready"] == true) {
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("ChromeDriver does not respond: {}", driver.log())));
            }
            sleep(Duration::from_millis(5));
        }
        let mut arguments = vec![
            "--headless".to_owned(),
            format!("--user-data-dir={profile}"),
            // Chromium ends whenever ChromeDriver does, for whatever reason.
            "--remote-debugging-pipe".to_owned(),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--no-first-run".to_owned(),
            // Containers have little shared memory.
            "--disable-dev-shm-usage".to_owned(),
            "--hide-scrollbars".to_owned(),
        ];
        if is_root() {
            arguments.push("--no-sandbox".to_owned());
        }
        let milliseconds = TIMEOUT.as_millis() as u64;
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "binary": chromium, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "implicit": milliseconds, "pageLoad": 2 * milliseconds },
        }}});
        let session = command(port, "POST", "/session", Some(&capabilities))
            .map_err(|error| io::Error::other(format!("{error}\n{}", driver.log())))?;
        let session = session["sessionId"].as_str().unwrap_or_default().to_owned();
        Ok(Browser { port, session, driver })
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.value(path, command(self.port, "POST", &format!("/session/{}/{path}", self.session), Some(body)))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.value(path, command(self.port, "GET", &format!("/session/{}/{path}", self.session), None))
    }

    #[track_caller]
    fn value(&self, path: &str, result: io::Result<Value>) -> Value {
        result.unwrap_or_else(|error| panic!("the browser command {path} failed: {error}\n{}", self.driver.log()))
    }

    /// Returns the element with an XPath.
    #[track_caller]
    fn find(&self, description: &str, xpath: &str) -> String {
        let found =
            command(self.port, "POST", &format!("/session/{}/element", self.session), Some(&json!({ "using": "xpath", "value": xpath })));
        match found {
            Ok(element) => element[ELEMENT].as_str().unwrap_or_default().to_owned(),
            Err(error) => panic!("{description} is not on {}: {error}\n{}", self.url(), self.text()),
        }
    }

    #[track_caller]
    fn field(&self, label: &str) -> String {
        self.find(&format!("the field {label:?}"), &format!("//*[@id = //label[normalize-space() = {}]/@for]", literal(label)))
    }

    /// Opens a URL.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// Returns the URL of the page.
    #[track_caller]
    pub fn url(&self) -> String {
        self.get("url").as_str().unwrap_or_default().to_owned()
    }

    /// Returns the visible text of the page.
    #[track_caller]
    pub fn text(&self) -> String {
        let script = json!({ "script": "return document.body ? document.body.innerText : ''", "args": [] });
        self.post("execute/sync", &script).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page contains this text.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        self.find(&format!("{text:?}"), &format!("//body[contains(normalize-space(.), {})]", literal(text)));
    }

    /// Replaces the content of the field with this label.
    #[track_caller]
    pub fn fill(&self, label: &str, text: &str) {
        let field = self.field(label);
        self.post(&format!("element/{field}/clear"), &json!({}));
        self.post(&format!("element/{field}/value"), &json!({ "text": text }));
    }

    /// Clicks on the link or button with this text, or with this label for screen readers.
    #[track_caller]
    pub fn click(&self, name: &str) {
        let name_literal = literal(name);
        let has_name = format!("@aria-label = {name_literal} or (not(@aria-label) and normalize-space() = {name_literal})");
        let element = self.find(&format!("the link or button {name:?}"), &format!("(//a | //button)[{has_name}]"));
        self.post(&format!("element/{element}/click"), &json!({}));
    }

    /// Checks or unchecks the checkbox with this label.
    #[track_caller]
    pub fn tick(&self, label: &str) {
        let field = self.field(label);
        self.post(&format!("element/{field}/click"), &json!({}));
    }

    /// Presses keys one after the other on the focused element: letters, [`TAB`](Self::TAB) and [`ENTER`](Self::ENTER).
    #[track_caller]
    pub fn press(&self, keys: &str) {
        let events = keys.chars().flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]);
        let events: Vec<Value> = events.collect();
        self.post("actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": events }] }));
    }

    /// The key that moves the focus to the next field or link.
    pub const TAB: &str = "\u{e004}";

    /// The key that submits a form.
    pub const ENTER: &str = "\u{e007}";

    /// Returns the text of the focused element: the text of a link or a button, or the label of a field.
    #[track_caller]
    pub fn focus(&self) -> String {
        let script = "const it = document.activeElement; \
                      return it.getAttribute('aria-label') || (it.labels && it.labels.length ? it.labels[0].innerText : it.innerText)";
        let focus = self.post("execute/sync", &json!({ "script": script, "args": [] }));
        focus.as_str().unwrap_or_default().trim().to_owned()
    }

    /// Runs a script in the page and returns the text that it returns.
    #[track_caller]
    pub fn run(&self, script: &str) -> String {
        let result = self.post("execute/sync", &json!({ "script": script, "args": [] }));
        result.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a script returns `true`.
    #[track_caller]
    pub fn waits(&self, script: &str) {
        let deadline = Instant::now() + TIMEOUT;
        while self.post("execute/sync", &json!({ "script": script, "args": [] })) != true {
            assert!(Instant::now() < deadline, "{script} is still false on {}", self.url());
            sleep(Duration::from_millis(5));
        }
    }

    /// Returns the faults that axe-core, whose script is `axe`, finds in the element with the selector `part`: for each, the rule, and the
    /// first element that breaks it.
    #[track_caller]
    pub fn accessibility_faults(&self, axe: &str, part: &str) -> Vec<String> {
        // WebDriver waits for the promise.
        let script = format!(
            "{axe}; const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']; \
             return axe.run('{part}', {{ runOnly: {{ type: 'tag', values: tags }} }}) \
             .then(({{ violations }}) => violations.map((it) => `${{it.id}}: ${{it.help}}: ${{it.nodes[0].html}}`).join('\\0'))"
        );
        self.run(&script).split('\0').filter(|fault| !fault.is_empty()).map(str::to_owned).collect()
    }

    /// Sets whether pages are told that the user prefers dark colours.
    #[track_caller]
    pub fn prefers_dark(&self, dark: bool) {
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [scheme] }));
    }

    /// Returns the console messages since the last call, such as script errors, policy violations and missing files.
    #[track_caller]
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| format!("{}: {}", entry["level"], entry["message"])).collect()
    }

    /// Sets the size of the page in CSS pixels.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 }),
        );
    }

    #[track_caller]
    fn devtools(&self, name: &str, parameters: Value) {
        self.post("goog/cdp/execute", &json!({ "cmd": name, "params": parameters }));
    }

    /// Sets whether pages can run scripts, from the next page on.
    #[track_caller]
    pub fn allow_scripts(&self, are_allowed: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !are_allowed }));
    }

    /// Returns whether the content is wider than the page, so that visitors must scroll sideways.
    #[track_caller]
    pub fn overflows(&self) -> bool {
        let script = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        self.post("execute/sync", &json!({ "script": script, "args": [] })) == true
    }

    /// Saves the visible part of the page as a PNG file.
    #[track_caller]
    pub fn screenshot(&self, file: &Path) {
        let image = self.get("screenshot");
        let image = STANDARD.decode(image.as_str().unwrap_or_default()).unwrap_or_else(|error| panic!("invalid screenshot: {error}"));
        fs::write(file, image).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Lets Chromium save its profile, which the driver would not wait for.
        let _ = command(self.port, "DELETE", &format!("/session/{}", self.session), None);
    }
}

/// Returns a text as an XPath expression. XPath has no escape sequences.
fn literal(text: &str) -> String {
    let parts: Vec<String> = text.split('"').map(|part| format!("\"{part}\"")).collect();
    format!("concat({}, \"\")", parts.join(", '\"', "))
}
