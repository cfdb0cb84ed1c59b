//! Forms: new rows and changed ones, errors at their fields, fields that cannot be set, and two users at once.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_row_is_created_and_shown_again,
    a_row_is_changed_and_the_rest_of_it_stays,
    errors_are_at_their_fields_and_nothing_is_saved,
    a_taken_value_is_an_error_at_its_field,
    a_link_fills_in_a_new_row,
    fields_that_are_only_shown_or_left_out_cannot_be_set,
    fieldsets_have_titles_and_leave_out_other_fields,
    a_row_is_saved_as_a_new_one,
    buttons_lead_where_they_say,
    two_people_at_once_see_both_versions_and_the_last_word_counts,
    an_unchanged_form_is_no_conflict,
    a_model_that_counts_its_changes_is_edited_like_any_other,
    a_relation_is_changed_and_emptied,
    a_field_follows_others,
    groups_have_texts_computed_values_and_radio_buttons,
    a_computed_value_is_in_a_form_without_groups,
    markdown_has_a_preview,
);

fn markdown_has_a_preview(on: &str) {
    let client = client_with(on, Admin::new().model::<Ticket>(|ticket| tickets_admin(ticket).markdown(["body"])));
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    let preview =
        |browser: &Client, field: &str, text: &str| browser.post(&format!("/admin/tickets/preview/{field}")).form(&[("text", text)]).send();
    let root = root(&client);
    root.get(&row_path(&quagga)).send().assert_contains("data-editor=\"markdown\" data-preview=\"/admin/tickets/preview/body\"");
    let html = preview(&root, "body", "**a** <script>").json::<std::collections::BTreeMap<String, String>>();
    assert_eq!(html["html"], "<p><strong>a</strong> &lt;script&gt;</p>\n");
    preview(&root, "title", "a").assert_status(404);
    preview(&root, "secret", "a").assert_status(404);
    preview(&root, "body", &"a".repeat(2 * 1024 * 1024)).assert_status(413);
    root.post("/admin/tickets/preview/body").send().assert_status(200);
    preview(&staff(&client, "reader", &["tickets.view"]), "body", "a").assert_status(403);
    preview(&staff(&client, "adder", &["tickets.add"]), "body", "a").assert_status(200);
    preview(&staff(&client, "changer", &["tickets.change"]), "body", "a").assert_status(200);
}

fn a_computed_value_is_in_a_form_without_groups(on: &str) {
    let admin = |ticket| tickets_admin(ticket).readonly(["shout", "title"]);
    let client = client_with(on, Admin::new().model::<Ticket>(admin));
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    root(&client).get(&row_path(&quagga)).send().assert_contains("<span>Shouted</span>").assert_contains("QUAGGA");
}

fn groups_have_texts_computed_values_and_radio_buttons(on: &str) {
    let admin = |ticket| {
        tickets_admin(ticket)
            .fieldsets([("Main", ["title", "shout", "state", "agent"].as_slice()), ("Other", &["code"])])
            .describe("Other", "Rarely <needed>.")
            .radio(["state"])
    };
    let client = client_with(on, Admin::new().model::<Ticket>(admin));
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    let root = root(&client);
    let page = root.get(&row_path(&quagga)).send();
    page.assert_contains("Rarely &lt;needed&gt;.").assert_contains("<span>Shouted</span>").assert_contains("QUAGGA");
    page.assert_contains("type=\"radio\" name=\"state\"").assert_not_contains("<select name=\"state\"");
    root.get("/admin/tickets/add").send().assert_not_contains("Shouted");
    let form = PageForm::of(&page);
    assert_eq!(form.values("state"), ["open"]);
    form.clone().set("state", "closed").set("shout", "forged").send(&root).assert_redirect("/admin/tickets");
    assert_eq!(ticket_now(&client, quagga.id).unwrap().state, State::Closed);
    edit(&root, &row_path(&quagga), &[("state", "nonsense")]).assert_status(200).assert_contains("error-summary");
}

fn a_field_follows_others(on: &str) {
    let admin = |ticket| tickets_admin(ticket).prepopulated("code", ["title", "body"]);
    let client = client_with(on, Admin::new().model::<Ticket>(admin));
    agent(&client, "Zebedee");
    let root = root(&client);
    let add = |values: &[(&str, &str)]| edit(&root, "/admin/tickets/add", &[&[("agent_id", "1")], values].concat());
    let code = |id| ticket_now(&client, id).unwrap().code;
    root.get("/admin/tickets/add").send().assert_contains("data-prepopulated=\"{&quot;code&quot;:[&quot;title&quot;,&quot;body&quot;]}\"");
    add(&[("title", "Ça va?"), ("body", &"long ".repeat(50))]).assert_redirect("/admin/tickets");
    assert_eq!(code(1), "ca-va-long-long-long-long-long-long-long", "as long as the column allows");
    add(&[("title", "Own"), ("code", "mine")]).assert_redirect("/admin/tickets");
    assert_eq!(code(2), "mine");
    add(&[("title", "Mine"), ("code", "")]).assert_status(200).assert_contains("already has this code");
    // An existing row keeps its code, even an empty one.
    edit(&root, "/admin/tickets/row/2", &[("code", ""), ("title", "Another")]).assert_redirect("/admin/tickets");
    assert_eq!(code(2), "");
    root.get("/admin/tickets/row/2").send().assert_not_contains("data-prepopulated");
}

fn ready(on: &str, admin: Admin) -> (Client, Client, Ticket) {
    let client = client_with(on, admin);
    let quagga = ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    let root = root(&client);
    (client, root, quagga)
}

/// The text of the errors of a field.
fn errors_of(page: &TestResponse, field: &str) -> String {
    let errors = page.text().split_once(&format!("{field}-errors\">")).and_then(|(_, rest)| rest.split_once("</ul>"));
    errors.map_or_else(String::new, |(errors, _)| browser::text_of(errors))
}

fn a_row_is_created_and_shown_again(on: &str) {
    let (client, root, _) = ready(on, admin());
    label(&client, "wild");
    label(&client, "tame");
    let form = PageForm::open(&root, "/admin/tickets/add");
    assert_eq!((form.values("title"), form.values("state"), form.values("agent_id")), (vec![""], vec!["open"], vec![""]));
    let form = form.set("title", "  Okapi ").set("code", "o-1").set("body", "two\r\nlines").set("state", "in_review");
    let form = form.set("agent_id", "1").set("opened_on", "2026-02-03").set("due_at", "2026-02-03T04:05").set("points", "-7");
    let form = form.set("is_urgent", "true").set_all("labels", &["1", "2"]);
    form.send(&root).assert_redirect("/admin/tickets");
    root.get("/admin/tickets").send().assert_contains("Ticket &quot;Okapi&quot; has been added.");
    let new = ticket_now(&client, 2).unwrap();
    let expected = Ticket {
        id: 2,
        title: "Okapi".to_owned(),
        code: "o-1".to_owned(),
        body: "two\nlines".to_owned(),
        state: State::InReview,
        agent_id: 1,
        reviewer_id: None,
        opened_on: Some("2026-02-03".parse().unwrap()),
        due_at: Some("2026-02-03T04:05:00Z".parse().unwrap()),
        points: Some(-7),
        is_urgent: true,
        secret: String::new(),
    };
    assert_eq!(new, expected);
    assert_eq!(client.db(|db| new.labels(db)).len(), 2);
    // Labels are in the order of their names.
    let form = PageForm::open(&root, &row_path(&new));
    assert_eq!((form.values("title"), form.values("points"), form.values("labels")), (vec!["Okapi"], vec!["-7"], vec!["2", "1"]));
    root.get(&row_path(&new)).send().assert_contains("href=\"/tickets/2\"");
}

fn a_row_is_changed_and_the_rest_of_it_stays(on: &str) {
    let (client, root, quagga) = ready(on, admin());
    edit(&root, &row_path(&quagga), &[("body", "more"), ("points", "5")]).assert_redirect("/admin/tickets");
    assert_eq!(ticket_now(&client, 1), Some(Ticket { body: "more".to_owned(), points: Some(5), ..quagga.clone() }));
    // Optional fields can be cleared.
    edit(&root, &row_path(&quagga), &[("body", ""), ("points", "")]).assert_redirect("/admin/tickets");
    assert_eq!(ticket_now(&client, 1), Some(quagga));
}

fn errors_are_at_their_fields_and_nothing_is_saved(on: &str) {
    let (client, root, quagga) = ready(on, admin());
    let long = "x".repeat(121);
    let wrong = [
        ("title", "", "title"),
        ("title", &long, "title"),
        ("state", "gone", "state"),
        ("agent_id", "99", "agent_id"),
        ("agent_id", "", "agent_id"),
        ("opened_on", "yesterday", "opened_on"),
        ("points", "1.5", "points"),
        ("points", "2147483648", "points"),
        ("labels", "99", "labels"),
    ];
    for path in ["/admin/tickets/add".to_owned(), row_path(&quagga)] {
        let form = PageForm::open(&root, &path).set("title", "valid").set("code", "new").set("agent_id", "1");
        for (name, value, field) in wrong {
            let page = form.clone().set(name, value).set("body", "kept").send(&root);
            page.assert_status(200).assert_contains("kept");
            assert_ne!(errors_of(&page, field), "", "{path} {name}={value}: {page:?}");
        }
        // The model's own check.
        let page = form.set("is_urgent", "true").set("state", "closed").send(&root);
        assert!(errors_of(page.assert_status(200), "state").contains("An urgent ticket is not closed yet."), "{page:?}");
    }
    assert_eq!(client.db(|db| Ticket::query().load::<Ticket>(db)), [quagga]);
    assert_eq!(changes(&client).len(), 0);
}

fn a_taken_value_is_an_error_at_its_field(on: &str) {
    let (client, root, quagga) = ready(on, admin());
    let zebedee = client.db(|db| Agent::query().first::<Agent>(db));
    let okapi = ticket(&client, &zebedee, "Okapi");
    for path in ["/admin/tickets/add".to_owned(), row_path(&okapi)] {
        let page = PageForm::open(&root, &path).set("title", "x").set("agent_id", "1").set("code", &quagga.code).send(&root);
        assert!(errors_of(page.assert_status(200), "code").contains("already"), "{page:?}");
    }
    assert_eq!(ticket_now(&client, okapi.id), Some(okapi));
    assert_eq!(changes(&client).len(), 0);
}

fn a_link_fills_in_a_new_row(on: &str) {
    let (_client, root, _) = ready(on, admin());
    let query = "title=From+a+link&state=closed&agent_id=1&points=4&is_urgent=true&opened_on=2026-02-03&nothing=x&secret=s&id=7";
    let form = PageForm::open(&root, &format!("/admin/tickets/add?{query}"));
    let values = ["title", "state", "agent_id", "points", "is_urgent", "opened_on"].map(|name| form.values(name).concat());
    assert_eq!(values, ["From a link", "closed", "1", "4", "true", "2026-02-03"]);
    assert!(!form.names().iter().any(|name| ["nothing", "secret", "id"].contains(name)), "{form:?}");
    // A link alone saves nothing.
    assert_eq!(first_column(&root.get("/admin/tickets").send()), ["Quagga"]);
}

fn fields_that_are_only_shown_or_left_out_cannot_be_set(on: &str) {
    let narrow = |ticket: ModelAdmin<Ticket>| ticket.readonly(["title", "agent", "labels"]).exclude(["code", "points"]);
    let (client, root, quagga) = ready(on, Admin::new().model::<Ticket>(narrow));
    label(&client, "wild");
    agent(&client, "Ada");
    let form = PageForm::open(&root, &row_path(&quagga));
    assert!(!form.names().iter().any(|name| ["id", "title", "agent_id", "labels", "code", "points", "secret"].contains(name)), "{form:?}");
    root.get(&row_path(&quagga)).send().assert_contains("Quagga").assert_contains("Zebedee");
    let forged =
        [("id", "9"), ("title", "x"), ("agent_id", "2"), ("labels", "1"), ("code", "x"), ("points", "7"), ("secret", "x"), ("body", "new")];
    forged.iter().fold(form, |form, (name, value)| form.set(name, value)).send(&root).assert_redirect("/admin/tickets");
    assert_eq!(client.db(|db| Ticket::query().load::<Ticket>(db)), [Ticket { body: "new".to_owned(), ..quagga.clone() }]);
    assert_eq!(client.db(|db| quagga.labels(db)), []);
    assert!(!changes(&client)[0].after.as_ref().unwrap().contains_key("secret"));
}

fn fieldsets_have_titles_and_leave_out_other_fields(on: &str) {
    let groups = |ticket: ModelAdmin<Ticket>| {
        ticket.fieldsets([("", ["title", "agent"].as_slice()), ("Text & more", &["body", "labels", "id"])]).readonly(["id"])
    };
    let (_client, root, quagga) = ready(on, Admin::new().model::<Ticket>(groups));
    let page = root.get(&row_path(&quagga)).send();
    page.assert_contains("Text &amp; more");
    let form = PageForm::of(&page);
    let mut names = form.names();
    names.retain(|name| *name != "csrf_token" && *name != "_seen");
    assert_eq!(names, ["title", "agent_id", "body"]);
}

fn a_row_is_saved_as_a_new_one(on: &str) {
    let (client, root, quagga) = ready(on, admin());
    let label = label(&client, "wild");
    client.db(|db| quagga.set_labels(db, &[label.id]));
    let form = PageForm::open(&root, &row_path(&quagga)).set("then", "as_new");
    // Its code is unique.
    form.send(&root).assert_status(200).assert_contains("already");
    let saved = form.set("code", "copy").set("title", "Copy").send(&root);
    let copy = client.db(|db| Ticket::query().filter(tickets::code.eq("copy")).first::<Ticket>(db));
    saved.assert_redirect(&row_path(&copy));
    let expected = Ticket { id: copy.id, title: "Copy".to_owned(), code: "copy".to_owned(), secret: copy.secret.clone(), ..quagga.clone() };
    assert_eq!(copy, expected);
    assert_eq!(client.db(|db| copy.labels(db)), [label]);
    assert_eq!(ticket_now(&client, 1), Some(quagga), "the old one stays");
    let changes = changes(&client);
    assert_eq!(
        changes.iter().map(|change| (change.action, change.row_key.as_str())).collect::<Vec<_>>(),
        [(lback::admin::ChangeKind::Create, copy.id.to_string().as_str())]
    );
    assert!(changes[0].before.is_none());
    let reader = staff(&client, "changer", &["tickets.change", "agents.view", "labels.view"]);
    let form = PageForm::open(&reader, "/admin/tickets/row/1").set("then", "as_new").set("code", "third");
    form.send(&reader).assert_status(403);
}

fn buttons_lead_where_they_say(on: &str) {
    let (_client, root, quagga) = ready(on, admin());
    let then = |then: &str, title: &str| PageForm::open(&root, &row_path(&quagga)).set("title", title).set("then", then).send(&root);
    then("list", "one").assert_redirect("/admin/tickets");
    then("continue", "two").assert_redirect(&row_path(&quagga));
    then("another", "three").assert_redirect("/admin/tickets/add");
    then("https://elsewhere.example", "four").assert_redirect("/admin/tickets");
}

fn two_people_at_once_see_both_versions_and_the_last_word_counts(on: &str) {
    let (client, root, quagga) = ready(on, admin());
    let rights = ["tickets.change", "agents.view", "labels.view"];
    let clerk = staff(&client, "clerk", &rights);
    let form = PageForm::open(&root, &row_path(&quagga)).set("title", "mine").set("points", "1");
    edit(&clerk, &row_path(&quagga), &[("title", "theirs"), ("body", "theirs as well")]).assert_status(303);
    let page = form.send(&root);
    page.assert_status(200).assert_contains("clerk saved this ticket after you had opened it");
    page.assert_contains("<b>Saved</b> theirs</span> <span><b>Yours</b> mine").assert_contains("theirs as well");
    assert_eq!(ticket_now(&client, 1).unwrap().title, "theirs", "nothing is lost without a word");
    // A third change meanwhile is another conflict.
    let again = PageForm::of(&page);
    assert_eq!(again.values("title"), ["mine"]);
    edit(&clerk, &row_path(&quagga), &[("title", "theirs II")]).assert_status(303);
    let page = again.send(&root);
    page.assert_contains("theirs II");
    PageForm::of(&page).send(&root).assert_redirect("/admin/tickets");
    let now = ticket_now(&client, 1).unwrap();
    assert_eq!((now.title.as_str(), now.points, now.body.as_str()), ("mine", Some(1), ""));
    let (before, after) = {
        let change = changes(&client).pop().unwrap();
        (change.before.unwrap(), change.after.unwrap())
    };
    assert_eq!((before["title"].as_str(), after["title"].as_str()), (Some("theirs II"), Some("mine")));
}

fn an_unchanged_form_is_no_conflict(on: &str) {
    let (client, root, quagga) = ready(on, admin());
    let form = PageForm::open(&root, &row_path(&quagga));
    form.send(&root).assert_redirect("/admin/tickets");
    form.send(&root).assert_redirect("/admin/tickets");
    assert_eq!(ticket_now(&client, 1), Some(quagga));
    assert_eq!(changes(&client).len(), 0, "a row that stays as it was has no history");
}

fn a_model_that_counts_its_changes_is_edited_like_any_other(on: &str) {
    let client = client(on);
    let root = root(&client);
    edit(&root, "/admin/notes/add", &[("text", "one")]).assert_redirect("/admin/notes");
    let note = || client.db(|db| Note::query().first::<Note>(db));
    assert_eq!((note().text.as_str(), note().version), ("one", 1));
    let form = PageForm::open(&root, "/admin/notes/row/1");
    assert!(!form.names().contains(&"version"), "{form:?}");
    client.clock().advance(std::time::Duration::from_secs(60));
    form.clone().set("text", "two").set("version", "7").set("updated_at", "2020-01-01T00:00").send(&root).assert_redirect("/admin/notes");
    assert_eq!((note().text.as_str(), note().version, note().updated_at), ("two", 2, client.clock().now()));
    let page = form.set("text", "three").send(&root);
    page.assert_status(200).assert_contains("root saved this note after you had opened it");
    PageForm::of(&page).send(&root).assert_redirect("/admin/notes");
    assert_eq!((note().text.as_str(), note().version), ("three", 3));
    // By the program, between opening and saving.
    let form = PageForm::open(&root, "/admin/notes/row/1").set("text", "five");
    client.db(|db| Note { text: "four".to_owned(), ..note() }.save(db));
    form.send(&root).assert_contains("four");
    undo(&root, &last_batch(&client)).assert_status(409);
    assert_eq!((note().text.as_str(), note().version), ("four", 4));
}

fn a_relation_is_changed_and_emptied(on: &str) {
    let (client, root, quagga) = ready(on, admin());
    for name in ["a", "b", "c"] {
        label(&client, name);
    }
    let names = || client.db(|db| quagga.labels(db)).into_iter().map(|label| label.name).collect::<Vec<_>>();
    let set = |labels: &[&str]| PageForm::open(&root, &row_path(&quagga)).set_all("labels", labels).send(&root);
    set(&["1", "3"]).assert_status(303);
    assert_eq!(names(), ["a", "c"]);
    set(&["2"]).assert_status(303);
    assert_eq!(names(), ["b"]);
    let form = PageForm::open(&root, &row_path(&quagga));
    set(&[]).assert_status(303);
    assert_eq!(names(), [""; 0]);
    form.set("title", "late").send(&root).assert_status(200).assert_contains("after you had opened it");
    let fields: Vec<Vec<String>> = changes(&client)
        .iter()
        .map(|change| change.after.as_ref().unwrap()["labels"].as_array().unwrap().iter().map(ToString::to_string).collect())
        .collect();
    assert_eq!(fields, [vec!["1", "3"], vec!["2"], vec![]]);
}
