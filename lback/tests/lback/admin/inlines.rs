//! Rows of another model on the page of the row that they refer to.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    rows_are_added_changed_and_deleted_with_the_row,
    an_invalid_row_is_explained_and_nothing_is_saved,
    a_row_to_which_others_refer_is_not_deleted_there,
    rights_decide_what_an_inline_offers,
    a_row_that_was_changed_meanwhile_is_not_overwritten,
    rows_that_came_and_went_meanwhile_are_left_alone,
    a_row_that_was_changed_meanwhile_is_not_deleted,
    more_rows_than_the_page_shows_are_in_a_list,
);

fn ready(on: &str) -> (Client, Agent, Ticket) {
    let tickets = |ticket| tickets_admin(ticket).inline::<Comment>();
    let client = client_with(on, Admin::new().model::<Ticket>(tickets).model::<Agent>(|agent| agent.inline::<Ticket>()));
    let zebedee = agent(&client, "Zebedee");
    let quagga = ticket(&client, &zebedee, "Quagga");
    (client, zebedee, quagga)
}

fn texts(client: &Client) -> Vec<String> {
    client.db(|db| Comment::query().order(comments::id).select(comments::text).load(db))
}

fn rows_are_added_changed_and_deleted_with_the_row(on: &str) {
    let (client, zebedee, quagga) = ready(on);
    for text in ["first", "second"] {
        comment(&client, &quagga, &zebedee, text);
    }
    let root = root(&client);
    let form = PageForm::open(&root, &row_path(&quagga));
    assert_eq!(form.values("comments:1:text"), ["first"]);
    assert_eq!(form.values("comments:1:ticket_id"), [""; 0], "the row of the page is known");
    let form = form.set("title", "Okapi").set("comments:1:text", "changed").set("comments:2:_delete", "true");
    form.set("comments:+1:text", "new").set("comments:+1:author_id", "1").send(&root).assert_redirect("/admin/tickets");
    assert_eq!(texts(&client), ["changed", "new"]);
    assert_eq!(ticket_now(&client, quagga.id).unwrap().title, "Okapi");
    // All of it is one change, and undone at once.
    let all = changes(&client);
    assert_eq!(all.iter().map(|change| change.model.as_str()).collect::<Vec<_>>(), ["tickets", "comments", "comments", "comments"]);
    assert!(all.iter().all(|change| change.batch == all[0].batch));
    root.post(&format!("/admin/-/history/{}/undo", all[0].batch)).send().assert_redirect("/admin/-/history");
    assert_eq!(texts(&client), ["first", "second"]);
    assert_eq!(ticket_now(&client, quagga.id).unwrap().title, "Quagga");
    // A form that is sent as it is changes nothing.
    let before = changes(&client).len();
    PageForm::open(&root, &row_path(&quagga)).send(&root).assert_redirect("/admin/tickets");
    assert_eq!((changes(&client).len(), texts(&client).len()), (before, 2));
}

fn an_invalid_row_is_explained_and_nothing_is_saved(on: &str) {
    let (client, zebedee, quagga) = ready(on);
    comment(&client, &quagga, &zebedee, "first");
    let root = root(&client);
    // A new row without its author.
    let form = PageForm::open(&root, &row_path(&quagga)).set("title", "Okapi").set("comments:+0:text", "new");
    form.send(&root).assert_status(200).assert_contains("error-summary").assert_contains("value=\"new\"");
    assert_eq!(texts(&client), ["first"]);
    assert_eq!(ticket_now(&client, quagga.id).unwrap().title, "Quagga");
    // The database refuses a second ticket with the same code.
    let path = format!("/admin/agents/row/{}", zebedee.id);
    let form = PageForm::open(&root, &path).set("name", "Yak").set("tickets:+0:title", "Second").set("tickets:+0:code", "quagga");
    form.send(&root).assert_status(200).assert_contains("already has this code");
    assert_eq!(client.db(|db| Agent::find(db, zebedee.id)).name, "Zebedee");
    assert!(changes(&client).is_empty());
}

fn a_row_to_which_others_refer_is_not_deleted_there(on: &str) {
    let (client, zebedee, quagga) = ready(on);
    comment(&client, &quagga, &zebedee, "first");
    let root = root(&client);
    let path = format!("/admin/agents/row/{}", zebedee.id);
    let page = PageForm::open(&root, &path).set("tickets:1:_delete", "true").send(&root);
    page.assert_status(200).assert_contains("Delete it on its own page");
    assert_eq!(texts(&client), ["first"]);
}

fn rights_decide_what_an_inline_offers(on: &str) {
    let (client, zebedee, quagga) = ready(on);
    comment(&client, &quagga, &zebedee, "a secret remark");
    let of = |name: &str, permissions: &[&str]| staff(&client, name, permissions);
    let blind = of("blind", &["tickets.change", "agents.view"]);
    blind.get(&row_path(&quagga)).send().assert_not_contains("a secret remark");
    let reader = of("reader", &["tickets.change", "agents.view", "comments.view"]);
    let form = PageForm::open(&reader, &row_path(&quagga));
    assert!(!form.names().iter().any(|name| name.starts_with("comments:")), "{form:?}");
    // What the page does not offer cannot be sent, either.
    let forged = form.set("comments:1:text", "forged").set("comments:1:_delete", "true").set("comments:+0:text", "forged");
    forged.set("comments:+0:author_id", "1").send(&reader).assert_redirect("/admin/tickets");
    assert_eq!(texts(&client), ["a secret remark"]);
    let editor = of("editor", &["tickets.change", "agents.view", "comments.change"]);
    let form = PageForm::open(&editor, &row_path(&quagga)).set("comments:1:_delete", "true").set("comments:1:text", "edited");
    form.send(&editor).assert_redirect("/admin/tickets");
    assert_eq!(texts(&client), ["edited"], "without the right, nothing is deleted");
}

fn a_row_that_was_changed_meanwhile_is_not_overwritten(on: &str) {
    let (client, zebedee, quagga) = ready(on);
    let mut first = comment(&client, &quagga, &zebedee, "first");
    let root = root(&client);
    let form = PageForm::open(&root, &row_path(&quagga)).set("comments:1:text", "mine");
    first.text = "theirs".to_owned();
    client.db(|db| first.save(db));
    let page = form.send(&root);
    page.assert_status(200).assert_contains("has been changed since you opened this page");
    assert_eq!(texts(&client), ["theirs"]);
    // Saving again is a decision for these values.
    PageForm::of(&page).send(&root).assert_redirect("/admin/tickets");
    assert_eq!(texts(&client), ["mine"]);
}

fn rows_that_came_and_went_meanwhile_are_left_alone(on: &str) {
    let (client, zebedee, quagga) = ready(on);
    let [first, _] = ["first", "second"].map(|text| comment(&client, &quagga, &zebedee, text));
    let root = root(&client);
    let form = PageForm::open(&root, &row_path(&quagga)).set("comments:2:text", "changed");
    comment(&client, &quagga, &zebedee, "third");
    form.clone().send(&root).assert_redirect("/admin/tickets");
    assert_eq!(texts(&client), ["first", "changed", "third"]);
    client.db(|db| first.delete(db));
    let page = PageForm::of(&form.set("title", "Okapi").send(&root));
    assert_eq!(ticket_now(&client, quagga.id).unwrap().title, "Quagga", "the page said that a row is missing");
    assert_eq!(page.values("title"), ["Okapi"]);
    page.send(&root).assert_redirect("/admin/tickets");
    assert_eq!(ticket_now(&client, quagga.id).unwrap().title, "Okapi");
}

fn a_row_that_was_changed_meanwhile_is_not_deleted(on: &str) {
    let (client, zebedee, quagga) = ready(on);
    let mut first = comment(&client, &quagga, &zebedee, "first");
    let root = root(&client);
    let form = PageForm::open(&root, &row_path(&quagga)).set("comments:1:_delete", "true");
    first.text = "theirs".to_owned();
    client.db(|db| first.save(db));
    let page = form.send(&root);
    page.assert_status(200).assert_contains("has been changed since you opened this page");
    assert_eq!(texts(&client), ["theirs"]);
    PageForm::of(&page).set("comments:1:_delete", "true").send(&root).assert_redirect("/admin/tickets");
    assert_eq!(texts(&client), [""; 0]);
}

fn more_rows_than_the_page_shows_are_in_a_list(on: &str) {
    let (client, zebedee, quagga) = ready(on);
    let other = ticket(&client, &zebedee, "Okapi");
    let new = |ticket: &Ticket, number: usize| NewComment { ticket_id: ticket.id, author_id: zebedee.id, text: format!("n{number:03}") };
    client.db(|db| Comment::create_many(db, (0..101).map(|number| new(&quagga, number))));
    client.db(|db| Comment::create(db, new(&other, 999)));
    let root = root(&client);
    let page = root.get(&row_path(&quagga)).send();
    page.assert_contains("n099").assert_not_contains("n100").assert_contains("/admin/comments?ticket_id.key=1");
    let list = root.get("/admin/comments?ticket_id.key=1&size=200").send();
    list.assert_contains("<p class=\"count\">101 found</p>").assert_contains("n100").assert_not_contains("n999");
}
