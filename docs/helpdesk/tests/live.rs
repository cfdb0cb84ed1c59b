//! The live list of tickets in two windows of Chromium.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use lback_test_servers::Browser;
use tempfile::TempDir;

/// The helpdesk on a database of its own.
struct Helpdesk {
    server: Child,
    url: String,
    folder: TempDir,
}

impl Helpdesk {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = command(&folder, &["serve", "127.0.0.1:0"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines().map_while(Result::ok);
        let url = lines
            .find_map(|line| Some(format!("http://{}", line.split_once("listening on http://")?.1.split(' ').next()?)));
        thread::spawn(move || lines.for_each(drop));
        Helpdesk { server, url: url.expect("the server has not started"), folder }
    }

    fn run(&self, arguments: &[&str]) {
        assert!(command(&self.folder, arguments).status().unwrap().success(), "{arguments:?}");
    }

    /// Opens a window in which a new user is logged in.
    fn window(&self, name: &str) -> Option<Browser> {
        let browser = Browser::start()?;
        browser.open(&format!("{}/account/register", self.url));
        browser.fill("User name", name);
        browser.fill("E-mail address", &format!("{name}@example.com"));
        browser.fill("Password", "a long and safe password");
        browser.fill("Password again", "a long and safe password");
        browser.click("Register");
        browser.sees(name);
        Some(browser)
    }
}

impl Drop for Helpdesk {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_helpdesk"));
    command.args(arguments).stdout(Stdio::null()).env_remove("LBACK_ENV");
    command.env("LBACK_ROOT", env!("CARGO_MANIFEST_DIR")).env("DEBUG_TOOLBAR", "false").env("MEDIA_DIR", folder.path());
    command.env("DATABASE_URL", format!("sqlite:{}", folder.path().join("db.sqlite").display()));
    command.env("SECRET_KEY", "a key that only this test uses, and that is long enough");
    command
}

fn open_ticket(browser: &Browser, url: &str, title: &str) {
    browser.open(&format!("{url}/tickets/new"));
    browser.fill("Title", title);
    browser.fill("Description", "Please help.");
    browser.click("Save");
    browser.sees("Your ticket has been opened.");
}

#[test]
fn an_agent_sees_new_tickets_while_typing() {
    let helpdesk = Helpdesk::start();
    let Some(alice) = helpdesk.window("alice") else { return };
    let Some(carol) = helpdesk.window("carol") else { return };
    helpdesk.run(&["add_to_group", "carol", "Agents"]);

    carol.open(&format!("{}/tickets", helpdesk.url));
    carol.sees("There are no tickets here.");
    carol.run("document.querySelector('[name=q]').focus(); window.before = true; return ''");
    carol.press("print");
    open_ticket(&alice, &helpdesk.url, "The printer is on fire");
    carol.sees("The printer is on fire");
    carol.sees("new");
    carol.press("er");
    let state = carol.run("return [document.activeElement.value, window.before].join()");
    assert_eq!(state, "printer,true", "the page was not loaded again, and the field keeps its focus and its text");

    // What the agent does, the author sees.
    alice.open(&format!("{}/tickets", helpdesk.url));
    alice.sees("The printer is on fire");
    carol.click("The printer is on fire");
    carol.click("Assign to me");
    alice.sees("assigned");
    if let Some(folder) = env::var_os("SCREENSHOTS") {
        alice.screenshot(&Path::new(&folder).join("live-list.png"));
    }
    assert_eq!(alice.complaints(), Vec::<String>::new());
    assert_eq!(carol.complaints(), Vec::<String>::new());
}
