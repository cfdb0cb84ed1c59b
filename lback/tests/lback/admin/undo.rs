//! Undo: of a change, a new row, a deletion of several rows, an action on many rows; and changes that prevent it.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_change_is_undone_and_done_again,
    a_new_row_is_taken_away_again,
    a_new_row_that_others_refer_to_stays,
    a_deletion_comes_back_with_everything_that_went_with_it,
    rows_that_were_released_refer_to_their_row_again,
    links_from_other_rows_come_back,
    a_tree_comes_back,
    rows_that_were_deleted_together_come_back_together,
    an_action_is_undone_at_once,
    later_changes_of_other_fields_stay,
    a_later_change_is_in_the_way,
    what_is_in_the_way_of_one_row_leaves_all_as_they_are,
    a_taken_place_is_in_the_way,
    undoing_needs_the_right_for_each_row,
    a_batch_is_undone_once,
    the_page_offers_what_can_be_undone,
);

fn ready(on: &str) -> (Client, Client, Ticket) {
    let client = client(on);
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    let root = root(&client);
    (client, root, quagga)
}

fn all_tickets(client: &Client) -> Vec<Ticket> {
    client.db(|db| Ticket::query().order(tickets::id).load(db))
}

fn count<M: Model>(client: &Client) -> usize {
    client.db(|db| lback::models::ops::<M>().list().count_up_to(db, 1000)) as usize
}

fn a_change_is_undone_and_done_again(on: &str) {
    let (client, root, quagga) = ready(on);
    label(&client, "wild");
    edit(&root, &row_path(&quagga), &[("title", "Okapi"), ("points", "3"), ("labels", "1")]).assert_status(303);
    let changed = ticket_now(&client, 1).unwrap();
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(ticket_now(&client, 1), Some(quagga.clone()));
    assert_eq!(client.db(|db| quagga.labels(db)), []);
    let undone = changes(&client).pop().unwrap();
    assert_eq!((undone.undoes.as_ref(), undone.user_name.as_str()), (Some(&changes(&client)[0].batch), "root"));
    // Undoing is a change, which can be undone.
    undo(&root, &undone.batch).assert_redirect("/admin/-/history");
    assert_eq!(ticket_now(&client, 1), Some(changed));
    assert_eq!(client.db(|db| quagga.labels(db)).len(), 1);
}

fn a_new_row_is_taken_away_again(on: &str) {
    let (client, root, quagga) = ready(on);
    label(&client, "wild");
    edit(&root, "/admin/tickets/add", &[("title", "new"), ("code", "n"), ("agent_id", "1"), ("labels", "1")]).assert_status(303);
    let new = all_tickets(&client).pop().unwrap();
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(all_tickets(&client), [quagga]);
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(ticket_now(&client, new.id), Some(new.clone()), "with its number");
    assert_eq!(client.db(|db| new.labels(db)).len(), 1);
}

fn a_new_row_that_others_refer_to_stays(on: &str) {
    let (client, root, quagga) = ready(on);
    edit(&root, "/admin/agents/add", &[("name", "Florence")]).assert_status(303);
    let batch = last_batch(&client);
    let florence = client.db(|db| Agent::query().filter(agents::name.eq("Florence")).first::<Agent>(db));
    let later = ticket(&client, &florence, "written since");
    undo(&root, &batch).assert_status(409);
    assert_eq!(all_tickets(&client), [quagga.clone(), later.clone()], "rows of others do not go without a word");
    client.db(|db| later.delete(db));
    client.db(|db| Ticket { reviewer_id: Some(florence.id), ..quagga.clone() }.save(db));
    undo(&root, &batch).assert_status(409);
    assert_eq!(ticket_now(&client, quagga.id).unwrap().reviewer_id, Some(florence.id));
    client.db(|db| quagga.clone().save(db));
    undo(&root, &batch).assert_status(303);
    assert_eq!(count::<Agent>(&client), 1);
    // The same holds for those that are linked to it.
    edit(&root, "/admin/labels/add", &[("name", "wild")]).assert_status(303);
    client.db(|db| quagga.set_labels(db, &[1]));
    undo(&root, &last_batch(&client)).assert_status(409);
    assert_eq!(client.db(|db| quagga.labels(db)).len(), 1);
}

fn a_deletion_comes_back_with_everything_that_went_with_it(on: &str) {
    let (client, root, quagga) = ready(on);
    let zebedee = client.db(|db| Agent::query().first::<Agent>(db));
    let florence = agent(&client, "Florence");
    let okapi = ticket(&client, &florence, "Okapi");
    let (wild, tame) = (label(&client, "wild"), label(&client, "tame"));
    client.db(|db| quagga.set_labels(db, &[wild.id, tame.id]));
    client.db(|db| okapi.set_labels(db, &[tame.id]));
    // Comments refer to their ticket and to their author.
    for (ticket, author, text) in [(&quagga, &zebedee, "a"), (&quagga, &florence, "b"), (&okapi, &zebedee, "c"), (&okapi, &florence, "d")] {
        comment(&client, ticket, author, text);
    }
    let comments = || client.db(|db| Comment::query().order(comments::id).load::<Comment>(db));
    let (tickets_before, comments_before) = (all_tickets(&client), comments());
    root.post(&format!("/admin/agents/row/{}/delete", zebedee.id)).send().assert_redirect("/admin/agents");
    assert_eq!((all_tickets(&client), comments().len()), (vec![okapi.clone()], 1));
    let all = changes(&client);
    assert_eq!(all.len(), 5, "an agent, a ticket, three comments: {all:?}");
    assert!(all.iter().all(|change| change.batch == all[0].batch));
    undo(&root, &all[0].batch).assert_redirect("/admin/-/history");
    assert_eq!((all_tickets(&client), comments()), (tickets_before, comments_before));
    let labels = |ticket: &Ticket| client.db(|db| ticket.labels(db)).len();
    assert_eq!((labels(&quagga), labels(&okapi)), (2, 1));
    assert_eq!(client.db(|db| Agent::query().filter(agents::id.eq(zebedee.id)).first::<Agent>(db)), zebedee);
    // The numbers of new rows continue from there.
    assert_eq!(ticket(&client, &zebedee, "next").id, okapi.id + 1);
    root.get("/admin/-/history").send().assert_contains("undone since");
}

fn rows_that_were_released_refer_to_their_row_again(on: &str) {
    let (client, root, quagga) = ready(on);
    let florence = agent(&client, "Florence");
    let reviewed = Ticket { reviewer_id: Some(florence.id), ..quagga };
    client.db(|db| reviewed.clone().save(db));
    root.post(&format!("/admin/agents/row/{}/delete", florence.id)).send().assert_redirect("/admin/agents");
    assert_eq!(ticket_now(&client, reviewed.id), Some(Ticket { reviewer_id: None, ..reviewed.clone() }));
    root.get(&format!("{}/history", row_path(&reviewed))).send().assert_contains("<ins class=\"quiet\">empty</ins>");
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(ticket_now(&client, reviewed.id), Some(reviewed));
    assert_eq!(count::<Agent>(&client), 2);
}

fn links_from_other_rows_come_back(on: &str) {
    let (client, root, quagga) = ready(on);
    let (wild, tame) = (label(&client, "wild"), label(&client, "tame"));
    client.db(|db| quagga.set_labels(db, &[wild.id, tame.id]));
    root.post(&format!("/admin/labels/row/{}/delete", wild.id)).send().assert_redirect("/admin/labels");
    assert_eq!(client.db(|db| quagga.labels(db)), std::slice::from_ref(&tame));
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(client.db(|db| quagga.labels(db)), [tame, wild]);
}

fn topics(client: &Client) -> Vec<Topic> {
    client.db(|db| Topic::query().order(topics::id).load(db))
}

fn a_tree_comes_back(on: &str) {
    let (client, root, _) = ready(on);
    // The parents of some have larger numbers.
    let new = |name: &str, parent_id| client.db(|db| Topic::create(db, NewTopic { name: name.to_owned(), parent_id }));
    let (leaf, twig) = (new("leaf", None), new("twig", None));
    let branch = new("branch", None);
    let trunk = new("trunk", None);
    for (topic, parent) in [(&leaf, &twig), (&twig, &branch), (&branch, &trunk)] {
        client.db(|db| Topic { parent_id: Some(parent.id), ..topic.clone() }.save(db));
    }
    new("other leaf", Some(branch.id));
    let before = topics(&client);
    root.post(&format!("/admin/topics/row/{}/delete", trunk.id)).send().assert_redirect("/admin/topics");
    assert_eq!(topics(&client), []);
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(topics(&client), before);
}

fn rows_that_were_deleted_together_come_back_together(on: &str) {
    let (client, root, _) = ready(on);
    let new = |name: &str, parent_id| client.db(|db| Topic::create(db, NewTopic { name: name.to_owned(), parent_id }));
    let parent = new("parent", None);
    let child = new("child", Some(parent.id));
    let grandchild = new("grandchild", Some(child.id));
    let before = topics(&client);
    for order in [[&parent, &child, &grandchild], [&grandchild, &parent, &child], [&child, &grandchild, &parent]] {
        let rows = order.map(|topic| ("row", topic.id));
        root.post("/admin/topics/delete").form(&rows).send().assert_redirect("/admin/topics");
        assert_eq!(topics(&client), [], "{order:?}");
        undo(&root, &last_batch(&client)).assert_status(303);
        assert_eq!(topics(&client), before, "{order:?}");
    }
}

fn an_action_is_undone_at_once(on: &str) {
    let (client, root, quagga) = ready(on);
    let zebedee = client.db(|db| Agent::query().first::<Agent>(db));
    let done = ticket_with(&client, NewTicket { state: State::Closed, ..new_ticket(&zebedee, "done") });
    let okapi = ticket(&client, &zebedee, "Okapi");
    root.post("/admin/tickets")
        .form(&[("action", "close"), ("row", "1"), ("row", "2"), ("row", "3")])
        .send()
        .assert_redirect("/admin/tickets");
    root.get("/admin/tickets").send().assert_contains("3 tickets are closed.");
    let all = changes(&client);
    assert_eq!(all.iter().map(|change| change.row_key.as_str()).collect::<Vec<_>>(), ["1", "3"], "a closed ticket stayed as it was");
    assert_eq!(all[0].batch, all[1].batch);
    undo(&root, &all[0].batch).assert_redirect("/admin/-/history");
    root.get("/admin/-/history").send().assert_contains("2 changes have been undone.");
    assert_eq!(all_tickets(&client), [quagga, done, okapi]);
}

fn later_changes_of_other_fields_stay(on: &str) {
    let (client, root, quagga) = ready(on);
    edit(&root, &row_path(&quagga), &[("title", "Okapi")]).assert_status(303);
    let batch = last_batch(&client);
    edit(&root, &row_path(&quagga), &[("body", "written since")]).assert_status(303);
    undo(&root, &batch).assert_status(303);
    assert_eq!(ticket_now(&client, 1), Some(Ticket { body: "written since".to_owned(), ..quagga }));
}

fn a_later_change_is_in_the_way(on: &str) {
    let (client, root, quagga) = ready(on);
    edit(&root, &row_path(&quagga), &[("title", "Okapi"), ("points", "1")]).assert_status(303);
    let batch = last_batch(&client);
    edit(&root, &row_path(&quagga), &[("title", "Numbat")]).assert_status(303);
    let before = (all_tickets(&client), changes(&client).len());
    undo(&root, &batch).assert_status(409).assert_contains("has been changed since: Title.");
    assert_eq!((all_tickets(&client), changes(&client).len()), before);
    // A row that was created, and changed since.
    edit(&root, "/admin/tickets/add", &[("title", "new"), ("code", "n"), ("agent_id", "1")]).assert_status(303);
    let batch = last_batch(&client);
    edit(&root, "/admin/tickets/row/2", &[("body", "more")]).assert_status(303);
    undo(&root, &batch).assert_status(409).assert_contains("has been changed since");
    // A row that was deleted since.
    root.post("/admin/tickets/row/2/delete").send().assert_status(303);
    undo(&root, &batch).assert_status(409).assert_contains("has been deleted since");
    assert_eq!(all_tickets(&client), before.0);
}

fn what_is_in_the_way_of_one_row_leaves_all_as_they_are(on: &str) {
    let (client, root, _) = ready(on);
    let zebedee = client.db(|db| Agent::query().first::<Agent>(db));
    ticket(&client, &zebedee, "Okapi");
    root.post("/admin/tickets").form(&[("action", "close"), ("row", "1"), ("row", "2")]).send().assert_status(303);
    let batch = last_batch(&client);
    // The first is undone last.
    edit(&root, "/admin/tickets/row/1", &[("state", "in_review")]).assert_status(303);
    let before = (all_tickets(&client), changes(&client).len());
    undo(&root, &batch).assert_status(409);
    assert_eq!((all_tickets(&client), changes(&client).len()), before);
    // It does not count as undone, either.
    edit(&root, "/admin/tickets/row/1", &[("state", "closed")]).assert_status(303);
    undo(&root, &batch).assert_status(303);
    assert_eq!(all_tickets(&client).iter().map(|ticket| ticket.state).collect::<Vec<_>>(), [State::Open, State::Open]);
}

fn a_taken_place_is_in_the_way(on: &str) {
    let (client, root, quagga) = ready(on);
    let zebedee = client.db(|db| Agent::query().first::<Agent>(db));
    // Its unique code belongs to another now.
    edit(&root, &row_path(&quagga), &[("code", "free")]).assert_status(303);
    let batch = last_batch(&client);
    let okapi = ticket_with(&client, NewTicket { code: quagga.code.clone(), ..new_ticket(&zebedee, "Okapi") });
    undo(&root, &batch).assert_status(409).assert_contains("does not fit the other rows any more");
    // Its agent is gone.
    root.post("/admin/tickets/row/1/delete").send().assert_status(303);
    let batch = last_batch(&client);
    client.db(|db| okapi.delete(db));
    client.db(|db| zebedee.delete(db));
    undo(&root, &batch).assert_status(409);
    assert_eq!(all_tickets(&client), []);
    // Another row has its key.
    edit(&root, "/admin/pages/add", &[("path", "p"), ("text", "old")]).assert_status(303);
    root.post("/admin/pages/row/p/delete").send().assert_status(303);
    let batch = last_batch(&client);
    client.db(|db| Page::create(db, NewPage { path: "p".to_owned(), text: "new".to_owned() }));
    undo(&root, &batch).assert_status(409);
    assert_eq!(client.db(|db| Page::query().first::<Page>(db)).text, "new");
}

fn undoing_needs_the_right_for_each_row(on: &str) {
    let (client, root, quagga) = ready(on);
    comment(&client, &quagga, &client.db(|db| Agent::query().first::<Agent>(db)), "Numbat");
    edit(&root, &row_path(&quagga), &[("title", "Okapi")]).assert_status(303);
    let changed = last_batch(&client);
    edit(&root, "/admin/tickets/add", &[("title", "new"), ("code", "n"), ("agent_id", "1")]).assert_status(303);
    let added = last_batch(&client);
    root.post(&format!("{}/delete", row_path(&quagga))).send().assert_status(303);
    let deleted = last_batch(&client);
    let may = [
        (&changed, vec!["tickets.view", "tickets.add", "tickets.delete"]),
        (&added, vec!["tickets.view", "tickets.add", "tickets.change"]),
        (&deleted, vec!["tickets.view", "tickets.change", "tickets.delete", "comments.add"]),
        // The comment came back first, or not at all.
        (&deleted, vec!["tickets.add", "comments.view", "comments.change"]),
    ];
    let rows = || (client.command("dumpdata", &["tickets", "comments"]), changes(&client).len());
    let before = rows();
    for (number, (batch, permissions)) in may.iter().enumerate() {
        let clerk = staff(&client, &format!("clerk{number}"), permissions);
        undo(&clerk, batch).assert_status(403).assert_not_contains("Okapi").assert_not_contains("Numbat");
    }
    undo(&staff(&client, "nobody", &[]), &changed).assert_status(403).assert_not_contains("Okapi");
    assert_eq!(rows(), before);
    undo(&staff(&client, "able", &["tickets.add", "comments.add"]), &deleted).assert_status(303);
    undo(&staff(&client, "changer", &["tickets.change"]), &changed).assert_status(303);
    assert_eq!(ticket_now(&client, quagga.id), Some(quagga));
}

fn a_batch_is_undone_once(on: &str) {
    let (client, root, quagga) = ready(on);
    edit(&root, &row_path(&quagga), &[("title", "Okapi")]).assert_status(303);
    let batch = last_batch(&client);
    undo(&root, &batch).assert_status(303);
    let count = changes(&client).len();
    undo(&root, &batch).assert_status(409).assert_contains("undone already");
    assert_eq!((changes(&client).len(), ticket_now(&client, 1)), (count, Some(quagga)));
}

fn the_page_offers_what_can_be_undone(on: &str) {
    let (client, root, quagga) = ready(on);
    edit(&root, &row_path(&quagga), &[("title", "Okapi")]).assert_status(303);
    let action = format!("action=\"/admin/-/history/{}/undo\"", last_batch(&client));
    let reader = staff(&client, "reader", &["tickets.view"]);
    for page in ["/admin", "/admin/-/history", &format!("{}/history", row_path(&quagga))] {
        root.get(page).send().assert_contains(&action);
        reader.get(page).send().assert_contains("Okapi").assert_not_contains("/undo");
    }
    undo(&root, &last_batch(&client)).assert_status(303);
    let page = root.get("/admin/-/history").send();
    page.assert_contains("undone since").assert_contains("undoes an earlier change").assert_not_contains(&action);
}
