//! The live list of tickets in two windows of Chromium, each at a process of its own.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use lback_test_servers::Browser;
use tempfile::TempDir;

/// A process that serves the helpdesk.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(folder: &TempDir, address: &str) -> Self {
        let mut process = command(folder, &["serve", address]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let url = lines.by_ref().find_map(|line| {
            let url = line
                .split_once("listening on http://")
                .map(|(_, rest)| rest.split(' ').next().unwrap_or(rest).to_owned());
            said.push(line);
            url
        });
        let url = url.unwrap_or_else(|| panic!("the server has not started: {said:#?}"));
        thread::spawn(move || lines.for_each(drop));
        Server { process, url: format!("http://{url}") }
    }

    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Opens a window in which a new user is logged in.
    fn window(&self, name: &str) -> Option<Browser> {
        let browser = Browser::start()?;
        browser.open(&self.page("/account/register"));
        browser.fill("User name", name);
        browser.fill("E-mail address", &format!("{name}@example.com"));
        browser.fill("Password", "a long and safe password");
        browser.fill("Password again", "a long and safe password");
        // Another "Register" is a link of the menu.
        browser.press(Browser::ENTER);
        browser.sees("Check your inbox");
        browser.open(&self.page("/account/login"));
        browser.fill("User name or e-mail address", name);
        browser.fill("Password", "a long and safe password");
        browser.press(Browser::ENTER);
        browser.sees("Log out");
        Some(browser)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_helpdesk"));
    command.args(arguments).stdout(Stdio::null()).env_remove("LBACK_ENV");
    command
        .env("LBACK_ROOT", env!("CARGO_MANIFEST_DIR"))
        .env("DEBUG_TOOLBAR", "false")
        .env("MEDIA_DIR", folder.path().join("media"));
    command.env("DATABASE_URL", format!("sqlite:{}", folder.path().join("db.sqlite").display()));
    command.env("SECRET_KEY", "a key that only this test uses, and that is long enough");
    command
}

fn open_ticket(browser: &Browser, server: &Server, title: &str) {
    browser.open(&server.page("/tickets/new"));
    browser.fill("Title", title);
    browser.fill("Description", "Please help.");
    browser.click("Save");
    browser.sees("Your ticket has been opened.");
}

fn screenshot(browser: &Browser, name: &str) {
    if let Some(folder) = env::var_os("SCREENSHOTS") {
        browser.screenshot(&Path::new(&folder).join(name));
    }
}

#[test]
fn an_agent_sees_new_tickets_while_typing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder, "127.0.0.1:0");
    let other = Server::start(&folder, "127.0.0.1:0");
    let Some(alice) = server.window("alice") else { return };
    let Some(carol) = other.window("carol") else { return };
    assert!(command(&folder, &["add_to_group", "carol", "Agents"]).status().unwrap().success());

    carol.open(&other.page("/tickets"));
    carol.sees("There are no tickets here.");
    carol.run("document.querySelector('[name=q]').focus(); window.before = true; return ''");
    carol.press("print");
    open_ticket(&alice, &server, "The printer is on fire");
    carol.sees("The printer is on fire");
    carol.sees("new");
    carol.press("er");
    let state = || carol.run("return [document.activeElement.value, window.before].join()");
    assert_eq!(state(), "printer,true", "the page was not loaded again, and the field keeps its focus and its text");
    screenshot(&carol, "live-list-agent.png");
    assert_eq!(carol.complaints(), Vec::<String>::new());

    // Carol's server is started again. What was opened meanwhile appears, too.
    let address = other.url.trim_start_matches("http://").to_owned();
    drop(other);
    open_ticket(&alice, &server, "The scanner smokes");
    let other = Server::start(&folder, &address);
    carol.sees("The scanner smokes");
    carol.press("s");
    assert_eq!(state(), "printers,true");
    carol.complaints();

    // What the agent does, the author sees.
    alice.open(&server.page("/tickets"));
    alice.sees("The printer is on fire");
    carol.click("The printer is on fire");
    carol.click("Assign to me");
    alice.sees("assigned");
    screenshot(&alice, "live-list-author.png");

    // Without JavaScript, the list changes when the page is loaded.
    carol.allow_scripts(false);
    carol.open(&other.page("/tickets"));
    carol.sees("The scanner smokes");
    open_ticket(&alice, &server, "The phone is silent");
    carol.open(&other.page("/tickets?q=phone"));
    carol.sees("The phone is silent");
    screenshot(&carol, "live-list-without-scripts.png");
    assert_eq!(alice.complaints(), Vec::<String>::new());
    assert_eq!(carol.complaints(), Vec::<String>::new());
}
