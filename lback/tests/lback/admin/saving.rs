//! Code of the application before and after rows are saved and deleted, and saves at the same time.

use std::sync::Barrier;
use std::thread;

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    code_before_a_save_changes_and_refuses_rows,
    code_after_a_save_runs_in_its_transaction,
    code_runs_for_inlines_columns_and_imports,
    code_around_a_deletion_runs_and_refuses_it,
    of_two_saves_at_the_same_time_one_wins,
);

fn ready(on: &str) -> (Client, Client, Ticket) {
    let tickets = |ticket: ModelAdmin<Ticket>| {
        tickets_admin(ticket)
            .editable(["title"])
            .inline::<Comment>()
            .before_save(|req, ticket, old| match ticket.title.as_str() {
                "refused" => Err(Error::bad_request("No ticket has this title.")),
                "broken" => Err(Error::internal("the code is broken")),
                "another" => {
                    ticket.id += 1;
                    Ok(())
                }
                _ => {
                    let before = old.map_or("nothing", |old| old.title.as_str());
                    ticket.body = format!("{before} became {} by {}", ticket.title, req.require_login()?.username);
                    Ok(())
                }
            })
            .after_save(|req, ticket, old| {
                let name = format!("{} {}", ticket.title, old.is_some());
                Label::get_or_create(req.db()?, NewLabel { name }, &["name"])?;
                if ticket.title == "late" { Err(Error::new(StatusCode::CONFLICT, "It is too late.")) } else { Ok(()) }
            })
            .before_delete(|_, ticket| match ticket.title.as_str() {
                "kept" => Err(Error::forbidden("This ticket is kept.")),
                _ => Ok(()),
            })
            .after_delete(|req, ticket| Label::create(req.db()?, NewLabel { name: format!("{} is gone", ticket.title) }).map(drop))
    };
    let comments = |comment: ModelAdmin<Comment>| {
        comment
            .before_save(|_, comment, _| match comment.text.as_str() {
                "refused" => Err(Error::bad_request("No comment has this text.")),
                _ => {
                    comment.text += "!";
                    Ok(())
                }
            })
            .before_delete(|_, comment| match comment.text.as_str() {
                "kept" => Err(Error::bad_request("This comment is kept.")),
                _ => Ok(()),
            })
    };
    let client = client_with(on, Admin::new().model::<Ticket>(tickets).model::<Comment>(comments));
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    let root = root(&client);
    (client, root, quagga)
}

fn labels(client: &Client) -> Vec<String> {
    client.db(|db| Label::query().order(labels::id).select(labels::name).load(db))
}

fn code_before_a_save_changes_and_refuses_rows(on: &str) {
    let (client, root, quagga) = ready(on);
    edit(&root, &row_path(&quagga), &[("title", "Okapi"), ("body", "x")]).assert_redirect("/admin/tickets");
    assert_eq!(ticket_now(&client, quagga.id).unwrap().body, "Quagga became Okapi by root");
    let after = changes(&client).pop().unwrap().after.unwrap();
    assert_eq!(after.0["body"], "Quagga became Okapi by root", "the history has the row as it was saved");
    let new = [("title", "Numbat"), ("code", "n"), ("agent_id", "1")];
    edit(&root, "/admin/tickets/add", &new).assert_redirect("/admin/tickets");
    assert_eq!(ticket_now(&client, 2).unwrap().body, "nothing became Numbat by root");
    let before = contents(&client);
    let page = edit(&root, &row_path(&quagga), &[("title", "refused")]);
    page.assert_status(200).assert_contains("No ticket has this title.").assert_contains("value=\"refused\"");
    for title in ["broken", "another"] {
        edit(&root, &row_path(&quagga), &[("title", title)]).assert_status(500);
    }
    assert_eq!(contents(&client), before);
}

fn code_after_a_save_runs_in_its_transaction(on: &str) {
    let (client, root, quagga) = ready(on);
    edit(&root, &row_path(&quagga), &[("title", "Okapi")]).assert_redirect("/admin/tickets");
    assert_eq!(labels(&client), ["Okapi true"]);
    let before = contents(&client);
    let form = PageForm::open(&root, &row_path(&quagga)).set("title", "late");
    form.send(&root).assert_status(200).assert_contains("It is too late.").assert_not_contains("since you opened it");
    assert_eq!(contents(&client), before, "neither the ticket nor the label is saved");
}

fn code_runs_for_inlines_columns_and_imports(on: &str) {
    let (client, root, quagga) = ready(on);
    let kept = comment(&client, &quagga, &client.db(|db| Agent::find(db, 1)), "kept");
    let texts = || client.db(|db| Comment::query().order(comments::id).select(comments::text).load::<String>(db));
    let add = |text: &str| edit(&root, &row_path(&quagga), &[("comments:+0:author_id", "1"), ("comments:+0:text", text)]);
    add("new").assert_redirect("/admin/tickets");
    add("refused").assert_status(200).assert_contains("Comment: No comment has this text.");
    assert_eq!(texts(), ["kept", "new!"]);
    let page = edit(&root, &row_path(&quagga), &[(&format!("comments:{}:_delete", kept.id), "true")]);
    page.assert_status(200).assert_contains("This comment is kept.");
    edit(&root, &row_path(&quagga), &[("comments:2:_delete", "true")]).assert_redirect("/admin/tickets");
    assert_eq!(texts(), ["kept"]);

    let column = |title: &str| {
        let page = root.get("/admin/tickets").send();
        let seen = page.text().split("name=\"1:_seen\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        root.post("/admin/tickets").form(&[("save", "true"), ("1:title", title), ("1:_seen", &seen)]).send()
    };
    column("refused").assert_status(200).assert_contains("Quagga: No ticket has this title.");
    column("Okapi").assert_redirect("/admin/tickets");
    assert_eq!(ticket_now(&client, 1).unwrap().body, "Quagga became Okapi by root");

    let import = |text: &str, confirm: bool| {
        let fields = [("text", text), ("confirm", "true")];
        root.post("/admin/tickets/import").form(&fields[..if confirm { 2 } else { 1 }]).send()
    };
    let before = contents(&client);
    import("title,code,agent\nrefused,r,Zebedee\n", true).assert_status(200).assert_contains("No ticket has this title.");
    import("title,code,agent\nNumbat,n,Zebedee\n", false).assert_status(200);
    assert_eq!(contents(&client), before);
    import("title,code,agent\nNumbat,n,Zebedee\n", true).assert_status(303);
    let imported: Ticket = client.db(|db| Ticket::query().filter(tickets::code.eq("n")).first(db));
    assert_eq!(imported.body, "nothing became Numbat by root");
    assert!(labels(&client).contains(&"Numbat false".to_owned()));
}

fn code_around_a_deletion_runs_and_refuses_it(on: &str) {
    let (client, root, quagga) = ready(on);
    let kept = ticket(&client, &client.db(|db| Agent::find(db, 1)), "kept");
    let before = contents(&client);
    let rows = [("row", quagga.id), ("row", kept.id)];
    let answer = root.post("/admin/tickets/delete").form(&rows).send();
    root.get(answer.assert_redirect("/admin/tickets").location().unwrap()).send().assert_contains("This ticket is kept.");
    assert_eq!(contents(&client), before, "all or none");
    root.post(&format!("{}/delete", row_path(&quagga))).send().assert_redirect("/admin/tickets");
    assert_eq!((ticket_now(&client, quagga.id), labels(&client)), (None, vec!["Quagga is gone".to_owned()]));
}

fn of_two_saves_at_the_same_time_one_wins(on: &str) {
    let client = client_with(on, Admin::new().model::<Agent>(|agent| agent));
    let zebedee = agent(&client, "Zebedee");
    // Requests of one session may wait for each other.
    let (root, clerk) = (root(&client), staff(&client, "clerk", &["agents.change"]));
    let path = format!("/admin/agents/row/{}", zebedee.id);
    for round in 0..8 {
        let form = PageForm::open(&root, &path);
        let forms = ["one", "two"].map(|name| form.clone().set("name", &format!("{name} {round}")));
        let barrier = Barrier::new(2);
        let send = |form: &PageForm, browser: &Client| {
            barrier.wait();
            form.send(browser)
        };
        let pages = thread::scope(|scope| {
            let [one, two] = forms.each_ref();
            let threads = [scope.spawn(|| send(one, &root)), scope.spawn(|| send(two, &clerk))];
            threads.map(|thread| thread.join().unwrap())
        });
        let saved = pages.iter().filter(|page| page.status() == 303).count();
        let refused = pages.iter().find(|page| page.status() == 200).expect("a page of the other");
        refused.assert_contains("after you had opened it").assert_contains("<b>Yours</b>");
        assert_eq!(saved, 1, "exactly one wins");
        assert_eq!(changes(&client).len(), round + 1, "what was not saved is not in the history");
    }
}
