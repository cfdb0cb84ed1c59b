//! The pages of batteries about the running application, and the numbers of the start page.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use lback::app::{Battery, Health, InfoPage, InfoRow, InfoTable, Setup};

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(superusers_see_the_pages_of_batteries, the_health_of_each_part_is_shown, the_start_page_has_numbers);

struct Machines;

impl Battery for Machines {
    fn name(&self) -> &'static str {
        "machines"
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let page = InfoPage::new("machines", "Machines", |_| {
            Ok(InfoTable::new(["Name", "State"]).row(InfoRow::new(["<one>", "runs"]).key("1")).row(InfoRow::new(["two", "rests"])))
        });
        setup.info_page(page.action("stop", "Stop", |req, key| {
            let agent = NewAgent { name: format!("stopped {key}"), ..Default::default() };
            Agent::create(req.db()?, agent)?;
            Ok(format!("Machine {key} stops."))
        }));
        Ok(())
    }
}

fn superusers_see_the_pages_of_batteries(on: &str) {
    let client = Client::with_settings(app(admin()).with(Machines), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models()));
    let root = root(&client);
    root.get("/admin").send().assert_contains("/admin/-/info/machines");
    let page = root.get("/admin/-/info/machines").send();
    page.assert_contains("&lt;one&gt;").assert_contains("rests");
    assert_eq!(page.text().matches(">Stop<").count(), 1, "only a row with a key has a button");
    root.post("/admin/-/info/machines/stop").form(&[("key", "1")]).send().assert_redirect("/admin/-/info/machines");
    assert_eq!(client.db(|db| Agent::query().first::<Agent>(db)).name, "stopped 1");
    root.get("/admin/-/info/machines").send().assert_contains("Machine 1 stops.");
    root.get("/admin/-/info/routes").send().assert_contains("/admin/-/info/{page}");
    root.get("/admin/-/info/settings").send().assert_contains("SESSION_TIMEOUT_MINUTES");
    root.get("/admin/-/info/migrations").send().assert_contains("admin/00000000000040_create_admin_history");
    root.get("/admin/-/info/database").send().assert_status(200);
    root.get("/admin/-/info/none").send().assert_status(404);
    root.post("/admin/-/info/machines/none").form(&[("key", "1")]).send().assert_status(404);
    let clerk = staff(&client, "clerk", &["tickets.view", "agents.add"]);
    clerk.get("/admin").send().assert_not_contains("/admin/-/info/");
    clerk.post("/admin/-/info/machines/stop").form(&[("key", "2")]).send().assert_status(403);
    assert_eq!(client.db(|db| Agent::query().row_count(db)), 1);
}

/// Checks that fail, panic, and do not end before the test does.
struct Broken(Mutex<Receiver<()>>);

impl Battery for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        setup.health_check("Printer", |_| Ok(Health::warning("There is no <paper>.")));
        setup.health_check("Failing", |_| Err(Error::internal("The cable is missing.")));
        setup.health_check("Panicking", |_| panic!("a check panics"));
        setup.health_check("Hanging", move |_| {
            let _ = self.0.lock().unwrap().recv();
            Ok(Health::ok("too late"))
        });
        Ok(())
    }
}

/// The details of a check on the health page.
fn text_of(page: &TestResponse, check: &str) -> &'static str {
    let text = page.text();
    let row = text.split(&format!("<span>{check}</span>")).nth(1).expect("the check").split("</tr>").next().unwrap_or_default();
    let known = ["the check panicked: see the log", "there was no answer within 2 seconds", "an earlier check is still running"];
    known.into_iter().find(|known| row.contains(known)).unwrap_or_default()
}

fn the_health_of_each_part_is_shown(on: &str) {
    let (end, hanging) = channel();
    let app = app(admin()).mail().with(Broken(Mutex::new(hanging)));
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models()));
    let root = root(&client);
    let page = root.get("/admin/-/info/health").send();
    let parts = ["Uptime", "Database", "Database response time", "Connections", "Migrations", "Sessions", "Jobs"];
    for part in parts {
        page.assert_contains(&format!("<span>{part}</span>"));
    }
    page.assert_contains("all are applied").assert_contains("0 ready, 0 failed").assert_contains("There is no &lt;paper&gt;.");
    page.assert_contains("The cable is missing.");
    assert_eq!(
        (text_of(&page, "Panicking"), text_of(&page, "Hanging")),
        ("the check panicked: see the log", "there was no answer within 2 seconds")
    );
    // A check that has panicked runs again.
    let page = root.get("/admin/-/info/health").send();
    assert_eq!(
        (text_of(&page, "Panicking"), text_of(&page, "Hanging")),
        ("the check panicked: see the log", "an earlier check is still running")
    );
    drop(end);
    staff(&client, "clerk", &["tickets.view"]).get("/admin/-/info/health").send().assert_status(403);
}

fn the_start_page_has_numbers(on: &str) {
    let count = |req: &mut Request| Ok(Agent::query().row_count(req.db()?)?.to_string());
    let client = client_with(on, Admin::new().number("Agents & more", "/admin/agents", count));
    for name in ["Ada", "Bob"] {
        agent(&client, name);
    }
    root(&client).get("/admin").send().assert_contains("<a href=\"/admin/agents\"><b>2</b> Agents &amp; more</a>");
}
