//! The import of CSV.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_preview_writes_nothing_and_the_import_is_undone_at_once,
    an_export_is_imported_without_a_change,
    problems_are_named_with_their_lines_and_nothing_is_written,
    rights_and_rules_hold_for_an_import,
);

const PATH: &str = "/admin/tickets/import";

fn ready(on: &str) -> (Client, Client, Ticket) {
    let client = client(on);
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    let root = root(&client);
    (client, root, quagga)
}

fn import(browser: &Client, text: &str, confirm: bool) -> TestResponse {
    let fields = [("text", text), ("confirm", "true")];
    browser.post(PATH).form(&fields[..if confirm { 2 } else { 1 }]).send()
}

fn titles(client: &Client) -> Vec<String> {
    client.db(|db| Ticket::query().order(tickets::id).select(tickets::title).load(db))
}

fn a_preview_writes_nothing_and_the_import_is_undone_at_once(on: &str) {
    let (client, root, _) = ready(on);
    let text = "id,title,code,agent,state,is_urgent,opened_on\n1,Okapi,quagga,Zebedee,Done & dusted,no,2026-01-31\n,New,new,1,open,yes,\n";
    import(&root, text, false).assert_status(200).assert_contains("Okapi").assert_contains("Quagga").assert_contains("New");
    assert_eq!(titles(&client), ["Quagga"]);
    assert!(changes(&client).is_empty());
    import(&root, text, true).assert_status(303);
    assert_eq!(titles(&client), ["Okapi", "New"]);
    let all = client.db(|db| Ticket::query().order(tickets::id).load::<Ticket>(db));
    assert_eq!((all[0].state, all[0].opened_on), (State::Closed, NaiveDate::from_ymd_opt(2026, 1, 31)));
    assert_eq!((all[1].agent_id, all[1].is_urgent, all[1].opened_on), (1, true, None));
    assert_eq!(all[0].secret, "secret of Quagga", "columns that the file lacks stay");
    let recorded = changes(&client);
    assert_eq!(recorded.len(), 2);
    assert_eq!(recorded[0].batch, recorded[1].batch);
    root.post(&format!("/admin/-/history/{}/undo", recorded[0].batch)).send().assert_redirect("/admin/-/history");
    assert_eq!(titles(&client), ["Quagga"]);
}

fn an_export_is_imported_without_a_change(on: &str) {
    let (client, root, quagga) = ready(on);
    let zebedee = client.db(|db| Agent::find(db, quagga.agent_id));
    for (number, title) in ["=1+1", "'quoted", "two\r\nlines", "semi;colon, and \"quotes\"", "-3"].into_iter().enumerate() {
        ticket_with(&client, NewTicket { code: number.to_string(), points: Some(-3), ..new_ticket(&zebedee, title) });
    }
    let before = client.db(|db| Ticket::query().order(tickets::id).load::<Ticket>(db));
    let csv = root.get("/admin/tickets/export?format=csv").send().text().to_owned();
    import(&root, &csv, true);
    assert_eq!(client.db(|db| Ticket::query().order(tickets::id).load::<Ticket>(db)), before);
    assert!(changes(&client).is_empty());
}

fn problems_are_named_with_their_lines_and_nothing_is_written(on: &str) {
    let (client, root, _) = ready(on);
    for (text, problem) in [
        ("title,code,agent\nA,a,Nobody\n", "line 2"),
        ("title,code,agent\nA,a,Zebedee\nB,quagga,Zebedee\n", "line 3"),
        ("title,code,agent,points\nA,a,Zebedee,many\n", "line 2"),
        ("title,code,agent,state\nA,a,Zebedee,asleep\n", "line 2"),
        ("title,code,agent,state,is_urgent\nA,a,Zebedee,closed,yes\n", "An urgent ticket is not closed yet."),
        ("id,title\n77,A\n", "line 2"),
        ("titel,code\nA,a\n", "titel"),
        ("title,secret\nA,a\n", "secret"),
        ("title,code,agent\nA,a\n", "line 2"),
        ("title,code,agent\n\"A,a,Zebedee\n", "a quotation mark opens a cell"),
    ] {
        for confirm in [false, true] {
            let page = import(&root, text, confirm);
            page.assert_status(200);
            assert!(page.text().to_lowercase().contains(&problem.to_lowercase()), "{text}: no {problem:?} in {}", page.text());
        }
        assert_eq!(titles(&client), ["Quagga"], "{text}");
    }
    assert!(changes(&client).is_empty());
}

fn rights_and_rules_hold_for_an_import(on: &str) {
    let (client, _, _) = ready(on);
    let changing = "id,title\n1,Forged\n";
    let adding = "title,code,agent\nNew,new,1\n";
    let clerk = staff(&client, "clerk", &["tickets.add", "agents.view"]);
    let page = import(&clerk, changing, true);
    assert_ne!(page.status(), 303, "{page:?}");
    assert_eq!(titles(&client), ["Quagga"]);
    import(&clerk, adding, true).assert_status(303);
    assert_eq!(titles(&client), ["Quagga", "New"]);
    // Without the right to see agents, nobody finds one by trying.
    let blind = staff(&client, "blind", &["tickets.add", "tickets.change"]);
    let page = import(&blind, "title,code,agent\nX,x,Zebedee\n", true);
    assert_ne!(page.status(), 303, "{page:?}");
    staff(&client, "reader", &["tickets.view", "tickets.change"]).get(PATH).send().assert_status(403);
    assert_eq!(titles(&client), ["Quagga", "New"]);
}
