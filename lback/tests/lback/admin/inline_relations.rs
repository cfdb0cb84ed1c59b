//! Many-to-many relations in inlines.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    relations_are_changed_with_the_row,
    links_to_rows_that_the_visitor_may_not_see_are_kept,
    rights_decide_which_rows_are_linked,
    a_row_with_many_links_is_linked_on_its_own_page,
    links_that_were_changed_meanwhile_are_not_overwritten,
    a_row_is_deleted_with_its_links,
);

/// An agent with an inline of tickets, a ticket, and labels, of which "internal" is for superusers.
fn ready(on: &str, names: &[&str]) -> (Client, Ticket, Vec<i64>) {
    let visible = |label: ModelAdmin<Label>| {
        label.rows(|user| Label::query().filter(labels::name.ne(if user.is_superuser { "" } else { "internal" })))
    };
    let client = client_with(on, admin().model::<Agent>(|agent| agent.inline::<Ticket>()).model::<Label>(visible));
    let zebedee = agent(&client, "Zebedee");
    let quagga = ticket(&client, &zebedee, "Quagga");
    let labels: Vec<i64> = names.iter().map(|name| label(&client, name).id).collect();
    (client, quagga, labels)
}

fn editor(client: &Client) -> Client {
    staff(client, "editor", &["agents.change", "labels.view", "tickets.view", "tickets.add", "tickets.change"])
}

fn link(client: &Client, ticket: &Ticket, labels: &[i64]) {
    client.db(|db| ticket.set_labels(db, labels));
}

/// The names of the labels of a ticket.
fn labels_of(client: &Client, id: i64) -> Vec<String> {
    let ticket = ticket_now(client, id).expect("a ticket");
    client.db(|db| ticket.labels(db)).into_iter().map(|label| label.name).collect()
}

const PATH: &str = "/admin/agents/row/1";
const LABELS: &str = "tickets:1:labels";

fn relations_are_changed_with_the_row(on: &str) {
    let (client, quagga, labels) = ready(on, &["a", "b", "c"]);
    link(&client, &quagga, &labels[..2]);
    let [a, b, c] = [0, 1, 2].map(|at| labels[at].to_string());
    let editor = editor(&client);
    let form = PageForm::open(&editor, PATH);
    assert_eq!(form.values(LABELS), [a.as_str(), &b]);
    form.send(&editor).assert_redirect("/admin/agents");
    assert!(changes(&client).is_empty(), "a form that is sent as it is changes nothing");
    let form = form.set_all(LABELS, &[&b, &c]).set("tickets:+0:title", "Okapi").set("tickets:+0:code", "okapi");
    form.set("tickets:+0:labels", &a).send(&editor).assert_redirect("/admin/agents");
    assert_eq!((labels_of(&client, 1), labels_of(&client, 2)), (vec!["b".into(), "c".into()], vec!["a".into()]));
    let all = changes(&client);
    let links = all.iter().map(|change| {
        let [before, after] = [&change.before, &change.after];
        (before.as_ref().map(|state| state.0["labels"].clone()), after.as_ref().map(|state| state.0["labels"].clone()))
    });
    let expected = |keys: &[i64]| Some(lback::serde_json::json!(keys));
    assert_eq!(links.collect::<Vec<_>>(), [(expected(&labels[..2]), expected(&labels[1..])), (None, expected(&labels[..1]))]);
    // A new row that has only a label is filled in, and lacks its title.
    let form = PageForm::open(&editor, PATH).set("tickets:+0:labels", &a);
    form.send(&editor).assert_status(200).assert_contains("error-summary");
    undo(&root(&client), &all[0].batch).assert_redirect("/admin/-/history");
    assert_eq!((labels_of(&client, 1), ticket_now(&client, 2)), (vec!["a".into(), "b".into()], None));
}

fn links_to_rows_that_the_visitor_may_not_see_are_kept(on: &str) {
    let (client, quagga, labels) = ready(on, &["internal", "new", "public"]);
    link(&client, &quagga, &[labels[0], labels[2]]);
    let editor = editor(&client);
    editor.get(PATH).send().assert_contains(">public</option>").assert_not_contains("internal");
    let form = PageForm::open(&editor, PATH);
    assert_eq!(form.values(LABELS), [labels[2].to_string()]);
    form.set(LABELS, &labels[1].to_string()).send(&editor).assert_redirect("/admin/agents");
    assert_eq!(labels_of(&client, 1), ["internal", "new"]);
    PageForm::open(&editor, PATH).set_all(LABELS, &[]).send(&editor).assert_redirect("/admin/agents");
    assert_eq!(labels_of(&client, 1), ["internal"]);
    // A row that is not offered cannot be chosen, either.
    let form = PageForm::open(&editor, PATH).set("tickets:+0:title", "Okapi").set("tickets:+0:code", "okapi");
    let forged = form.set("tickets:+0:labels", &labels[0].to_string());
    forged.send(&editor).assert_status(200).assert_not_contains("internal");
    for hostile in ["", "x", "-1", "99999999999999999999", "1e0", "\0"] {
        let page = PageForm::open(&editor, PATH).set(LABELS, hostile).send(&editor);
        assert!(page.status().as_u16() < 500, "{hostile:?}: {page:?}");
    }
    assert_eq!((labels_of(&client, 1), ticket_now(&client, 2)), (vec!["internal".into()], None));
}

fn rights_decide_which_rows_are_linked(on: &str) {
    let (client, quagga, labels) = ready(on, &["a", "b"]);
    link(&client, &quagga, &labels[..1]);
    // Without the right to see labels, there is no such field, and the links stay.
    let blind = staff(&client, "blind", &["agents.change", "tickets.change"]);
    let form = PageForm::open(&blind, PATH).set("tickets:1:title", "Okapi");
    assert!(!form.names().contains(&LABELS));
    form.set(LABELS, &labels[1].to_string()).send(&blind).assert_redirect("/admin/agents");
    assert_eq!((labels_of(&client, 1), ticket_now(&client, 1).unwrap().title), (vec!["a".into()], "Okapi".to_owned()));
    // Those who may not change the row see its labels.
    let reader = staff(&client, "reader", &["agents.change", "tickets.view", "labels.view"]);
    let form = PageForm::open(&reader, PATH);
    assert!(!form.names().contains(&LABELS));
    reader.get(PATH).send().assert_contains("<div class=\"value\">a</div>");
    form.set(LABELS, &labels[1].to_string()).send(&reader).assert_redirect("/admin/agents");
    assert_eq!(labels_of(&client, 1), ["a"]);
}

fn a_row_with_many_links_is_linked_on_its_own_page(on: &str) {
    let names: Vec<String> = (0..11).map(|number| format!("l{number:02}")).collect();
    let (client, quagga, labels) = ready(on, &names.iter().map(String::as_str).collect::<Vec<_>>());
    link(&client, &quagga, &labels);
    let editor = editor(&client);
    editor.get(PATH).send().assert_contains("l00, l01").assert_contains("l10</div>");
    let form = PageForm::open(&editor, PATH).set("tickets:1:title", "Okapi");
    assert!(!form.names().contains(&LABELS));
    form.clone().set(LABELS, &labels[0].to_string()).send(&editor).assert_redirect("/admin/agents");
    assert_eq!((labels_of(&client, 1).len(), ticket_now(&client, 1).unwrap().title), (11, "Okapi".to_owned()));
    // With fewer links, the page would have the field. The form of before does not clear it.
    let form = PageForm::open(&editor, PATH).set("tickets:1:title", "Quagga");
    link(&client, &quagga, &labels[..10]);
    form.send(&editor).assert_status(200).assert_contains("has been changed since you opened this page");
    assert_eq!(labels_of(&client, 1).len(), 10);
}

fn links_that_were_changed_meanwhile_are_not_overwritten(on: &str) {
    let (client, quagga, labels) = ready(on, &["a", "b"]);
    let editor = editor(&client);
    let form = PageForm::open(&editor, PATH).set(LABELS, &labels[0].to_string());
    link(&client, &quagga, &labels[1..]);
    let page = form.send(&editor);
    page.assert_status(200).assert_contains("has been changed since you opened this page");
    assert_eq!(labels_of(&client, 1), ["b"]);
    PageForm::of(&page).send(&editor).assert_redirect("/admin/agents");
    assert_eq!(labels_of(&client, 1), ["a"]);
}

fn a_row_is_deleted_with_its_links(on: &str) {
    let (client, quagga, labels) = ready(on, &["a"]);
    link(&client, &quagga, &labels);
    let root = root(&client);
    PageForm::open(&root, PATH).set("tickets:1:_delete", "true").send(&root).assert_redirect("/admin/agents");
    assert_eq!(ticket_now(&client, 1), None);
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(labels_of(&client, 1), ["a"]);
}
