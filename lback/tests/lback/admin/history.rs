//! The history: the user, time and address of each change, written together with the change, and never edited.

use lback::admin::{Change, ChangeKind};

use super::*;
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_change_is_recorded_with_who_when_and_what,
    creating_and_deleting_are_recorded,
    a_change_whose_record_fails_is_not_made,
    a_save_that_fails_is_not_recorded,
    a_view_records_its_own_changes,
    nothing_in_the_admin_changes_the_history,
    the_history_outlives_the_user_and_the_row,
    pages_of_the_history_show_what_is_different,
    a_row_has_its_own_history,
    a_row_is_shown_as_it_was,
    old_changes_are_deleted_if_a_setting_says_so,
);

fn ready(on: &str) -> (Client, Client, Ticket) {
    let client = client(on);
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    let root = root(&client);
    (client, root, quagga)
}

fn a_change_is_recorded_with_who_when_and_what(on: &str) {
    let (client, root, quagga) = ready(on);
    label(&client, "wild");
    client.clock().advance(std::time::Duration::from_secs(90));
    let form = PageForm::open(&root, &row_path(&quagga)).set("title", "Okapi").set("points", "3").set("labels", "1");
    let fields: Vec<(&str, &str)> = form.names().into_iter().map(|name| (name, form.values(name)[0])).collect();
    root.post(&row_path(&quagga)).form(&fields).from_addr([192, 0, 2, 7]).send().assert_status(303);
    let all = changes(&client);
    let [change] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((change.action, change.model.as_str(), change.row_key.as_str()), (ChangeKind::Change, "tickets", "1"));
    assert_eq!((change.user_id, change.user_name.as_str(), change.label.as_str()), (Some(1), "root", "Okapi"));
    assert_eq!((change.at, change.address.as_deref()), (client.clock().now(), Some("192.0.2.7")));
    assert_eq!((change.undoes.as_deref(), change.batch.len()), (None, 32));
    let (before, after) = (change.before.as_ref().unwrap(), change.after.as_ref().unwrap());
    let different: Vec<&str> = before.keys().filter(|name| before[*name] != after[*name]).map(String::as_str).collect();
    assert_eq!(different, ["labels", "points", "title"]);
    assert_eq!((before["title"].as_str(), after["title"].as_str()), (Some("Quagga"), Some("Okapi")));
    assert_eq!((before["labels"].to_string(), after["labels"].to_string()), ("[]".to_owned(), "[1]".to_owned()));
    assert!(before.get("secret").is_none() && after.get("secret").is_none());
}

fn creating_and_deleting_are_recorded(on: &str) {
    let (client, root, quagga) = ready(on);
    edit(&root, "/admin/tickets/add", &[("title", "new"), ("code", "n"), ("agent_id", "1")]).assert_status(303);
    root.post(&format!("{}/delete", row_path(&quagga))).send().assert_status(303);
    let all = changes(&client);
    let kinds: Vec<_> =
        all.iter().map(|change| (change.action, change.label.as_str(), change.before.is_some(), change.after.is_some())).collect();
    assert_eq!(kinds, [(ChangeKind::Create, "new", false, true), (ChangeKind::Delete, "Quagga", true, false)]);
    assert_ne!(all[0].batch, all[1].batch);
    assert_eq!(all[1].before.as_ref().unwrap()["body"], "");
}

fn a_change_whose_record_fails_is_not_made(on: &str) {
    let (client, root, quagga) = ready(on);
    let zebedee = client.db(|db| Agent::query().first::<Agent>(db));
    let okapi = ticket(&client, &zebedee, "Okapi");
    let form = PageForm::open(&root, &row_path(&quagga)).set("title", "lost");
    let new = PageForm::open(&root, "/admin/tickets/add").set("title", "new").set("code", "n").set("agent_id", "1");
    let user = PageForm::open(&root, "/admin/auth_users/add").set("username", "mallory");
    sql(&client, "ALTER TABLE admin_history RENAME TO elsewhere");
    form.send(&root).assert_status(500);
    new.send(&root).assert_status(500);
    user.send(&root).assert_status(500);
    root.post("/admin/tickets").form(&[("action", "close"), ("row", "1"), ("row", "2")]).send().assert_status(500);
    let deleted = root.post(&format!("{}/delete", row_path(&okapi))).send();
    assert!([303, 500].contains(&deleted.status().as_u16()), "{deleted:?}");
    sql(&client, "ALTER TABLE elsewhere RENAME TO admin_history");
    assert_eq!(client.db(|db| Ticket::query().order(tickets::id).load::<Ticket>(db)), [quagga, okapi]);
    assert!(client.db(|db| User::named(db, "mallory")).is_none());
    assert_eq!(changes(&client).len(), 0);
}

fn a_save_that_fails_is_not_recorded(on: &str) {
    let (client, root, quagga) = ready(on);
    let zebedee = client.db(|db| Agent::query().first::<Agent>(db));
    let okapi = ticket(&client, &zebedee, "Okapi");
    let stuck = ticket(&client, &zebedee, "stuck");
    edit(&root, &row_path(&okapi), &[("code", &quagga.code), ("title", "x")]).assert_status(200);
    // The second ticket of the action fails.
    root.post("/admin/tickets").form(&[("action", "close"), ("row", "1"), ("row", &stuck.id.to_string())]).send().assert_status(400);
    client.db(|db| Invoice::create(db, NewInvoice { agent_id: zebedee.id, number: "1".to_owned() }));
    root.post("/admin/agents/row/1/delete").send().assert_status(409);
    assert_eq!(changes(&client).len(), 0);
    assert_eq!(client.db(|db| Ticket::query().order(tickets::id).load::<Ticket>(db)), [quagga, okapi, stuck]);
}

fn a_view_records_its_own_changes(on: &str) {
    fn rename(req: &mut Request) -> Result<String> {
        let id = req.param("id")?;
        let mut ticket = Ticket::find(req.db()?, id)?;
        let before = ticket.clone();
        ticket.title = "renamed".to_owned();
        ticket.secret = "new secret".to_owned();
        ticket.save(req.db()?)?;
        req.record_change(Some(&before), Some(&ticket))?;
        let new = Label::create(req.db()?, NewLabel { name: "by a view".to_owned() })?;
        req.record_change(None, Some(&new))?;
        match req.path().ends_with("fails") {
            true => Err(Error::internal("too late")),
            false => Ok("renamed".to_owned()),
        }
    }
    let urls =
        Router::new().get("/login", |_: &mut Request| "log in here").name("login").post("/{id}/rename", rename).post("/{id}/fails", rename);
    let app = App::new(urls).models(models()).auth().admin_with(admin());
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models()));
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    client.post("/1/fails").send().assert_status(500);
    assert_eq!(changes(&client).len(), 0);
    client.post("/1/rename").send().assert_contains("renamed");
    let all = changes(&client);
    let recorded: Vec<_> = all.iter().map(|change| (change.action, change.model.as_str(), change.user_name.as_str())).collect();
    assert_eq!(recorded, [(ChangeKind::Change, "tickets", ""), (ChangeKind::Create, "labels", "")]);
    assert_eq!(all[0].batch, all[1].batch, "changes of one request belong together");
    assert!(!lback::serde_json::to_string(&all).unwrap().contains("secret"), "{all:?}");
    let root = root(&client);
    root.get("/admin/-/history").send().assert_contains("The program").assert_contains("renamed");
    undo(&root, &all[0].batch).assert_redirect("/admin/-/history");
    let now = ticket_now(&client, quagga.id).unwrap();
    assert_eq!((now.title.as_str(), now.secret.as_str()), ("Quagga", "new secret"), "what was not recorded stays");
    assert_eq!(client.db(|db| Label::query().count().get_result::<i64>(db)), 0);
}

fn nothing_in_the_admin_changes_the_history(on: &str) {
    let admin = admin().model::<Change>(|change| change.list(["label", "user_name"]));
    let client = client_with(on, admin);
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    let root = root(&client);
    edit(&root, &row_path(&quagga), &[("title", "Okapi")]).assert_status(303);
    root.post(&format!("{}/delete", row_path(&quagga))).send().assert_status(303);
    let before = contents(&client);
    root.get("/admin/admin_history")
        .send()
        .assert_status(200)
        .assert_contains("Okapi")
        .assert_not_contains("/admin/admin_history/add")
        .assert_not_contains("name=\"action\"");
    let page = root.get("/admin/admin_history/row/2").send();
    page.assert_status(200).assert_not_contains("name=\"then\"").assert_not_contains("/delete\"").assert_not_contains("secret of");
    root.get("/admin/admin_history/export?format=json").send().assert_status(200).assert_not_contains("secret of");
    let forged = [("label", "forged"), ("user_name", "mallory"), ("row", "1"), ("action", "delete"), ("then", "as_new")];
    for path in ["", "/add", "/row/1", "/row/1/delete", "/delete"] {
        root.post(&format!("/admin/admin_history{path}")).form(&forged).send().assert_status(403);
    }
    for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::POST] {
        for path in ["/admin/-/history", "/admin/-/history/1", "/admin/tickets/row/1/history"] {
            let status = root.request(method.clone(), path).form(&forged).send().status().as_u16();
            assert!([404, 405].contains(&status), "{method} {path}: {status}");
        }
    }
    assert_eq!(contents(&client), before);
}

fn the_history_outlives_the_user_and_the_row(on: &str) {
    let (client, root, quagga) = ready(on);
    let clerk = staff(&client, "clerk", &["tickets.change", "tickets.delete"]);
    edit(&clerk, &row_path(&quagga), &[("title", "Okapi")]).assert_status(303);
    clerk.post(&format!("{}/delete", row_path(&quagga))).send().assert_status(303);
    let id = client.db(|db| User::named(db, "clerk")).unwrap().id;
    root.post(&format!("/admin/auth_users/row/{id}/delete")).send().assert_redirect("/admin/auth_users");
    clerk.get("/admin").send().assert_status(303);
    let page = root.get("/admin/-/history").send();
    page.assert_contains("clerk").assert_contains("Okapi").assert_not_contains(&format!("href=\"{}\"", row_path(&quagga)));
    root.get(&format!("{}/history", row_path(&quagga))).send().assert_status(404);
}

fn pages_of_the_history_show_what_is_different(on: &str) {
    let (_client, root, quagga) = ready(on);
    edit(&root, &row_path(&quagga), &[("title", "Okapi"), ("state", "closed"), ("points", "3")]).assert_status(303);
    edit(&root, &row_path(&quagga), &[("points", ""), ("body", &"long ".repeat(200))]).assert_status(303);
    for path in ["/admin", "/admin/-/history", &format!("{}/history", row_path(&quagga))] {
        let page = root.get(path).send();
        page.assert_contains(
            "<del><span class=\"unseen\">before: </span>Quagga</del> <ins><span class=\"unseen\">after: </span>Okapi</ins>",
        );
        page.assert_contains("before: </span>Open</del>").assert_contains("after: </span>Done &amp; dusted</ins>");
        page.assert_contains("before: </span>3</del> <ins class=\"quiet\">empty</ins>");
        page.assert_contains("root · <time datetime=\"2026-01-01 12:00\">").assert_not_contains(&"long ".repeat(100));
    }
}

fn a_row_has_its_own_history(on: &str) {
    let (client, root, quagga) = ready(on);
    let zebedee = client.db(|db| Agent::query().first::<Agent>(db));
    let okapi = ticket(&client, &zebedee, "Okapi");
    edit(&root, &row_path(&quagga), &[("title", "Quagga II")]).assert_status(303);
    edit(&root, "/admin/agents/row/1", &[("name", "Florence")]).assert_status(303);
    // The message after saving is on the next page.
    root.get("/admin/agents").send().assert_contains("Florence");
    let page = root.get(&format!("{}/history", row_path(&quagga))).send();
    page.assert_contains("Quagga II").assert_not_contains("Florence");
    root.get(&format!("{}/history", row_path(&okapi))).send().assert_contains("Nothing has been changed yet.");
}

fn a_row_is_shown_as_it_was(on: &str) {
    let (client, root, quagga) = ready(on);
    edit(&root, &row_path(&quagga), &[("title", "Okapi")]).assert_status(303);
    edit(&root, &row_path(&quagga), &[("title", "Gnu")]).assert_status(303);
    let id = changes(&client)[0].id;
    let page = root.get(&format!("/admin/-/history/{id}/row")).send();
    page.assert_contains("<span>Okapi</span>").assert_not_contains("<span>Gnu</span>").assert_not_contains("secret of");
    root.get("/admin/-/history/99/row").send().assert_status(404);
    staff(&client, "clerk", &["agents.view"]).get(&format!("/admin/-/history/{id}/row")).send().assert_status(403);
}

fn old_changes_are_deleted_if_a_setting_says_so(on: &str) {
    let client = client(&format!("ADMIN_HISTORY_DAYS = 30\n{on}"));
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    root(&client);
    let rename = |title: &str, days: u64| {
        client.clock().advance(std::time::Duration::from_secs(days * 24 * 3600));
        let root = client.fork();
        root.login(&client.db(|db| lback::auth::User::named(db, "root")).unwrap());
        edit(&root, &row_path(&quagga), &[("title", title)]).assert_status(303);
        changes(&client).into_iter().map(|change| change.label).collect::<Vec<_>>()
    };
    assert_eq!(rename("one", 0), ["one"]);
    assert_eq!(rename("two", 29), ["one", "two"]);
    assert_eq!(rename("three", 2), ["two", "three"]);
}
