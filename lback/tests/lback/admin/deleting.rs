//! Deletions: a page shows the rows that are deleted as well, and other rows can forbid the deletion.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    the_question_shows_everything_that_goes,
    what_needs_a_row_keeps_it,
    rows_are_deleted_together_after_one_question,
    many_rows_are_counted_and_not_all_named,
    a_question_alone_deletes_nothing,
    what_came_since_the_question_is_not_deleted_without_the_right,
    more_rows_than_can_be_checked_are_for_superusers,
);

fn ready(on: &str) -> (Client, Client, Agent, Ticket) {
    let client = client(on);
    let zebedee = agent(&client, "Zebedee");
    let quagga = ticket(&client, &zebedee, "Quagga");
    let root = root(&client);
    (client, root, zebedee, quagga)
}

fn count<M: Model>(client: &Client) -> u32 {
    client.db(|db| lback::models::ops::<M>().list().count_up_to(db, 10_000))
}

fn the_question_shows_everything_that_goes(on: &str) {
    let (client, root, zebedee, quagga) = ready(on);
    let florence = agent(&client, "Florence");
    let okapi = ticket_with(&client, NewTicket { reviewer_id: Some(zebedee.id), ..new_ticket(&florence, "Okapi") });
    comment(&client, &quagga, &florence, "Numbat");
    comment(&client, &okapi, &florence, "Dugong");
    let path = format!("/admin/agents/row/{}/delete", zebedee.id);
    let page = root.get(&path).send();
    page.assert_status(200).assert_contains("Delete this agent?");
    let text = page.text();
    let (deleted, released) = text.split_at(text.find("id=\"released\"").expect("rows that are released"));
    assert!(deleted.contains("Quagga") && deleted.contains("Numbat") && !deleted.contains("Okapi"), "{page:?}");
    assert!(released.contains("Okapi") && !released.contains("Quagga"), "{page:?}");
    page.assert_not_contains("Dugong");
    root.post(&path).send().assert_redirect("/admin/agents");
    assert_eq!((count::<Agent>(&client), count::<Ticket>(&client), count::<Comment>(&client)), (1, 1, 1));
    root.get("/admin/agents").send().assert_contains("Agent &quot;Zebedee&quot; has been deleted.");
}

fn what_needs_a_row_keeps_it(on: &str) {
    let (client, root, zebedee, _) = ready(on);
    client.db(|db| Invoice::create(db, NewInvoice { agent_id: zebedee.id, number: "2026-7".to_owned() }));
    let path = format!("/admin/agents/row/{}/delete", zebedee.id);
    let page = root.get(&path).send();
    page.assert_status(200)
        .assert_contains("This cannot be deleted yet")
        .assert_contains("2026-7")
        .assert_not_contains("class=\"primary danger\"");
    root.post(&path).send().assert_status(409).assert_contains("2026-7");
    root.post("/admin/agents/delete").form(&[("row", zebedee.id)]).send().assert_status(409);
    assert_eq!((count::<Agent>(&client), count::<Ticket>(&client), changes(&client).len()), (1, 1, 0));
}

fn rows_are_deleted_together_after_one_question(on: &str) {
    let (client, root, zebedee, quagga) = ready(on);
    let okapi = ticket(&client, &zebedee, "Okapi");
    let kept = ticket(&client, &zebedee, "kept");
    let page = root.post("/admin/tickets").form(&[("action", "delete"), ("row", "1"), ("row", "2")]).send();
    page.assert_status(200)
        .assert_contains("Delete 2 tickets?")
        .assert_contains("Quagga")
        .assert_contains("Okapi")
        .assert_not_contains("kept");
    page.assert_contains("action=\"/admin/tickets/delete\"").assert_contains("name=\"row\" value=\"2\"");
    assert_eq!(count::<Ticket>(&client), 3);
    root.post("/admin/tickets/delete")
        .form(&[("row", quagga.id), ("row", okapi.id), ("row", okapi.id)])
        .send()
        .assert_redirect("/admin/tickets");
    assert_eq!(client.db(|db| Ticket::query().load::<Ticket>(db)), [kept]);
    let mut batches: Vec<(String, String)> = changes(&client).into_iter().map(|change| (change.batch, change.row_key)).collect();
    batches.sort();
    assert_eq!(batches.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(batches[0].0, batches[1].0);
}

fn many_rows_are_counted_and_not_all_named(on: &str) {
    let (client, root, zebedee, _) = ready(on);
    client.db(|db| Ticket::create_many(db, (0..30).map(|number| new_ticket(&zebedee, &format!("ticket {number:02}")))));
    let page = root.get(&format!("/admin/agents/row/{}/delete", zebedee.id)).send();
    page.assert_contains("<span class=\"count\">31</span>").assert_contains("and 11 more");
    let keys: Vec<(&str, String)> = (1..=31).map(|key| ("row", key.to_string())).chain([("action", "delete".to_owned())]).collect();
    let page = root.post("/admin/tickets").form(&keys).send();
    page.assert_contains("Delete 31 tickets?").assert_contains("and 11 more").assert_contains("name=\"row\" value=\"31\"");
}

fn a_question_alone_deletes_nothing(on: &str) {
    let (client, root, ..) = ready(on);
    root.get("/admin/tickets/row/1/delete").send().assert_status(200);
    root.post("/admin/tickets").form(&[("action", "delete"), ("row", "1")]).send().assert_status(200);
    root.get("/admin/tickets/delete?row=1").send();
    root.request(Method::DELETE, "/admin/tickets/row/1").send();
    assert_eq!((count::<Ticket>(&client), changes(&client).len()), (1, 0));
}

fn what_came_since_the_question_is_not_deleted_without_the_right(on: &str) {
    let (client, _, zebedee, quagga) = ready(on);
    let clerk = staff(&client, "clerk", &["tickets.view", "tickets.delete"]);
    let path = format!("{}/delete", row_path(&quagga));
    clerk.get(&path).send().assert_status(200).assert_contains("class=\"primary danger\"");
    comment(&client, &quagga, &zebedee, "Numbat");
    clerk.post(&path).send().assert_status(409).assert_not_contains("Numbat");
    assert_eq!((count::<Ticket>(&client), count::<Comment>(&client)), (1, 1));
}

fn more_rows_than_can_be_checked_are_for_superusers(on: &str) {
    let (client, root, zebedee, quagga) = ready(on);
    let new = |number: usize| NewComment { ticket_id: quagga.id, author_id: zebedee.id, text: format!("{number}") };
    for start in (0..6000).step_by(1000) {
        client.db(|db| Comment::create_many(db, (start..start + 1000).map(new)));
    }
    let clerk = staff(&client, "clerk", &["tickets.view", "tickets.delete", "comments.view", "comments.change", "comments.delete"]);
    let path = format!("{}/delete", row_path(&quagga));
    clerk.get(&path).send().assert_contains("too many to check").assert_not_contains("class=\"primary danger\"");
    clerk.post(&path).send().assert_status(409);
    assert_eq!(count::<Comment>(&client), 6000);
    root.get(&path).send().assert_contains("class=\"primary danger\"");
    root.post(&path).send().assert_redirect("/admin/tickets");
    assert_eq!((count::<Ticket>(&client), count::<Comment>(&client)), (0, 0));
}
