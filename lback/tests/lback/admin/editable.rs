//! Columns that are changed in the list.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    columns_are_changed_in_the_list,
    an_invalid_value_changes_no_row,
    rows_that_were_changed_meanwhile_are_not_overwritten,
    a_row_that_is_sent_twice_is_refused,
    only_those_who_may_change_rows_change_columns,
    columns_are_saved_in_lists_without_actions,
    long_lists_have_as_many_fields_as_a_form_may_have,
    all_rows_that_match_are_chosen,
    titles_fold_up_groups,
);

fn ready(on: &str) -> (Client, [Ticket; 3]) {
    let admin = |ticket| tickets_admin(ticket).editable(["title", "points", "is_urgent"]).readonly(["points"]);
    let client = client_with(on, Admin::new().model::<Ticket>(admin));
    let zebedee = agent(&client, "Zebedee");
    let tickets = ["one", "two", "three"].map(|title| ticket(&client, &zebedee, title));
    (client, tickets)
}

fn titles(client: &Client) -> Vec<String> {
    client.db(|db| Ticket::query().order(tickets::id).select(tickets::title).load(db))
}

/// The form of a list with its hidden fields, and with these fields filled in.
fn list_form(page: &TestResponse, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let text = page.assert_status(200).text();
    let mut fields = vec![("save".to_owned(), "true".to_owned())];
    for part in text.split("<input").skip(1) {
        let tag = &part[..part.find('>').unwrap()];
        let attribute =
            |name: &str| tag.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).map(browser::unescaped);
        let (Some(name), value) = (attribute("name"), attribute("value").unwrap_or_default()) else { continue };
        let is_of_row = name.contains(':') && (!tag.contains("checkbox") || tag.contains(" checked"));
        if is_of_row && !changes.iter().any(|(changed, _)| *changed == name) {
            fields.push((name, value));
        }
    }
    fields.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    fields
}

fn columns_are_changed_in_the_list(on: &str) {
    let (client, _) = ready(on);
    let root = root(&client);
    let page = root.get("/admin/tickets?q=t").send();
    // A field that is read-only stays so.
    page.assert_contains("name=\"2:title\"").assert_not_contains("name=\"2:points\"").assert_not_contains("name=\"1:title\"");
    let form = list_form(&page, &[("2:title", "tiger"), ("3:is_urgent", "true"), ("2:points", "9"), ("1:title", "forged")]);
    root.post("/admin/tickets?q=t").form(&form).send().assert_redirect("/admin/tickets?q=t");
    assert_eq!(titles(&client), ["one", "tiger", "three"]);
    let now: Vec<_> =
        client.db(|db| Ticket::query().order(tickets::id).load::<Ticket>(db)).iter().map(|t| (t.points, t.is_urgent)).collect();
    assert_eq!(now, [(None, false), (None, false), (None, true)]);
    let all = changes(&client);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].batch, all[1].batch);
    root.get("/admin/tickets").send().assert_contains("2 rows have been saved.");
}

fn an_invalid_value_changes_no_row(on: &str) {
    let (client, _) = ready(on);
    let root = root(&client);
    let page = root.get("/admin/tickets").send();
    let form = list_form(&page, &[("1:title", "changed"), ("2:title", "")]);
    root.post("/admin/tickets").form(&form).send().assert_status(200).assert_contains("error-summary").assert_contains("value=\"changed\"");
    assert_eq!(titles(&client), ["one", "two", "three"]);
    assert!(changes(&client).is_empty());
}

fn rows_that_were_changed_meanwhile_are_not_overwritten(on: &str) {
    let (client, [mut one, two, _]) = ready(on);
    let root = root(&client);
    let form = list_form(&root.get("/admin/tickets").send(), &[("1:title", "mine")]);
    one.title = "theirs".to_owned();
    client.db(|db| one.save(db));
    root.post("/admin/tickets").form(&form).send().assert_status(200).assert_contains("has been changed since you opened this page");
    client.db(|db| two.delete(db));
    root.post("/admin/tickets").form(&form).send().assert_status(409);
    assert_eq!(titles(&client), ["theirs", "three"]);
}

fn a_row_that_is_sent_twice_is_refused(on: &str) {
    let (client, _) = ready(on);
    let root = root(&client);
    let mut form = list_form(&root.get("/admin/tickets").send(), &[("1:title", "changed")]);
    let seen: Vec<_> = form.iter().filter(|(name, _)| name.ends_with(":_seen")).cloned().collect();
    assert_eq!(seen.len(), 3);
    form.extend(seen);
    root.post("/admin/tickets").form(&form).send().assert_status(200).assert_contains("error-summary");
    assert_eq!(titles(&client), ["one", "two", "three"]);
}

fn only_those_who_may_change_rows_change_columns(on: &str) {
    let (client, _) = ready(on);
    let form = list_form(&root(&client).get("/admin/tickets").send(), &[("1:title", "forged")]);
    let reader = staff(&client, "reader", &["tickets.view"]);
    reader.get("/admin/tickets").send().assert_contains("one").assert_not_contains("name=\"1:title\"");
    reader.post("/admin/tickets").form(&form).send().assert_status(403);
    assert_eq!(titles(&client), ["one", "two", "three"]);
}

fn columns_are_saved_in_lists_without_actions(on: &str) {
    let client = client_with(on, Admin::new().model::<Label>(|label| label.editable(["name"])));
    label(&client, "wild");
    let clerk = staff(&client, "clerk", &["labels.change"]);
    let page = clerk.get("/admin/labels").send();
    page.assert_contains("Save changes").assert_not_contains("name=\"action\"").assert_not_contains("name=\"row\"");
    clerk.post("/admin/labels").form(&list_form(&page, &[("1:name", "tame")])).send().assert_redirect("/admin/labels");
    assert_eq!(client.db(|db| Label::find(db, 1)).name, "tame");
}

fn long_lists_have_as_many_fields_as_a_form_may_have(on: &str) {
    let admin = |ticket| tickets_admin(ticket).editable(["title", "points", "is_urgent"]).per_page(500);
    let client = client_with(on, Admin::new().model::<Ticket>(admin));
    let zebedee = agent(&client, "Zebedee");
    let root = root(&client);
    client.db(|db| Ticket::create_many(db, (0..500).map(|number| new_ticket(&zebedee, &format!("many {number:03}")))));
    let page = root.get("/admin/tickets").send();
    let mut form = list_form(&page, &[("4:title", "changed")]);
    let boxes = page.text().matches("name=\"row\"").count();
    assert!(boxes == 500 && form.len() + boxes < 1000, "{boxes} rows and {} fields", form.len());
    form.extend((0..boxes).map(|_| ("row".to_owned(), "4".to_owned())));
    root.post("/admin/tickets").form(&form).send().assert_status(303);
    assert_eq!(client.db(|db| Ticket::find(db, 4)).title, "changed");
}

fn all_rows_that_match_are_chosen(on: &str) {
    let (client, tickets) = ready(on);
    let root = root(&client);
    client.db(|db| {
        let zebedee = Agent::find(db, tickets[0].agent_id)?;
        Ticket::create_many(db, (0..60).map(|number| new_ticket(&zebedee, &format!("many {number}"))))
    });
    root.get("/admin/tickets?q=many").send().assert_contains("name=\"all\"");
    root.get("/admin/tickets?q=one").send().assert_not_contains("name=\"all\"");
    root.post("/admin/tickets?q=many").form(&[("action", "close"), ("all", "true")]).send().assert_redirect("/admin/tickets?q=many");
    let closed = tickets::table.filter(tickets::state.eq(State::Closed)).count();
    assert_eq!(client.db(|db| closed.get_result::<i64>(db)), 60);
    // The page that asks names each row, and the list stays narrowed after it.
    let page = root.post("/admin/tickets?q=many").form(&[("action", "delete"), ("all", "true")]).send();
    page.assert_status(200).assert_contains("Delete 60 tickets?").assert_contains("/admin/tickets/delete?q=many");
    client.db(|db| {
        let zebedee = Agent::find(db, tickets[0].agent_id)?;
        Ticket::create_many(db, (0..900).map(|number| new_ticket(&zebedee, &format!("lots {number}"))))
    });
    root.post("/admin/tickets").form(&[("action", "close"), ("all", "true")]).send().assert_status(400).assert_contains("At most 900 rows");
    assert_eq!(client.db(|db| closed.get_result::<i64>(db)), 60);
}

fn titles_fold_up_groups(on: &str) {
    let groups = |ticket: ModelAdmin<Ticket>| {
        ticket.fieldsets([("", ["title", "agent"].as_slice()), ("More", &["body", "points"])]).collapse(["More"])
    };
    let client = client_with(on, Admin::new().model::<Ticket>(groups));
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    let root = root(&client);
    root.get(&row_path(&quagga)).send().assert_contains("<details class=\"card group\">");
    // With an error, all fields are shown.
    edit(&root, &row_path(&quagga), &[("points", "many")]).assert_status(200).assert_not_contains("<details class=\"card group\">");
}
