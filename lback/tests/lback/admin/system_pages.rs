//! The pages of batteries about the running application, and the numbers of the start page.

use lback::app::{Battery, InfoPage, InfoRow, InfoTable, Setup};

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(superusers_see_the_pages_of_batteries, the_start_page_has_numbers);

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

fn the_start_page_has_numbers(on: &str) {
    let count = |req: &mut Request| Ok(Agent::query().row_count(req.db()?)?.to_string());
    let client = client_with(on, Admin::new().number("Agents & more", "/admin/agents", count));
    for name in ["Ada", "Bob"] {
        agent(&client, name);
    }
    root(&client).get("/admin").send().assert_contains("<a href=\"/admin/agents\"><b>2</b> Agents &amp; more</a>");
}
